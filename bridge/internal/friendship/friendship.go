// Package friendship follows the friendships of low power nodes with the bridge
// (Mesh Protocol 1.1.1, section 3.6.6). A low power node that polls can be reached
// although it does not answer at once; one that has ceased to poll cannot.
package friendship

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
)

// Availability records that a device was heard, and asks it for its state.
type Availability interface {
	Heard(d *registry.Device)
	Known(d *registry.Device) bool
	SetOnline(d *registry.Device, online bool)
	Refresh(d *registry.Device)
}

// Part follows the friendships with the bridge. Make it with New.
type Part struct {
	part.None
	h            *part.Host
	availability Availability
}

var _ part.Describer = (*Part)(nil)

// New makes the part.
func New(h *part.Host, a Availability) *Part { return &Part{h: h, availability: a} }

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	if e, ok := e.(node.FriendshipChanged); ok {
		p.changed(e)
	}
}

// changed handles the beginning or the end of a friendship.
func (p *Part) changed(e node.FriendshipChanged) {
	p.h.Own.Refresh()
	d := p.h.Devices.At(e.LPN).Device
	if d == nil {
		return
	}
	change := document.FriendshipChange{Established: e.Established, Name: d.Record.Name}
	if !e.Established {
		change.Reason = e.Reason
	}
	p.h.Publisher.Notify(change)
	p.h.Log.Info().Str("device", d.Record.Name).Bool("established", e.Established).Str("reason", e.Reason).
		Msg("the friendship with a device that sleeps has changed")
	switch {
	case e.Established:
		p.availability.Heard(d)
		unknown := !p.availability.Known(d)
		p.availability.SetOnline(d, true)
		if unknown && !d.Busy {
			p.availability.Refresh(d) // SetOnline does it for one that comes back
		}
	case e.Reason == string(friend.PollTimeout):
		p.availability.SetOnline(d, false)
	}
}

// Describe implements part.Describer.
func (p *Part) Describe(d *registry.Device, to *document.Device) {
	friendships := p.h.Own.Summary().Friendships
	for i := range friendships {
		if f := &friendships[i]; f.LPN == d.Record.Address {
			to.Friendship = &document.Friendship{PollTimeout: f.PollTimeout.Seconds(), Queued: f.Queued, Addresses: len(f.Subscriptions)}
			return
		}
	}
}
