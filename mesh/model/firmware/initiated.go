package firmware

import (
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Answer takes the result of the last Ask: the distributor's answer, or an
// error if there was none.
func (i *Initiator) Answer(now time.Time, m access.Message, failed error) {
	if !i.waiting {
		return
	}
	i.waiting = false
	switch {
	case i.step == stepTransfer:
		i.client.Answer(now, m, failed)
		return
	case failed != nil:
		i.unanswered(now, failed)
		return
	}
	i.silent = 0
	switch m := m.(type) {
	case *DistributionCapabilitiesStatus:
		i.capabilities(m)
	case *DistributionFirmwareStatus:
		i.firmware(m)
	case *DistributionUploadStatus:
		i.uploading(now, m)
	case *DistributionReceiversStatus:
		i.receivers(m)
	case *DistributionReceiversList:
		i.listed(now, m)
	case *DistributionStatus:
		i.status(now, m)
	default:
		i.fail(fmt.Errorf("%w: unexpected answer %T", ErrRefused, m))
	}
}

// unanswered continues without an answer where that does not matter: the
// request may have been carried out.
func (i *Initiator) unanswered(now time.Time, failed error) {
	failed = fmt.Errorf("%w: %w", ErrSilent, failed)
	switch i.step {
	case stepUpload:
		i.uploaded = true
	case stepStart:
		i.started = true
	}
	switch {
	case i.step >= stepEnd:
		i.conclude() // some firmware or receivers may be left
	case i.step >= stepCancelUpload && i.step != stepCanceled:
		i.end(StageCancelled, failed)
	case i.wish == toCancel && i.step < stepCancelUpload:
		return
	case i.step == stepPoll || i.step == stepList || i.step == stepUploaded || i.step == stepCanceled || i.step == stepSuspend || i.step == stepApply:
		if i.silent++; i.silent > maxSilent {
			i.fail(failed)
			return
		}
		i.next = now.Add(distributionInterval)
	default:
		i.fail(failed)
	}
}

// again asks the same later, if the limits allow it.
func (i *Initiator) again(now time.Time, s initiatorStep, failed error) {
	if i.polls++; i.polls > maxStill {
		i.fail(failed)
		return
	}
	i.step, i.next = s, now.Add(distributionInterval)
}

func (i *Initiator) capabilities(m *DistributionCapabilitiesStatus) {
	i.remaining = m.RemainingUploadSpace
	switch {
	case len(i.order.Receivers) == 0 || len(i.order.Receivers) > int(m.MaxReceiversListSize):
		i.fail(fmt.Errorf("%w: expected at most %d, got %d", ErrTooMany, m.MaxReceiversListSize, len(i.order.Receivers)))
	case i.order.URI != "" && !m.OutOfBandRetrievalSupported:
		i.fail(fmt.Errorf("%w: it only accepts firmware over the mesh", ErrNoFetch))
	case i.order.URI == "" && i.order.Object.Size > m.MaxFirmwareImageSize:
		i.fail(fmt.Errorf("%w: expected at most %d octets, got %d", ErrNoRoom, m.MaxFirmwareImageSize, i.order.Object.Size))
	default:
		i.goTo(stepFirmware)
	}
}

// firmware takes the answer whether the distributor has the image, or that it
// was deleted.
func (i *Initiator) firmware(m *DistributionFirmwareStatus) {
	i.found = m.Status == DistributionSuccess && m.FirmwareImageIndex != noIndex
	i.index = m.FirmwareImageIndex
	switch {
	case i.step == stepForgetFirmware:
		i.goTo(stepForgetReceivers)
	case m.Status != DistributionSuccess && m.Status != DistributionFirmwareNotFound:
		i.fail(fmt.Errorf("%w: %s", ErrRefused, m.Status))
	case i.step == stepFirmware:
		i.goTo(stepDistribution)
	case i.found:
		i.goTo(stepDeleteReceivers)
	default:
		i.fail(fmt.Errorf("%w: it no longer has the firmware", ErrUpload))
	}
}

// prepare uploads the firmware to a distributor that is free.
func (i *Initiator) prepare() {
	switch {
	case i.found:
		i.goTo(stepDeleteReceivers)
	case i.order.URI == "" && i.order.Object.Size > i.remaining:
		i.fail(fmt.Errorf("%w: it has %d octets left, the firmware has %d; delete firmware that it stores", ErrNoRoom, i.remaining, i.order.Object.Size))
	default:
		i.stage = StageUploading
		i.goTo(stepUpload)
	}
}

func (i *Initiator) uploading(now time.Time, m *DistributionUploadStatus) {
	if i.step == stepCancelUpload {
		i.end(StageCancelled, nil)
		return
	}
	switch m.Status {
	case DistributionSuccess:
	case DistributionNoResources:
		i.fail(fmt.Errorf("%w: %s; delete firmware that it stores first", ErrNoRoom, m.Status))
		return
	case DistributionBusyWithUpload, DistributionBusy:
		i.fail(fmt.Errorf("%w: %s", ErrBusy, m.Status))
		return
	case DistributionURINotSupported, DistributionURIMalformed, DistributionURIUnreachable, DistributionNoNewFirmware:
		i.fail(fmt.Errorf("%w: %s", ErrNoFetch, m.Status))
		return
	default:
		i.fail(fmt.Errorf("%w: %s (%s)", ErrRefused, m.Status, m.Phase))
		return
	}
	asked := i.step == stepUpload
	i.uploaded, i.upload = true, m.Progress
	switch {
	case m.HasUpload && !m.FirmwareID.Equal(i.order.Firmware) && !m.OutOfBand:
		i.fail(fmt.Errorf("%w: other firmware is uploaded, %s", ErrBusy, m.FirmwareID))
	case m.Phase == UploadComplete:
		i.goTo(stepIndex)
	case m.Phase == UploadActive && asked && i.order.URI == "":
		i.client = blob.NewClient(i.order.Object, blob.ClientOptions{
			TimeoutBase: i.order.UploadTimeoutBase, MaxChunkSize: i.order.MaxChunkSize,
		})
		i.goTo(stepTransfer)
	case m.Phase == UploadActive:
		i.again(now, stepUploaded, fmt.Errorf("%w: it takes too long", ErrUpload))
	default:
		i.fail(fmt.Errorf("%w: the distributor reports %s", ErrUpload, m.Phase))
	}
}

func (i *Initiator) receivers(m *DistributionReceiversStatus) {
	switch {
	case i.step == stepForgetReceivers:
		i.conclude()
	case m.Status == DistributionNoResources:
		i.fail(fmt.Errorf("%w: it accepted %d of %d", ErrTooMany, m.ReceiversListCount, len(i.order.Receivers)))
	case m.Status == DistributionBusy:
		i.fail(fmt.Errorf("%w: %s", ErrBusy, m.Status))
	case m.Status != DistributionSuccess:
		i.fail(fmt.Errorf("%w: %s", ErrRefused, m.Status))
	case i.step == stepDeleteReceivers:
		i.added = 0
		i.goTo(stepAddReceivers)
	default:
		if i.added = min(i.added+receiversAtOnce, len(i.order.Receivers)); i.added == len(i.order.Receivers) {
			i.goTo(stepStart)
		} else {
			i.goTo(stepAddReceivers)
		}
	}
}

// status takes the state of the distribution.
func (i *Initiator) status(now time.Time, m *DistributionStatus) {
	switch i.step {
	case stepEnd:
		if i.result == nil && !i.order.Keep {
			i.goTo(stepForgetFirmware)
		} else {
			i.goTo(stepForgetReceivers)
		}
		return
	case stepCancel, stepCanceled:
		i.cancelled(now, m)
		return
	case stepDistribution, stepClear:
		i.free(now, m)
		return
	case stepSuspend:
		if m.Status == DistributionSuccess {
			i.end(StageSuspended, nil)
			return
		}
		i.wish = proceed // it is already past that
	case stepStart:
		if m.Status != DistributionSuccess {
			i.refused(m)
			return
		}
		i.started = true
	}
	if m.Phase != i.phase {
		i.polls = 0
	}
	i.phase = m.Phase
	switch m.Phase {
	case DistributionActive:
		i.stage = StageTransferring
	case DistributionApplying:
		i.stage = StageApplying
	case DistributionIdle:
		if i.step == stepStart {
			i.again(now, stepPoll, ErrEnded) // the late answer to an earlier request
			return
		}
		i.fail(ErrEnded)
		return
	}
	i.list = nil
	i.goTo(stepList)
}

// refused says why a distribution does not start.
func (i *Initiator) refused(m *DistributionStatus) {
	if m.Status == DistributionBusy {
		i.fail(fmt.Errorf("%w: %s (%s)", ErrBusy, m.Status, m.Phase))
		return
	}
	i.fail(fmt.Errorf("%w: %s (%s)", ErrRefused, m.Status, m.Phase))
}

// free takes the answer whether the distributor has another distribution. A
// finished one is cleared; one that may be the same is compared.
func (i *Initiator) free(now time.Time, m *DistributionStatus) {
	switch m.Phase {
	case DistributionIdle:
		i.prepare()
	case DistributionCompleted, DistributionFailed:
		i.polls++ // limited, because it might never return
		if i.polls > maxSilent {
			i.refused(m)
			return
		}
		i.goTo(stepClear)
	case DistributionCanceling:
		i.again(now, stepDistribution, fmt.Errorf("%w: %s", ErrBusy, m.Phase))
	default:
		o := &i.order
		if !i.found || m.FirmwareImageIndex != i.index || m.AppKeyIndex != o.AppKey || m.Mode != o.Mode || m.MulticastAddress != o.Group || m.TTL != o.TTL || m.TimeoutBase != o.TimeoutBase {
			i.fail(fmt.Errorf("%w: it distributes other firmware, or to others (%s)", ErrBusy, m.Phase))
			return
		}
		i.phase, i.applies = m.Phase, m.ApplyUpdate
		i.compare, i.list = true, nil
		i.goTo(stepList)
	}
}

// listed takes receivers until all are read.
func (i *Initiator) listed(now time.Time, m *DistributionReceiversList) {
	if int(m.FirstIndex) != len(i.list) {
		i.list = nil // the answer to another request
		i.again(now, stepPoll, ErrEnded)
		return
	}
	i.list = append(i.list, m.Receivers...)
	if len(i.list) < int(m.ReceiversListCount) && len(m.Receivers) > 0 && len(i.list) <= len(i.order.Receivers) {
		i.goTo(stepList)
		return
	}
	if i.compare {
		if !i.isOurs(i.list) {
			i.fail(fmt.Errorf("%w: it distributes to others", ErrBusy))
			return
		}
		i.compare, i.started = false, true
	}
	if !slices.Equal(i.entries, i.list) {
		i.polls = 0
	}
	i.entries = i.list
	i.act(now)
}

func (i *Initiator) isOurs(list []ReceiverEntry) bool {
	return len(list) == len(i.order.Receivers) && !slices.ContainsFunc(i.order.Receivers, func(r Receiver) bool {
		return !slices.ContainsFunc(list, func(e ReceiverEntry) bool { return e.Address == r.Address && e.ImageIndex == r.ImageIndex })
	})
}

// act does what the phase requires.
func (i *Initiator) act(now time.Time) {
	switch i.phase {
	case DistributionTransferred:
		i.stage = StageVerified
		if i.order.VerifyOnly {
			i.end(StageVerified, i.missing(func(e ReceiverEntry) bool {
				return e.Phase == RetrievedPhase(VerificationSucceeded) || e.Phase == ApplySuccess
			}))
			return
		}
		i.goTo(stepApply)
	case DistributionCompleted, DistributionFailed:
		i.result = i.missing(func(e ReceiverEntry) bool { return e.Phase == ApplySuccess })
		i.goTo(stepEnd)
	case DistributionSuspended:
		if i.resumed++; i.resumed > maxResumed {
			i.fail(fmt.Errorf("%w: it is suspended repeatedly", ErrEnded))
			return
		}
		i.goTo(stepStart)
	default:
		i.again(now, stepPoll, fmt.Errorf("%w: it takes too long (%s)", ErrRefused, i.phase))
	}
}

// missing returns an error if not all receivers are in the expected state.
func (i *Initiator) missing(good func(ReceiverEntry) bool) error {
	bad := 0
	for _, e := range i.entries {
		if !good(e) {
			bad++
		}
	}
	if bad == 0 && len(i.entries) > 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d failed", ErrReceivers, bad, len(i.entries))
}

// conclude ends with the result of the receivers.
func (i *Initiator) conclude() {
	if i.result != nil {
		i.fail(i.result)
		return
	}
	i.end(StageDone, nil)
}

// cancelled waits until the receivers have been informed.
func (i *Initiator) cancelled(now time.Time, m *DistributionStatus) {
	if i.polls == 0 {
		i.polls = 1
	}
	switch m.Phase {
	case DistributionIdle:
		i.end(StageCancelled, nil)
	case DistributionCanceling:
		i.again(now, stepCanceled, fmt.Errorf("%w: it does not end the distribution", ErrBusy))
	default:
		i.goTo(stepCancel)
		i.again(now, stepCancel, fmt.Errorf("%w: it does not end the distribution (%s)", ErrBusy, m.Phase))
	}
}
