package update

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// This file updates several devices with the same firmware. They subscribe to a group
// address during the transfer, so that each chunk is sent once for all of them.

const (
	// updateGroup is that address, the last one of the dynamically assigned group
	// addresses. There is one distribution at a time.
	updateGroup mesh.Address = 0xFEFF
)

// receiver is a device of a distribution.
type receiver struct {
	*registry.Device
	u       *update
	updater *firmware.Updater
	abort   context.Context //nolint:containedctx // that of the device, beside that of the worker
	to      *sender
	listens bool // is subscribed to updateGroup
	err     error
}

// distributeAll updates several devices at once. The response lists the outcome of
// each.
func (p *Part) distributeAll(c *request.Call[updateOut], in *updateIn) {
	switch {
	case in.ID != "":
		c.Fail(fault.New("bad_value", "expected either id, one device, or ids, a list of them"))
		return
	case in.Mode == "pull":
		c.Fail(fault.New("bad_value", "mode: several devices are updated in push mode only"))
		return
	case p.distributing:
		c.Fail(errDistributing())
		return
	}
	p.read(in, func(wanted firmware.Update, err error) {
		if err == nil && p.distributing {
			err = errDistributing()
		}
		if err != nil {
			c.Fail(err)
			return
		}
		wanted.Shared = true
		chosen, targets, err := p.updatables(in.IDs)
		if err != nil {
			c.Fail(err)
			return
		}
		p.startDistribution(c, chosen, targets, wanted)
	})
}

func errDistributing() error { return fault.New("busy", "several devices are being updated already") }

// updatables returns the devices of a list without repetitions, and the addresses of
// their Firmware Update Servers. An error says why one cannot be updated now.
func (p *Part) updatables(ids []schema.Device) ([]*registry.Device, []mesh.Address, error) {
	var chosen []*registry.Device
	var targets []mesh.Address
	seen := map[*registry.Device]bool{}
	for _, id := range ids {
		d, err := p.h.Devices.Named("ids", string(id))
		var target mesh.Address
		if err == nil {
			target, err = updateServer(d)
		}
		if err == nil {
			err = p.free(d)
		}
		if err != nil {
			return nil, nil, err
		}
		if !seen[d] {
			seen[d] = true
			chosen, targets = append(chosen, d), append(targets, target)
		}
	}
	return chosen, targets, nil
}

func (p *Part) startDistribution(c *request.Call[updateOut], chosen []*registry.Device, targets []mesh.Address, wanted firmware.Update) {
	p.distributing = true
	all := make([]*receiver, len(chosen))
	for i, d := range chosen {
		u, abort := p.newUpdate(d, targets[i], wanted)
		all[i] = &receiver{Device: d, u: u, updater: firmware.NewUpdater(wanted), abort: abort, to: p.sender(d)}
	}
	p.h.Loop.Go(func(ctx context.Context) {
		p.distribute(ctx, all)
		p.h.Loop.Post(func() { p.distributed(c, all) })
	})
}

// distributed ends the updates of all devices and answers the request.
func (p *Part) distributed(c *request.Call[updateOut], all []*receiver) {
	p.distributing = false
	var results outcomes
	for _, r := range all {
		r.u.abort() // gives its context back
		effect := r.updater.Effect().String()
		err := p.updateEnded(r.Device, r.u, r.updater, r.err)
		if errors.Is(err, fault.ErrRemoved) {
			effect = ""
		}
		results.add(r.Device, effect, err)
	}
	c.Answer(&updateOut{Devices: results.list}, results.failure())
}

// outcomes collects the outcomes of the devices.
type outcomes struct {
	list   []result
	failed int
}

// add adds the outcome of a device.
func (o *outcomes) add(d *registry.Device, effect string, err error) {
	r := result{Address: d.Record.Address, Effect: effect, Name: d.Record.Name, Status: "ok", UUID: d.Record.UUID}
	if err != nil {
		o.failed++
		r.Status, r.Code, r.Error = "error", fault.Code(err), fault.Text(err)
	}
	o.list = append(o.list, r)
}

// failure is an error if the update of any device failed.
func (o *outcomes) failure() error {
	if o.failed == 0 {
		return nil
	}
	return fault.New("partly_failed", "%d of %d devices were not updated", o.failed, len(o.list))
}

// distribute prepares each device for the transfer, transfers the firmware to all of
// them together, and then completes the update of each.
func (p *Part) distribute(ctx context.Context, all []*receiver) {
	each := func(do func(r *receiver)) {
		var running sync.WaitGroup
		for _, r := range all {
			running.Go(func() { do(r) })
		}
		running.Wait()
	}
	each(func(r *receiver) {
		r.err = p.carryOut(ctx, r.abort, r.to, r.u, r.updater, p.reporter(r), func() bool { return r.updater.Client() != nil })
	})
	each(func(r *receiver) {
		if r.updater.Client() == nil {
			return
		}
		if err := p.listen(ctx, r, true); err != nil {
			r.updater.Client().Abort()
			r.err = fmt.Errorf("the device does not listen to the group of the update: %w", err)
		}
	})
	p.transferTogether(ctx, all)
	each(func(r *receiver) {
		if r.listens {
			// A device that keeps the subscription receives later updates and ignores
			// them.
			_ = p.listen(ctx, r, false)
		}
		failed := r.err
		r.err = p.carryOut(ctx, r.abort, r.to, r.u, r.updater, p.reporter(r), func() bool { return false })
		if failed != nil && !r.updater.Cancelled() {
			r.err = failed
		}
	})
}

// reporter returns a function that reports the progress of a device.
func (p *Part) reporter(r *receiver) func() {
	return func() {
		stage, done := r.updater.Stage(), r.updater.Progress()
		p.h.Loop.Post(func() { p.updateProgress(r.Device, r.u, stage, done) })
	}
}

// listen subscribes the BLOB Transfer Server of a device to the group, or ends the
// subscription.
func (p *Part) listen(ctx context.Context, r *receiver, in bool) error {
	var m access.Message = &configuration.ModelSubscriptionAdd{
		ElementAddress: r.u.target, Address: updateGroup, ModelIdentifier: blob.TransferServerID,
	}
	if !in {
		m = &configuration.ModelSubscriptionDelete{
			ElementAddress: r.u.target, Address: updateGroup, ModelIdentifier: blob.TransferServerID,
		}
	}
	payload, err := access.Append(nil, m)
	if err != nil {
		return err
	}
	primary := r.to.Address
	response, err := r.to.Request(ctx, node.Request{
		Dst: primary, NetKey: r.to.NetKey, Key: transport.Key{Device: primary}, TTL: mesh.DefaultTTL,
		Payload: payload, Respond: configuration.OpModelSubscriptionStatus,
	})
	if err != nil {
		return err
	}
	var status configuration.ModelSubscriptionStatus
	if err := access.Decode(response.Params, &status); err != nil {
		return err
	}
	r.listens = in && status.Status == foundation.Success
	return status.Status.Err()
}

// transferTogether transfers the firmware to all devices that are prepared for it.
func (p *Part) transferTogether(ctx context.Context, all []*receiver) {
	var members []*receiver
	var clients []*blob.Client
	for _, r := range all {
		if c := r.updater.Client(); c != nil {
			members, clients = append(members, r), append(clients, c)
		}
	}
	convoy, reported := blob.NewMulticastTransfer(clients...), p.h.Loop.Now()
	interval := max(progressInterval, time.Duration(len(members))*progressInterval/4) // for all devices together
	for !convoy.Done() && ctx.Err() == nil {
		for _, r := range members {
			if r.abort.Err() != nil {
				r.updater.Cancel()
			}
		}
		asks := convoy.Next(p.h.Loop.Now())
		answers := make([]access.Message, len(asks))
		failures := make([]error, len(asks))
		var running sync.WaitGroup
		for i, a := range asks {
			running.Go(func() { answers[i], failures[i] = p.askShared(ctx, members, a) })
		}
		running.Wait()
		for i, a := range asks {
			for _, number := range a.To {
				convoy.Answer(p.h.Loop.Now(), number, answers[i], failures[i])
			}
		}
		if len(asks) == 0 && !convoy.Done() {
			return // cannot happen: there is something to send until all have ended
		}
		if now := p.h.Loop.Now(); now.Sub(reported) >= interval {
			reported = now
			for _, r := range members {
				p.reporter(r)()
			}
		}
	}
}

// askShared sends a message to the device that it is for, or to the group if it is for
// more than one.
func (p *Part) askShared(ctx context.Context, members []*receiver, a blob.Shared) (access.Message, error) {
	r := members[a.To[0]]
	if len(a.To) == 1 {
		return p.ask(ctx, r.to, r.u.target, a.Ask)
	}
	return p.ask(ctx, r.to, updateGroup, a.Ask)
}
