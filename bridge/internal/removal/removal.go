// Package removal removes devices from the network: device/remove. A device that
// answers gets a Config Node Reset (Mesh Protocol 1.1.1, section 4.3.2.53). One that
// does not answer can be removed by force. It then still has the keys of the network,
// unless they are refreshed without it.
//
//	store ─▶ Config Node Reset ─▶ node.Forget ─▶ records ─▶ Key Refresh
//
// A removal with a key refresh is stored before it begins. After a crash it continues,
// so that no removed device keeps valid keys.
package removal

import (
	"context"
	"encoding/json"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// table is the one of key refreshes; the removals that are under way have a key of
// their own in it.
const table store.Table = "refresh"

const keyRemovals = "removals"

// KeyRefreshes refreshes keys without a device.
type KeyRefreshes interface {
	Without(uuid mesh.UUID, subnets []mesh.KeyIndex) string
}

// Commands sends the commands that wait for a device.
type Commands interface{ Resume(d *registry.Device) }

// Part removes devices. Make it with New.
type Part struct {
	part.None
	h         *part.Host
	refreshes KeyRefreshes
	commands  Commands
	underWay  map[mesh.UUID]removal // with a key refresh
	unsaved   bool                  // the store did not take the last change of underWay
	due       bool                  // those of before the start are to go on
}

// removal is how a device is removed.
type removal struct {
	Force      bool            `json:"force"`
	KeyRefresh bool            `json:"key_refresh"`
	NetKeys    []mesh.KeyIndex `json:"net_keys"` // that the device has
}

// New makes the part.
func New(h *part.Host, k KeyRefreshes, c Commands) *Part {
	return &Part{h: h, refreshes: k, commands: c, underWay: map[mesh.UUID]removal{}}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(removeMeta(), p.request)}
}

// Load implements part.Part.
func (p *Part) Load() error { return p.h.Writer.Get(table, keyRemovals, &p.underWay) }

// commit stores the removals that are under way. done is called once that is on
// disk.
func (p *Part) commit(done func(err error)) {
	data, err := json.Marshal(p.underWay)
	if err != nil {
		p.h.Loop.Post(func() { done(err) })
		return
	}
	p.h.Writer.Commit(done, store.Change{Table: table, Key: keyRemovals, Value: data})
}

// Start implements part.Part: it continues removals that were under way.
func (p *Part) Start() {
	p.due = true
	p.resume()
}

// resume continues removals of before the start, once an adapter works.
func (p *Part) resume() {
	if !p.due || p.h.RadioDown() != nil {
		return
	}
	p.due = false
	for uuid, how := range p.underWay {
		if d := p.h.Devices.ByUUID(uuid); d != nil {
			p.h.Log.Info().Str("device", d.Record.Name).Msg("the removal of a device goes on")
			p.remove(d, how, func(*removeOut, error) {})
			continue
		}
		p.refreshWithout(uuid, how.NetKeys)
	}
}

// request is device/remove.
func (p *Part) request(c *request.Call[removeOut], in removeIn) {
	d, err := p.h.Devices.Named("id", string(in.ID))
	if err != nil {
		c.Fail(err)
		return
	}
	p.remove(d, removal{Force: in.Force, KeyRefresh: in.KeyRefresh}, c.Answer)
}

// remove makes a device leave the network. With force it is forgotten also when it
// does not answer.
func (p *Part) remove(d *registry.Device, how removal, reply request.Answer[removeOut]) {
	if err := p.h.Devices.Idle(d); err != nil {
		reply(nil, err)
		return
	}
	d.Busy = true
	if !how.KeyRefresh {
		p.reset(d, how, reply)
		return
	}
	how.NetKeys = subnets(d)
	p.underWay[d.Record.UUID] = how
	p.commit(func(err error) {
		if err != nil {
			d.Busy = false
			delete(p.underWay, d.Record.UUID)
			p.commitOrWarn("the end of a removal") // this one may have been stored all the same
			reply(nil, err)
			p.commands.Resume(d)
			return
		}
		p.reset(d, how, reply)
	})
}

func subnets(d *registry.Device) []mesh.KeyIndex {
	return append([]mesh.KeyIndex{d.Record.NetKey}, d.Record.NetKeys...)
}

// reset sends the Config Node Reset and makes the mesh forget the node.
func (p *Part) reset(d *registry.Device, how removal, reply request.Answer[removeOut]) {
	if p.h.Loop.Stopping() {
		p.ended(d, how, node.ErrStopped, node.ErrStopped, reply)
		return
	}
	peer, to := d.Peer(), p.h.Requester(d)
	p.h.Loop.Go(func(ctx context.Context) {
		reset := commission.Remove(ctx, to, peer)
		forgotten := reset
		if reset == nil || how.Force && !fault.Stopped(reset) {
			// It has left: from here on there is no way back.
			forgotten = p.h.Mesh.Forget(context.WithoutCancel(ctx), peer.UUID)
		}
		p.h.Loop.Post(func() { p.ended(d, how, reset, forgotten, reply) })
	})
}

// ended takes the outcome of a removal: whether the node confirmed its reset, and whether
// the mesh removed it.
func (p *Part) ended(d *registry.Device, how removal, reset, forgotten error, reply request.Answer[removeOut]) {
	d.Busy = false
	out := &removeOut{ID: d.Record.Name, Reset: reset == nil, UUID: d.Record.UUID}
	if forgotten != nil {
		p.giveUp(d, fault.Stopped(forgotten))
		if fault.Unanswered(forgotten) {
			forgotten = fault.New("no_response", "%w; it was not removed: switch it on and try again, or forget it with \"force\":true", forgotten)
		}
		reply(out, forgotten)
		p.commands.Resume(d)
		return
	}
	p.h.Records.Forget(d)
	if how.KeyRefresh {
		out.KeyRefresh = p.refreshWithout(d.Record.UUID, subnets(d))
	}
	p.h.Log.Info().Str("device", d.Record.Name).Bool("reset", reset == nil).Msg("the device was removed")
	p.h.Publisher.Notify(document.DeviceLeave{Address: d.Record.Address, Name: d.Record.Name, UUID: d.Record.UUID})
	reply(out, nil)
}

// refreshWithout refreshes the keys of a removed device. The same write to the store ends
// its removal.
func (p *Part) refreshWithout(uuid mesh.UUID, subnets []mesh.KeyIndex) string {
	status := p.refreshes.Without(uuid, subnets)
	delete(p.underWay, uuid)
	p.commitOrWarn("a key refresh")
	return status
}

// giveUp deletes the record of a removal that failed. If the service is stopping, the
// removal continues after the next start.
func (p *Part) giveUp(d *registry.Device, stopped bool) {
	if _, ok := p.underWay[d.Record.UUID]; !ok || stopped {
		return
	}
	delete(p.underWay, d.Record.UUID)
	p.commitOrWarn("the end of a removal")
}

// commitOrWarn stores the removals that are under way, and tries again until the store
// takes them: one that has ended must not go on after the next start.
func (p *Part) commitOrWarn(what string) {
	p.commit(func(err error) {
		if err != nil && !p.unsaved {
			p.h.Publisher.Warn("", "%s could not be stored, which is tried again: %v", what, err)
		}
		p.unsaved = err != nil
	})
}

// Second implements part.Part.
func (p *Part) Second(int) {
	if p.unsaved {
		p.commitOrWarn("a removal")
	}
	p.resume()
}
