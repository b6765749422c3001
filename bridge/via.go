package bridge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
)

// This file lets a device with a Firmware Distribution Server bring firmware to
// others: the bridge hands it over and looks on.

// uploadTimeoutBase is how long the distributor waits for the next message of
// the bridge: 10 s, and this many times 10 s more.
const uploadTimeoutBase = 30

// relay is a distribution by a device.
type relay struct {
	*managed   // the distributor
	u          *update
	to         *requester
	abort      context.Context //nolint:containedctx // of whoever aborts it, beside that of the worker
	receivers  []*receiver
	initiator  *firmware.Initiator
	verifyOnly bool
	size       uint32
}

// requestVia lets a device update others. The response lists what came of each.
func (s *Service) requestVia(in *updateRequest, reply answer) {
	r, order, wanted, err := s.relayed(in)
	if err != nil {
		reply(nil, err)
		return
	}
	s.distributing = true
	r.u, r.abort = s.newUpdate(r.managed, r.u.target, wanted)
	r.u.distributes = true
	for _, receiver := range r.receivers {
		receiver.u = s.noteUpdate(receiver.managed, receiver.u.target, wanted, r.u.abort)
		receiver.abort = r.abort
	}
	s.work(func(ctx context.Context) {
		defer r.u.abort() // gives its context back
		err := s.relay(ctx, r, order)
		s.post(func() { s.relayEnded(r, err, reply) })
	})
}

// relayed reads a request for a distribution by a device. Of the updates in it
// only the targets are set.
func (s *Service) relayed(in *updateRequest) (*relay, firmware.Distribution, firmware.Update, error) {
	none := func(err error) (*relay, firmware.Distribution, firmware.Update, error) {
		return nil, firmware.Distribution{}, firmware.Update{}, err
	}
	ids := in.IDs
	switch {
	case (in.ID == "") == (len(ids) == 0):
		return none(fail("bad_value", "expected either id, one device, or ids, a list of them"))
	case len(ids) > maxDistribution:
		return none(fail("bad_value", "ids: expected at most %d devices, got %d", maxDistribution, len(ids)))
	case s.distributing:
		return none(fail("busy", "several devices are being updated already"))
	case in.ID != "":
		ids = []string{in.ID}
	}
	via, err := s.named("via", in.Via)
	if err != nil {
		return none(err)
	}
	target, err := via.distributionServer()
	if err == nil {
		err = s.free(via)
	}
	if err != nil {
		return none(err)
	}
	chosen, targets, err := s.updatables(ids)
	if err != nil {
		return none(err)
	}
	wanted, err := in.update(s.cfg.Firmware)
	if err != nil {
		return none(err)
	}
	const longest = 0xFF // octets, of the metadata in an upload
	switch {
	case len(wanted.Firmware.Version) == 0:
		return none(fail("bad_value", "firmware_id: a distributor keeps firmware under its identifier; expected a company of two octets, little endian, and a version"))
	case len(wanted.Metadata) > longest:
		return none(fail("bad_value", "metadata: a distributor takes at most %d octets, got %d", longest, len(wanted.Metadata)))
	}
	r := &relay{managed: via, u: &update{target: target}, to: s.requester(via), size: wanted.Object.Size, verifyOnly: in.Apply != nil && !*in.Apply}
	order := firmware.Distribution{
		Object: wanted.Object, Metadata: wanted.Metadata, Firmware: wanted.Firmware, UploadTimeoutBase: uploadTimeoutBase,
		AppKey: via.record.AppKey, TTL: mesh.DefaultTTL, TimeoutBase: updateTimeoutBase * uint16(1+len(chosen)/4), Mode: wanted.Mode, VerifyOnly: r.verifyOnly,
	}
	for i, m := range chosen {
		switch {
		case m == via:
			return none(fail("bad_value", "via: %s cannot bring firmware to itself; update it without via", via.record.Name))
		case m.record.AppKey != via.record.AppKey:
			return none(fail("not_supported", "%s cannot bring firmware to %s: they use different AppKeys", via.record.Name, m.record.Name))
		}
		r.receivers = append(r.receivers, &receiver{managed: m, u: &update{target: targets[i]}, to: s.requester(m)})
		order.Receivers = append(order.Receivers, firmware.Receiver{Address: targets[i], ImageIndex: wanted.ImageIndex})
	}
	return r, order, wanted, nil
}

// relay hands the firmware over, and looks on until the distribution has ended.
// Receivers that hear each part together listen to a group meanwhile.
func (s *Service) relay(ctx context.Context, r *relay, order firmware.Distribution) error {
	if len(r.receivers) > 1 && order.Mode == blob.Push && s.listenAll(ctx, r) {
		order.Group = updateGroup
	}
	r.initiator = firmware.NewInitiator(order)
	err := s.carryOut(ctx, r.abort, r.to, r.u, r.initiator, func() {
		stage, percent, entries := r.initiator.Stage(), r.initiator.Progress(), slices.Clone(r.initiator.Receivers())
		s.post(func() { s.relayProgress(r, stage, percent, entries) })
	}, func() bool { return false })
	s.leaveAll(ctx, r)
	return err
}

// listenAll puts all receivers into the group, and reports whether they are in
// it. If one is not, each gets the firmware for itself.
func (s *Service) listenAll(ctx context.Context, r *relay) bool {
	var joining sync.WaitGroup
	for _, receiver := range r.receivers {
		joining.Go(func() {
			if err := s.listen(r.abort, receiver, true); err != nil && r.abort.Err() == nil {
				s.log.Warn().Str("device", receiver.to.device).Err(err).Msg("a device does not listen to the group of the update; each gets the firmware for itself")
			}
		})
	}
	joining.Wait()
	if slices.ContainsFunc(r.receivers, func(receiver *receiver) bool { return !receiver.listens }) {
		s.leaveAll(ctx, r)
		return false
	}
	return true
}

// leaveAll takes the receivers out of the group again. One that stays in it
// hears updates that are not for it, and ignores them.
func (s *Service) leaveAll(ctx context.Context, r *relay) {
	var leaving sync.WaitGroup
	for _, receiver := range r.receivers {
		if receiver.listens {
			leaving.Go(func() { _ = s.listen(ctx, receiver, false) })
		}
	}
	leaving.Wait()
}

// relayProgress tells how far the distributor is, and each receiver.
func (s *Service) relayProgress(r *relay, stage firmware.Stage, percent int, entries []firmware.ReceiverEntry) {
	const all, step = 100, 2
	s.relayStep(r.managed, r.u, stage, uint32(uint64(r.size)*uint64(percent)/all))
	for i, e := range entries {
		if i >= len(r.receivers) {
			break
		}
		receiver := r.receivers[i]
		if at := receiverStage(e.Phase); at != "" {
			s.relayStep(receiver.managed, receiver.u, at, uint32(uint64(r.size)*step*uint64(e.TransferProgress)/all))
		}
	}
}

// relayStep tells how far a device is if that is news.
func (s *Service) relayStep(m *managed, u *update, stage firmware.Stage, done uint32) {
	if u.stage == stage && u.done >= done {
		return
	}
	if u.stage != stage {
		u.done, u.began = 0, time.Now()
	}
	s.updateProgress(m, u, stage, done)
}

// receiverStage is the stage of a receiver that is not done with; empty for one
// that is.
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

// relayEnded tells what came of each receiver, and of all.
func (s *Service) relayEnded(r *relay, err error, reply answer) {
	s.distributing = false
	stage := r.initiator.Stage()
	if err == nil && stage == firmware.StageCancelled {
		err = fail("aborted", "the distribution by %s was aborted", r.record.Name)
	}
	partly := errors.Is(err, firmware.ErrReceivers)
	whole := updateFailure(err)
	var told outcomes
	for i, receiver := range r.receivers {
		at, failed := stage, whole
		if entries := r.initiator.Receivers(); (err == nil || partly) && i < len(entries) {
			at, failed = r.outcome(&entries[i])
		}
		done := uint32(0)
		if failed == nil {
			done = r.size
		}
		s.updateOver(receiver.managed, receiver.u, at, done, receiver.who(), failed, told.of(receiver))
	}
	data := told.document()
	s.updateOver(r.managed, r.u, stage, 0, data, whole, func(_ any, err error) {
		data["via"] = r.record.Name
		if partly {
			err = told.failure()
		}
		reply(data, err)
	})
}

// outcome is what the distributor says of a receiver at the end.
func (r *relay) outcome(e *firmware.ReceiverEntry) (firmware.Stage, error) {
	verified := firmware.RetrievedPhase(firmware.VerificationSucceeded)
	switch {
	case e.Phase == firmware.ApplySuccess:
		return firmware.StageDone, nil
	case e.Phase == verified && r.verifyOnly:
		return firmware.StageVerified, nil
	case e.Phase == firmware.RetrievedPhase(firmware.VerificationFailed):
		return firmware.StageFailed, fail("verification_failed", "%w", firmware.ErrVerify)
	case e.Phase == firmware.ApplyFailed:
		return firmware.StageFailed, fail("not_applied", "%w", firmware.ErrNotRun)
	default:
		return firmware.StageFailed, fail("refused", "%s could not bring it the firmware: %s (update: %s, transfer: %s)",
			r.record.Name, e.Phase, e.UpdateStatus, e.TransferStatus)
	}
}
