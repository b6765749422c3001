package keyrefresh

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// This file begins key refreshes: it takes requests, queues them and draws keys.

// request begins a key refresh, or makes the running one continue without the devices
// that do not answer.
func (p *Part) request(c *request.Call[document.KeyRefresh], in refreshIn) {
	index := in.NetKey
	if in.Finish {
		if !p.Refreshes(index) {
			c.Fail(fault.New("not_running", "finish: the keys of subnet %d are not being refreshed", index))
			return
		}
		p.current.Finish()
		p.step()
		c.Answer(p.status(), nil)
		return
	}
	if in.GiveUp {
		p.giveUp(c, index)
		return
	}
	wanted := job{NetKey: index}
	err := p.h.Own.CheckSubnet(index)
	for _, id := range in.Exclude {
		d, unknown := p.h.Devices.Named("exclude", string(id))
		if err = errors.Join(err, unknown); unknown == nil {
			wanted.Exclude = append(wanted.Exclude, d.Record.UUID)
		}
	}
	if err == nil && (p.current != nil || p.busy || len(p.queue) > 0) {
		err = fault.New("busy", "a key refresh is under way already; \"finish\":true makes it do without devices that do not answer")
	}
	if err != nil {
		c.Fail(err)
		return
	}
	p.queue = append(p.queue, wanted)
	p.busy = true
	p.commit(func(err error) {
		p.busy = false
		if err != nil {
			p.queue = slices.Delete(p.queue, 0, 1)
			c.Fail(err)
			return
		}
		if p.h.Loop.Stopping() {
			c.Fail(node.ErrStopped) // it is begun after the next start
			return
		}
		p.next(c.Answer)
	})
}

// giveUp ends a key refresh that another provisioner has begun on the bridge.
func (p *Part) giveUp(c *request.Call[document.KeyRefresh], index mesh.KeyIndex) {
	err := p.h.Own.CheckSubnet(index)
	if err == nil && (p.busy || p.Refreshes(index)) {
		err = fault.New("busy", "give_up: the bridge refreshes the keys of subnet %d itself", index)
	}
	if err != nil {
		c.Fail(err)
		return
	}
	p.h.Loop.Go(func(ctx context.Context) {
		err := p.h.Mesh.Keys(ctx, func(keys configuration.Keys) error {
			subnet := keys.State().Subnet(index)
			if subnet == nil || subnet.Phase == state.NormalOperation {
				return fault.New("not_running", "give_up: the keys of subnet %d are not being refreshed", index)
			}
			if err := keys.GiveUp(index).Err(); err != nil {
				return fault.New("refused", "give_up: the new keys of subnet %d are in use already: %w", index, err)
			}
			return nil
		})
		p.h.Loop.Post(func() {
			p.h.Own.Refresh()
			c.Answer(&document.KeyRefresh{NetKey: index, Phase: refresh.Done.String(), Missing: []string{}, LeftBehind: []string{}}, err)
		})
	})
}

// Without refreshes the keys of subnets without a device that is removed. It says
// whether that has begun or is queued behind another refresh.
func (p *Part) Without(uuid mesh.UUID, subnets []mesh.KeyIndex) string {
	for _, index := range subnets {
		if p.Refreshes(index) && p.current.Exclude(uuid) {
			continue // the running refresh excludes it
		}
		at := slices.IndexFunc(p.queue, func(j job) bool { return j.NetKey == index })
		if at < 0 || at == 0 && p.busy {
			p.queue = append(p.queue, job{NetKey: index})
			at = len(p.queue) - 1
		}
		p.queue[at].Exclude = append(p.queue[at].Exclude, uuid)
	}
	p.commitOrWarn("a key refresh")
	if p.current != nil {
		return "queued"
	}
	p.next(nil)
	return "begun"
}

// next begins the first refresh that waits; reply may be nil.
func (p *Part) next(reply request.Answer[document.KeyRefresh]) {
	if p.current != nil || p.busy || len(p.queue) == 0 || p.h.Loop.Stopping() || p.h.Loop.Now().Before(p.again) {
		return
	}
	p.busy = true
	index := p.queue[0].NetKey
	p.h.Loop.Go(func(ctx context.Context) {
		o, err := p.drawKeys(ctx, index)
		p.h.Loop.Post(func() { p.begin(o, err, reply) })
	})
}

// drawKeys makes new keys for a subnet and its applications.
func (p *Part) drawKeys(ctx context.Context, index mesh.KeyIndex) (refresh.Options, error) {
	o := refresh.Options{NetKey: index}
	err := p.h.Mesh.Keys(ctx, func(keys configuration.Keys) error {
		subnet := keys.State().Subnet(index)
		switch {
		case subnet == nil:
			return fault.New("unknown_subnet", "net_key: the network has no subnet %d any more", index)
		case subnet.Phase != state.NormalOperation:
			return fault.New("busy", "net_key: the keys of subnet %d are being refreshed by another provisioner", index)
		}
		for _, app := range keys.State().AppKeys {
			if app.NetKey == index {
				o.AppKeys = append(o.AppKeys, refresh.AppKey{Index: app.Index})
			}
		}
		return nil
	})
	if err != nil {
		return o, err
	}
	if o.Key, err = crypto.NewKey(rand.Reader); err != nil {
		return o, err
	}
	for i := range o.AppKeys {
		if o.AppKeys[i].Key, err = crypto.NewKey(rand.Reader); err != nil {
			return o, err
		}
	}
	return o, nil
}

// begin creates the procedure with new keys and stores it.
func (p *Part) begin(o refresh.Options, err error, reply request.Answer[document.KeyRefresh]) {
	if fault.Stopped(err) {
		p.busy = false
		if reply != nil {
			reply(nil, err) // it is begun after the next start
		}
		return
	}
	wanted := p.queue[0]
	p.queue = slices.Delete(p.queue, 0, 1)
	if err == nil {
		o.Excluded = wanted.Exclude
		for _, d := range p.h.Devices.Sorted() {
			if d.Record.HasNetKey(o.NetKey) && !d.Record.LeftBehind && !slices.Contains(wanted.Exclude, d.Record.UUID) {
				o.Nodes = append(o.Nodes, participant(d))
			}
		}
		p.current = refresh.New(p.h.Loop.Now(), o)
		p.current.Patience = p.patience
	}
	p.commit(func(unstored error) {
		p.busy = false
		if err == nil && unstored != nil {
			err = unstored
			p.requeue(wanted.NetKey, reply != nil)
		}
		if err != nil {
			p.current = nil
			p.h.Publisher.Warn("", "the keys of subnet %d were not refreshed: %v", wanted.NetKey, err)
			if reply != nil {
				reply(nil, err)
			}
			p.next(nil)
			return
		}
		p.notified = 0
		p.h.Log.Info().Uint16("net_key", uint16(o.NetKey)).Int("devices", len(o.Nodes)).Int("excluded", len(o.Excluded)).
			Msg("the keys of the network are being refreshed")
		if reply != nil {
			reply(p.status(), nil)
		}
		p.step()
	})
}

// requeue puts the current refresh back into the queue after the store did not take
// it, if it keeps devices out: a removed device must not keep valid keys. If a request
// has begun it, only removed devices count, because the sender gets the error.
func (p *Part) requeue(index mesh.KeyIndex, requested bool) {
	exclude := slices.Clone(p.current.Excluded())
	if requested {
		exclude = slices.DeleteFunc(exclude, func(uuid mesh.UUID) bool { return p.h.Devices.ByUUID(uuid) != nil })
	}
	if len(exclude) == 0 {
		return
	}
	p.queue = slices.Insert(p.queue, 0, job{NetKey: index, Exclude: exclude})
	p.again = p.h.Loop.Now().Add(beginAgainAfter)
}
