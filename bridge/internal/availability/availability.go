// Package availability finds out which devices can be reached and publishes it.
//
//	message, heartbeat, poll ─▶ Heard, SetOnline ─▶ B/NAME/availability
//	request without answer   ─▶ Unanswered ─▶ probe ─▶ offline
//	long silence             ─▶ probe
//
// A probe is a Config Default TTL Get, which every node answers (Mesh Protocol
// 1.1.1, section 4.3.2). One device is probed for its silence at a time: the
// radio has other things to do. After a start all devices are asked for their state,
// a few at a time (refresh.go).
package availability

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
)

// Commands asks a device for its whole state, in the background, and tells the end of it.
type Commands interface {
	Refresh(d *registry.Device, done func(error))
}

// Interviews begins an interview.
type Interviews interface {
	Interview(d *registry.Device, reply part.DeviceAnswer)
}

// Part tracks which devices can be reached. Make it with New, then Connect it.
type Part struct {
	part.None
	h          *part.Host
	silence    time.Duration
	commands   Commands
	interviews Interviews
	contacts   map[*registry.Device]*contact
	silent     *registry.Device // is probed because it was silent
	refreshes  refreshes
}

// contact is what is known of the way to a device.
type contact struct {
	lastSeen  time.Time
	lastAsked time.Time // whether it is still there
	online    *bool     // nil: not known yet
	probing   bool
	failures  int // requests without an answer since it was heard
	saved     saved
}

// New makes the part. silence is how long a device may be silent before it is
// probed.
func New(h *part.Host, silence time.Duration) *Part {
	return &Part{h: h, silence: silence, contacts: map[*registry.Device]*contact{}}
}

// Connect gives the part the others that it needs.
func (p *Part) Connect(c Commands, i Interviews) { p.commands, p.interviews = c, i }

func (p *Part) contact(d *registry.Device) *contact {
	c := p.contacts[d]
	if c == nil {
		c = &contact{}
		p.contacts[d] = c
	}
	return c
}

// Message implements part.Part: a device that sends can be reached.
func (p *Part) Message(m *part.Message) bool {
	p.Heard(m.Element.Device)
	p.SetOnline(m.Element.Device, true)
	return false
}

// Added implements part.Part: a device that has just been provisioned was heard.
func (p *Part) Added(d, _ *registry.Device) { p.contact(d).lastSeen = p.h.Loop.Now() }

// Removed implements part.Part.
func (p *Part) Removed(d *registry.Device, _ bool) {
	p.drop(d)
	delete(p.contacts, d)
	if p.silent == d {
		p.silent = nil
	}
}

// Renamed implements part.Part.
func (p *Part) Renamed(d *registry.Device, _ string) { p.publish(d) }

// Announced implements part.Part.
func (p *Part) Announced(d *registry.Device) { p.publish(d) }

// Heard records that a device was heard.
func (p *Part) Heard(d *registry.Device) {
	c := p.contact(d)
	c.lastSeen, c.failures = p.h.Loop.Now(), 0
}

// Known reports whether the availability of a device is known.
func (p *Part) Known(d *registry.Device) bool { return p.contact(d).online != nil }

// SetOnline records whether a device can be reached, and publishes a change. A device
// that can be reached again is asked for its state.
func (p *Part) SetOnline(d *registry.Device, online bool) {
	c := p.contact(d)
	if c.online != nil && *c.online == online {
		return
	}
	returned := c.online != nil && online
	c.online, d.Offline = &online, !online
	p.keep(d)
	p.publish(d)
	if !returned {
		return
	}
	p.h.Log.Info().Str("device", d.Record.Name).Msg("the device is back")
	switch {
	case d.Busy:
	case d.Translator == nil:
		p.interviews.Interview(d, func(*document.DeviceReference, error) {}) // its first interview was interrupted
	default:
		p.Refresh(d) // it may have been switched meanwhile
	}
}

// publish publishes the availability of a device, once it is known.
func (p *Part) publish(d *registry.Device) {
	c := p.contact(d)
	if c.online == nil {
		return
	}
	state := document.State{State: "offline"}
	if *c.online {
		state.State = "online"
	}
	payload, err := json.Marshal(state)
	if err != nil {
		return // a text can always be written
	}
	p.h.Ledger.Retain(d.Record.UUID, p.h.Topics.Availability(d.Record.Name), payload)
}

// Unanswered records that a device did not answer a request. After the first one the
// device is probed; after the second one it is offline. While no adapter works, it is not
// the fault of the device: its first interview, if that has failed, is repeated later.
func (p *Part) Unanswered(d *registry.Device) {
	if p.h.RadioDown() != nil {
		if d.Translator == nil && !slices.Contains(p.refreshes.interviews, d) {
			p.refreshes.interviews = append(p.refreshes.interviews, d)
		}
		return
	}
	if d.LowPower() {
		return
	}
	c := p.contact(d)
	c.failures++
	enough := 2
	if d.Offline {
		enough = 1 // it was not there before the restart either
	}
	if c.failures < enough {
		p.probe(d, func(error) {})
		return
	}
	if c.online == nil || *c.online {
		p.h.Log.Warn().Str("device", d.Record.Name).Msg("the device does not answer")
	}
	p.SetOnline(d, false)
}

// probe asks a device for its default TTL. done is told the end of it.
func (p *Part) probe(d *registry.Device, done func(error)) {
	c := p.contact(d)
	if c.probing || d.Busy {
		done(nil)
		return
	}
	c.probing = true
	c.lastAsked = p.h.Loop.Now()
	peer, to := d.Peer(), p.h.Requester(d).As(node.ClassProbe).Few()
	p.h.Loop.Go(func(ctx context.Context) {
		err := commission.Probe(ctx, to, peer)
		p.h.Loop.Post(func() {
			c.probing = false
			if p.silent == d {
				p.silent = nil
			}
			if fault.Unanswered(err) && p.h.Devices.Has(d) {
				p.Unanswered(d)
			}
			done(err)
		})
	})
}

// Second implements part.Part.
func (p *Part) Second(tick int) {
	const lookEvery = 2
	if tick%lookEvery == 0 {
		p.probeSilent()
	}
	p.refreshNext()
}

// probeSilent probes the device that has been silent longest, if that exceeds the
// limit.
func (p *Part) probeSilent() {
	if p.silent != nil || p.Refreshing() > 0 || p.h.RadioDown() != nil { // all are asked anyway, or none can be
		return
	}
	now := p.h.Loop.Now()
	var silent *registry.Device
	var since time.Time
	p.h.Devices.All(func(d *registry.Device) {
		c := p.contact(d)
		last := c.last()
		if c.probing || d.Busy || d.LowPower() || now.Sub(last) < p.silence {
			return
		}
		if silent == nil || last.Before(since) {
			silent, since = d, last
		}
	})
	if silent == nil {
		return
	}
	p.silent = silent
	p.probe(silent, func(error) {})
}
