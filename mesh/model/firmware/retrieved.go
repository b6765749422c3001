package firmware

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Entry returns the distributor's report on the node: its progress, and the
// status with which it has refused the update or the transfer. A node that runs
// the firmware already counts as updated. A node that does not answer has an
// internal error.
func (u *Updater) Entry(r Receiver) ReceiverEntry {
	e := ReceiverEntry{Address: r.Address, ImageIndex: r.ImageIndex, Phase: u.retrieved(), UpdateStatus: u.code}
	const most = 50 // steps
	e.TransferProgress = uint8(most * uint64(u.Progress()) / uint64(max(u.update.Object.Size, 1)))
	if u.client != nil {
		e.TransferStatus = u.client.Status()
	}
	if u.phase == finished && errors.Is(u.err, ErrSilent) {
		e.UpdateStatus = InternalError
	}
	if u.phase == finished && errors.Is(u.err, blob.ErrSilent) {
		e.TransferStatus = blob.InternalError
	}
	if u.phase == finished && errors.Is(u.err, blob.ErrNoMatch) {
		e.TransferStatus = blob.TooLarge
	}
	if e.Phase == ApplySuccess {
		e.TransferProgress = most
	}
	return e
}

// HasFirmware reports whether the update has ended with a node that runs the
// firmware, even if it ran it before.
func (u *Updater) HasFirmware() bool { return u.stage == StageDone || errors.Is(u.err, ErrSame) }

// retrieved is the phase of the node as far as it is known.
func (u *Updater) retrieved() RetrievedPhase {
	switch u.stage {
	case StageTransferring:
		return RetrievedPhase(TransferActive)
	case StageVerifying:
		return RetrievedPhase(VerifyingUpdate)
	case StageVerified:
		return RetrievedPhase(VerificationSucceeded)
	case StageApplying:
		return RetrievedPhase(ApplyingUpdate)
	case StageDone:
		return ApplySuccess
	case StageCancelled:
		return TransferCanceled
	case StageFailed:
		switch {
		case u.HasFirmware():
			return ApplySuccess
		case errors.Is(u.err, ErrVerify):
			return RetrievedPhase(VerificationFailed)
		case u.reached == StageApplying:
			return ApplyFailed
		case u.reached == StageTransferring || u.reached == StageVerifying:
			return RetrievedPhase(TransferError)
		}
	}
	return PhaseUnknown
}
