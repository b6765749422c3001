package update

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// This file uploads firmware to a device with a Firmware Distribution Server, which
// distributes it to other devices.

// uploadTimeoutBase is the Upload Timeout Base: the distributor waits 10 s for the next
// message of the bridge, and 10 s more for each unit.
const uploadTimeoutBase = 30

// distribution is a distribution by a device.
type distribution struct {
	*registry.Device // the distributor
	u                *update
	to               *sender
	abort            context.Context //nolint:containedctx // ends when the update is aborted; the worker has another one
	receivers        []*receiver
	initiator        *firmware.Initiator
	verifyOnly       bool
	size             uint32
}

// distributeVia makes a device update others. The response lists the outcome of each.
func (p *Part) distributeVia(c *request.Call[updateOut], in *updateIn) {
	if _, err := p.planVia(in); err != nil {
		c.Fail(err)
		return
	}
	p.read(in, func(wanted firmware.Update, err error) {
		var r *distribution
		if err == nil {
			r, err = p.planVia(in) // another update may have begun meanwhile
		}
		var order firmware.Distribution
		if err == nil {
			order, err = r.order(wanted)
		}
		if err != nil {
			c.Fail(err)
			return
		}
		p.startVia(c, r, order, wanted)
	})
}

func (p *Part) startVia(c *request.Call[updateOut], r *distribution, order firmware.Distribution, wanted firmware.Update) {
	p.distributing = true
	r.size = wanted.Object.Size
	r.u, r.abort = p.newUpdate(r.Device, r.u.target, wanted)
	r.u.distributes = true
	for _, receiver := range r.receivers {
		receiver.u = p.noteUpdate(receiver.Device, receiver.u.target, wanted, r.u.abort)
		receiver.abort = r.abort
	}
	p.h.Loop.Go(func(ctx context.Context) {
		defer r.u.abort() // gives its context back
		err := p.runDistribution(ctx, r, order)
		p.h.Loop.Post(func() { p.distributionEnded(c, r, err) })
	})
}

// planVia checks a request for a distribution by a device. Only the targets of its
// updates are set.
func (p *Part) planVia(in *updateIn) (*distribution, error) {
	ids := in.IDs
	switch {
	case (in.ID == "") == (len(ids) == 0):
		return nil, fault.New("bad_value", "expected either id, one device, or ids, a list of them")
	case p.distributing:
		return nil, errDistributing()
	case in.ID != "":
		ids = []schema.Device{in.ID}
	}
	via, err := p.h.Devices.Named("via", string(in.Via))
	if err != nil {
		return nil, err
	}
	target, err := distributionServer(via)
	if err == nil {
		err = p.free(via)
	}
	if err != nil {
		return nil, err
	}
	chosen, targets, err := p.updatables(ids)
	if err != nil {
		return nil, err
	}
	r := &distribution{Device: via, u: &update{target: target}, to: p.sender(via), verifyOnly: in.Apply != nil && !*in.Apply}
	for i, d := range chosen {
		r.receivers = append(r.receivers, &receiver{Device: d, u: &update{target: targets[i]}, to: p.sender(d)})
	}
	return r, nil
}

// order is the request to the distributor.
func (r *distribution) order(wanted firmware.Update) (firmware.Distribution, error) {
	const longest = 0xFF // octets, of the metadata in an upload
	via := r.Record
	order := firmware.Distribution{
		Object: wanted.Object, Metadata: wanted.Metadata, Firmware: wanted.Firmware, UploadTimeoutBase: uploadTimeoutBase,
		AppKey: via.AppKey, TTL: mesh.DefaultTTL, TimeoutBase: updateTimeoutBase * uint16(1+len(r.receivers)/4), Mode: wanted.Mode, VerifyOnly: r.verifyOnly,
	}
	switch {
	case len(wanted.Firmware.Version) == 0:
		return order, fault.New("bad_value", "firmware_id: a distributor keeps firmware under its identifier; expected a company of two octets, little endian, and a version")
	case len(wanted.Metadata) > longest:
		return order, fault.New("bad_value", "metadata: a distributor takes at most %d octets, got %d", longest, len(wanted.Metadata))
	}
	for _, receiver := range r.receivers {
		switch {
		case receiver.Device == r.Device:
			return order, fault.New("bad_value", "via: %s cannot bring firmware to itself; update it without via", via.Name)
		case receiver.Record.AppKey != via.AppKey:
			return order, fault.New("not_supported", "%s cannot bring firmware to %s: they use different AppKeys", via.Name, receiver.Record.Name)
		}
		order.Receivers = append(order.Receivers, firmware.Receiver{Address: receiver.u.target, ImageIndex: wanted.ImageIndex})
	}
	return order, nil
}

// runDistribution uploads the firmware and waits until the distribution has ended. In
// push mode several receivers subscribe to a group address meanwhile.
func (p *Part) runDistribution(ctx context.Context, r *distribution, order firmware.Distribution) error {
	p.bindAll(r)
	if len(r.receivers) > 1 && order.Mode == blob.Push && p.listenAll(ctx, r) {
		order.Group = updateGroup
	}
	r.initiator = firmware.NewInitiator(order)
	err := p.carryOut(ctx, r.abort, r.to, r.u, r.initiator, func() {
		stage, percent, entries := r.initiator.Stage(), r.initiator.Progress(), slices.Clone(r.initiator.Receivers())
		p.h.Loop.Post(func() { p.distributionProgress(r, stage, percent, entries) })
	}, func() bool { return false })
	p.leaveAll(ctx, r)
	return err
}

// bindAll binds the models of the receivers, which the distributor talks to. It reports
// those that it does not reach.
func (p *Part) bindAll(r *distribution) {
	var binding sync.WaitGroup
	for _, receiver := range r.receivers {
		binding.Go(func() {
			if err := receiver.to.bind(r.abort); err != nil && r.abort.Err() == nil {
				p.h.Log.Warn().Str("device", receiver.to.Device).Err(err).Msg("the models of a device for firmware updates were not bound to the AppKey; the distributor may not reach it")
			}
		})
	}
	binding.Wait()
}

// listenAll subscribes all receivers to the group. It reports false if one did not
// subscribe; the distributor then sends the firmware to each receiver.
func (p *Part) listenAll(ctx context.Context, r *distribution) bool {
	var joining sync.WaitGroup
	for _, receiver := range r.receivers {
		joining.Go(func() {
			if err := p.listen(r.abort, receiver, true); err != nil && r.abort.Err() == nil {
				p.h.Log.Warn().Str("device", receiver.to.Device).Err(err).Msg("a device does not listen to the group of the update; each gets the firmware for itself")
			}
		})
	}
	joining.Wait()
	if slices.ContainsFunc(r.receivers, func(receiver *receiver) bool { return !receiver.listens }) {
		p.leaveAll(ctx, r)
		return false
	}
	return true
}

// leaveAll ends the subscriptions. A receiver that keeps its subscription receives later
// updates and ignores them.
func (p *Part) leaveAll(ctx context.Context, r *distribution) {
	var leaving sync.WaitGroup
	for _, receiver := range r.receivers {
		if receiver.listens {
			leaving.Go(func() { _ = p.listen(ctx, receiver, false) })
		}
	}
	leaving.Wait()
}

// distributionProgress reports the progress of the distributor and of each receiver.
func (p *Part) distributionProgress(r *distribution, stage firmware.Stage, percent int, entries []firmware.ReceiverEntry) {
	const all, step = 100, 2
	p.receiverProgress(r.Device, r.u, stage, uint32(uint64(r.size)*uint64(percent)/all))
	for i, e := range entries {
		if i >= len(r.receivers) {
			break
		}
		receiver := r.receivers[i]
		if at := receiverStage(e.Phase); at != "" {
			p.receiverProgress(receiver.Device, receiver.u, at, uint32(uint64(r.size)*step*uint64(e.TransferProgress)/all))
		}
	}
}

// receiverProgress reports the progress of a device if it has changed.
func (p *Part) receiverProgress(d *registry.Device, u *update, stage firmware.Stage, done uint32) {
	if u.stage == stage && u.done >= done {
		return
	}
	if u.stage != stage {
		u.done, u.began = 0, p.h.Loop.Now()
	}
	p.updateProgress(d, u, stage, done)
}

// receiverStage is the stage of a receiver whose update is running; empty for any
// other.
func receiverStage(p firmware.RetrievedPhase) firmware.Stage {
	switch p {
	case firmware.RetrievedPhase(firmware.TransferActive):
		return firmware.StageTransferring
	case firmware.RetrievedPhase(firmware.VerifyingUpdate):
		return firmware.StageVerifying
	case firmware.RetrievedPhase(firmware.VerificationSucceeded):
		return firmware.StageVerified
	case firmware.RetrievedPhase(firmware.ApplyingUpdate):
		return firmware.StageApplying
	default:
		return ""
	}
}

// distributionEnded ends the updates of the receivers and of the distributor.
func (p *Part) distributionEnded(c *request.Call[updateOut], r *distribution, err error) {
	p.distributing = false
	stage := r.initiator.Stage()
	if err == nil && stage == firmware.StageCancelled {
		err = fault.New("aborted", "the distribution by %s was aborted", r.Record.Name)
	}
	partly := errors.Is(err, firmware.ErrReceivers)
	whole := updateFailure(err)
	var results outcomes
	for i, receiver := range r.receivers {
		at, failed := stage, whole
		if entries := r.initiator.Receivers(); (err == nil || partly) && i < len(entries) {
			at, failed = r.outcome(&entries[i])
		}
		done := uint32(0)
		if failed == nil {
			done = r.size
		}
		results.add(receiver.Device, "", p.updateOver(receiver.Device, receiver.u, at, done, failed))
	}
	done := uint32(0)
	if whole == nil {
		done = r.size
	}
	err = p.updateOver(r.Device, r.u, stage, done, whole)
	if partly {
		err = results.failure()
	}
	c.Answer(&updateOut{Devices: results.list, Via: r.Record.Name}, err)
}

// outcome is the final state of a receiver according to the distributor.
func (r *distribution) outcome(e *firmware.ReceiverEntry) (firmware.Stage, error) {
	verified := firmware.RetrievedPhase(firmware.VerificationSucceeded)
	switch {
	case e.Phase == firmware.ApplySuccess:
		return firmware.StageDone, nil
	case e.Phase == verified && r.verifyOnly:
		return firmware.StageVerified, nil
	case e.Phase == firmware.RetrievedPhase(firmware.VerificationFailed):
		return firmware.StageFailed, fault.New("verification_failed", "%w", firmware.ErrVerify)
	case e.Phase == firmware.ApplyFailed:
		return firmware.StageFailed, fault.New("not_applied", "%w", firmware.ErrNotRun)
	default:
		return firmware.StageFailed, fault.New("refused", "%s could not bring it the firmware: %s (update: %s, transfer: %s)",
			r.Record.Name, e.Phase, e.UpdateStatus, e.TransferStatus)
	}
}
