package keyrefresh

import (
	"context"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

// This file carries the procedure out: step, store, change the own node, send.

// stepIfDue steps the procedure if its deadline has passed.
func (p *Part) stepIfDue() {
	if p.current == nil {
		return
	}
	if next := p.current.NextDeadline(); !next.IsZero() && !next.After(p.h.Loop.Now()) {
		p.step()
	}
}

// step advances the procedure, unless a device is joining or being changed. A device
// that joins has the keys of the time when its provisioning began, so the next phase
// must not begin before the device is known. While no adapter works, it waits: no node
// shall be left behind for that.
func (p *Part) step() {
	if p.current == nil || p.busy || p.h.Loop.Stopping() || !p.h.Devices.AllIdle() {
		return
	}
	if p.h.RadioDown() != nil {
		p.current.Pause(p.h.Loop.Now())
		return
	}
	out, err := p.current.Step(p.h.Loop.Now())
	if err != nil {
		p.h.Publisher.Warn("", "the key refresh cannot go on: %v", err)
		return
	}
	if !out.Persist {
		p.carryOut(out)
		return
	}
	p.busy = true
	p.commit(func(err error) {
		p.busy = false
		if err != nil {
			p.current.Undo(out)
			p.h.Publisher.Warn("", "the key refresh waits for the store: %v", err)
			return
		}
		p.carryOut(out)
		p.stepIfDue() // for what came in meanwhile
	})
}

// carryOut carries out a step that was stored.
func (p *Part) carryOut(out refresh.Output) {
	p.notify()
	if out.Own == 0 {
		p.send(out.Send)
		return
	}
	p.busy = true
	r := p.current
	p.h.Loop.Go(func(ctx context.Context) {
		err := p.h.Mesh.Keys(ctx, func(keys configuration.Keys) error {
			net, apps := r.Keys()
			return keys.Refresh(r.NetKey(), out.Own, net, apps).Err()
		})
		p.h.Loop.Post(func() {
			p.busy = false
			switch {
			case fault.Stopped(err):
			case err != nil:
				p.abandon(err)
			case r.Phase() == refresh.Done:
				p.end()
			default:
				p.send(out.Send)
			}
		})
	})
}

// send sends the requests to the nodes and steps with each answer.
func (p *Part) send(list []refresh.Send) {
	r := p.current
	for _, send := range list {
		d := p.h.Devices.ByUUID(send.Node)
		if d == nil {
			r.Exclude(send.Node)
			continue
		}
		to := p.h.Requester(d).As(node.ClassConfiguration)
		p.h.Loop.Go(func(ctx context.Context) {
			response, err := to.Request(ctx, send.Request)
			p.h.Loop.Post(func() {
				if p.current == r && !fault.Stopped(err) {
					r.Answered(p.h.Loop.Now(), send.Node, response, err)
					p.step()
				}
			})
		})
	}
}

// notify publishes an event when a phase begins.
func (p *Part) notify() {
	p.h.Publisher.Changed("info")
	if phase := p.current.Phase(); phase != p.notified {
		p.notified = phase
		data := p.status()
		p.h.Publisher.Notify(document.KeyRefreshPhase{
			NetKey: data.NetKey, Phase: data.Phase, Missing: data.Missing, LeftBehind: data.LeftBehind,
		})
	}
}

// abandon ends a refresh that failed on the own node.
func (p *Part) abandon(err error) {
	index := p.current.NetKey()
	p.h.Publisher.Warn("", "the refresh of the keys of subnet %d was given up: %v", index, err)
	p.h.Publisher.Notify(document.KeyRefreshPhase{NetKey: index, Phase: "failed", Error: fault.Clip(err.Error())})
	p.drop()
}

// end records the outcome of a refresh.
func (p *Part) end() {
	status := p.current.Status()
	for _, uuid := range slices.Concat(status.LeftBehind, status.Excluded) {
		if d := p.h.Devices.ByUUID(uuid); d != nil {
			d.Record.LeftBehind = true
			p.h.Records.Keep(d)
			p.h.Publisher.Warn(d.Record.Name, "%s did not get the new keys of the network: provision it again", d.Record.Name)
		}
	}
	for uuid := range status.Missing {
		if d := p.h.Devices.ByUUID(uuid); d != nil {
			p.h.Log.Warn().Str("device", d.Record.Name).Msg("the device has the new keys and did not confirm that it uses them")
		}
	}
	p.h.Log.Info().Uint16("net_key", uint16(status.NetKey)).Int("left_behind", len(status.LeftBehind)).
		Msg("the keys of the network were refreshed")
	p.drop()
}

func (p *Part) drop() {
	p.current = nil
	p.commitOrWarn("the end of the key refresh")
	p.h.Own.Refresh()
	p.next(nil)
}
