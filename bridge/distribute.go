package bridge

import (
	"context"
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
)

// This file updates many devices with the same firmware: they listen to a group
// for the time of the transfer, and hear each chunk together.

const (
	// updateGroup is the address of that group, the last one that is free for
	// all purposes. There is one distribution at a time.
	updateGroup mesh.Address = 0xFEFF
	// maxDistribution bounds the devices of one.
	maxDistribution = 64
)

// receiver is a device of a distribution.
type receiver struct {
	*managed
	u       *update
	updater *firmware.Updater
	abort   context.Context //nolint:containedctx // that of the device, beside that of the worker
	to      *requester
	listens bool // to the group
	err     error
	told    firmware.Stage
}

// requestDistribution updates several devices at once. The response lists what
// came of each.
func (s *Service) requestDistribution(in *updateRequest, reply answer) {
	switch {
	case in.ID != "":
		reply(nil, fail("bad_value", "expected either id, one device, or ids, a list of them"))
		return
	case in.Mode == "pull":
		reply(nil, fail("bad_value", "mode: several devices are updated in push mode only"))
		return
	case len(in.IDs) > maxDistribution:
		reply(nil, fail("bad_value", "ids: expected at most %d devices, got %d", maxDistribution, len(in.IDs)))
		return
	case s.distributing:
		reply(nil, fail("busy", "several devices are being updated already"))
		return
	}
	wanted, err := in.update(s.cfg.Firmware)
	if err != nil {
		reply(nil, err)
		return
	}
	wanted.Shared = true
	chosen, targets, err := s.updatables(in.IDs)
	if err != nil {
		reply(nil, err)
		return
	}
	s.startDistribution(chosen, targets, wanted, reply)
}

// updatables finds several devices that can be updated now, each once, and their
// elements that take firmware.
func (s *Service) updatables(ids []string) ([]*managed, []mesh.Address, error) {
	var chosen []*managed
	var targets []mesh.Address
	seen := map[*managed]bool{}
	for _, id := range ids {
		m, err := s.named("ids", id)
		var target mesh.Address
		if err == nil {
			target, err = m.updateServer()
		}
		if err == nil {
			err = s.free(m)
		}
		if err != nil {
			return nil, nil, err
		}
		if !seen[m] {
			seen[m] = true
			chosen, targets = append(chosen, m), append(targets, target)
		}
	}
	return chosen, targets, nil
}

func (s *Service) startDistribution(chosen []*managed, targets []mesh.Address, wanted firmware.Update, reply answer) {
	s.distributing = true
	all := make([]*receiver, len(chosen))
	for i, m := range chosen {
		u, abort := s.newUpdate(m, targets[i], wanted)
		all[i] = &receiver{managed: m, u: u, updater: firmware.NewUpdater(wanted), abort: abort, to: s.requester(m), told: firmware.StageChecking}
	}
	s.work(func(ctx context.Context) {
		s.distribute(ctx, all)
		s.post(func() { s.distributed(all, reply) })
	})
}

// distributed tells what came of each device, and of all.
func (s *Service) distributed(all []*receiver, reply answer) {
	s.distributing = false
	var told outcomes
	for _, r := range all {
		r.u.abort() // gives its context back
		s.updateEnded(r.managed, r.u, r.updater, r.err, told.of(r))
	}
	reply(told.document(), told.failure())
}

// outcomes is what has come of each device.
type outcomes struct {
	results []any
	failed  int
}

// of takes the outcome of a device.
func (o *outcomes) of(r *receiver) answer {
	return func(data any, err error) {
		result, ok := data.(map[string]any)
		if !ok {
			result = r.who()
		}
		result["status"] = "ok"
		if err != nil {
			o.failed++
			result["status"], result["code"], result["error"] = "error", codeOf(err), clip(err.Error())
		}
		o.results = append(o.results, result)
	}
}

func (o *outcomes) document() map[string]any { return map[string]any{"devices": o.results} }

// failure is an error when there is one of any device.
func (o *outcomes) failure() error {
	if o.failed == 0 {
		return nil
	}
	return fail("partly_failed", "%d of %d devices were not updated", o.failed, len(o.results))
}

// distribute leads all devices up to the transfer, transfers the firmware to
// them together, and leads each to the end.
func (s *Service) distribute(ctx context.Context, all []*receiver) {
	each := func(do func(r *receiver)) {
		var running sync.WaitGroup
		for _, r := range all {
			running.Go(func() { do(r) })
		}
		running.Wait()
	}
	each(func(r *receiver) {
		r.err = s.carryOut(ctx, r.abort, r.to, r.u, r.updater, s.teller(r), func() bool { return r.updater.Client() != nil })
	})
	each(func(r *receiver) {
		if r.updater.Client() == nil {
			return
		}
		if err := s.listen(ctx, r, true); err != nil {
			r.updater.Client().Abort()
			r.err = fmt.Errorf("the device does not listen to the group of the update: %w", err)
		}
	})
	s.transferTogether(ctx, all)
	each(func(r *receiver) {
		if r.listens {
			// One that stays in the group hears updates that are not for it, and
			// ignores them.
			_ = s.listen(ctx, r, false)
		}
		failed := r.err
		r.err = s.carryOut(ctx, r.abort, r.to, r.u, r.updater, s.teller(r), func() bool { return false })
		if failed != nil && !r.updater.Cancelled() {
			r.err = failed
		}
	})
}

// teller reports the progress of a device.
func (s *Service) teller(r *receiver) func() {
	return func() {
		stage, done := r.updater.Stage(), r.updater.Progress()
		s.post(func() { s.updateProgress(r.managed, r.u, stage, done) })
	}
}

// listen puts the BLOB Transfer Server of a device into the group, or takes it
// out.
func (s *Service) listen(ctx context.Context, r *receiver, in bool) error {
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
	primary := r.to.address
	response, err := r.to.Request(ctx, node.Request{
		Dst: primary, NetKey: r.to.netKey, Key: transport.Key{Device: primary}, TTL: mesh.DefaultTTL,
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

// transferTogether carries out the convoy of all devices that have come to the
// transfer.
func (s *Service) transferTogether(ctx context.Context, all []*receiver) {
	var members []*receiver
	var clients []*blob.Client
	for _, r := range all {
		if c := r.updater.Client(); c != nil {
			members, clients = append(members, r), append(clients, c)
		}
	}
	convoy, told := blob.NewConvoy(clients...), time.Now()
	interval := max(progressInterval, time.Duration(len(members))*progressInterval/4) // of all together
	for !convoy.Done() && ctx.Err() == nil {
		for _, r := range members {
			if r.abort.Err() != nil {
				r.updater.Cancel()
			}
		}
		asks := convoy.Next(time.Now())
		answers := make([]access.Message, len(asks))
		failures := make([]error, len(asks))
		var running sync.WaitGroup
		for i, a := range asks {
			running.Go(func() { answers[i], failures[i] = s.askShared(ctx, members, a) })
		}
		running.Wait()
		for i, a := range asks {
			for _, number := range a.To {
				convoy.Answer(time.Now(), number, answers[i], failures[i])
			}
		}
		if len(asks) == 0 && !convoy.Done() {
			return // never: there is always something to send, or all have ended
		}
		if now := time.Now(); now.Sub(told) >= interval {
			told = now
			for _, r := range members {
				s.teller(r)()
			}
		}
	}
}

// askShared sends what is for one device to it, and what is for more to the
// group.
func (s *Service) askShared(ctx context.Context, members []*receiver, a blob.Shared) (access.Message, error) {
	r := members[a.To[0]]
	if len(a.To) == 1 {
		return s.askUpdate(ctx, r.to, r.u.target, a.Ask)
	}
	return s.askUpdate(ctx, r.to, updateGroup, a.Ask)
}
