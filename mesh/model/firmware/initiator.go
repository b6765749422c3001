package firmware

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Distribution is firmware that a distributor brings to receivers.
type Distribution struct {
	Object   blob.Object
	Metadata []byte // in the form of the company, may be empty
	// Firmware names the image on the distributor, and is what the receivers run
	// afterwards.
	Firmware  ID
	Receivers []Receiver
	// URI is where the distributor fetches the firmware from, in place of Object.
	URI string
	// UploadTimeoutBase, of 10 s, is how long the distributor waits for the next
	// message.
	UploadTimeoutBase uint16
	// MaxChunkSize bounds the chunks of the upload, 0 for what fits.
	MaxChunkSize uint16

	AppKey      mesh.KeyIndex // under which the distributor speaks to the receivers
	TTL         mesh.TTL
	TimeoutBase uint16       // of 10 s, how long a receiver waits for the next message
	Mode        blob.Mode    // Push or Pull
	Group       mesh.Address // that all receivers listen to; unassigned: each by itself
	// VerifyOnly ends at StageVerified, when the receivers have the firmware and do
	// not run it yet. Another initiator without VerifyOnly goes on from there.
	VerifyOnly bool
	// Keep leaves the firmware on the distributor; otherwise it is deleted when
	// all receivers run it.
	Keep bool
}

// Stages of an initiator only.
const (
	StageUploading Stage = "uploading" // to the distributor
	StageSuspended Stage = "suspended"
)

// Errors that end a distribution.
var (
	ErrBusy      = errors.New("firmware: the distributor is busy")
	ErrNoRoom    = errors.New("firmware: the distributor has no room for the firmware")
	ErrTooMany   = errors.New("firmware: the distributor takes fewer receivers")
	ErrNoFetch   = errors.New("firmware: the distributor cannot fetch the firmware")
	ErrUpload    = errors.New("firmware: the upload to the distributor failed")
	ErrEnded     = errors.New("firmware: the distribution was ended by somebody else, or by a restart of the distributor")
	ErrReceivers = errors.New("firmware: not all receivers run the firmware")
)

// Initiator is the client side of a distribution (Mesh Device Firmware Update
// Model, Initiator): a machine that says what to send to the distributor, and is
// told what came of it. The receivers it need not reach. One that was
// interrupted is made again with the same Distribution, and goes on where the
// distributor is.
//
//	capabilities -> upload -> receivers -> start -> poll, and poll ... -> apply -> poll ... -> clean up
type Initiator struct {
	order  Distribution
	stage  Stage
	step   initiatorStep
	client *blob.Client // of the upload

	index uint16 // of the firmware on the distributor
	found bool   // there is such an index
	initiatorReceivers
	phase   DistributionPhase
	compare bool  // the list says whether the distribution is ours
	result  error // when it has cleaned up
	initiatorProgress
	wish      wish
	waiting   bool
	next      time.Time
	err       error
	remaining uint32 // octets of room
	applies   bool   // the distribution that was started does so by itself
}

// initiatorReceivers is the list of receivers as an Initiator sends and reads it.
type initiatorReceivers struct {
	added   int // receivers that were sent
	entries []ReceiverEntry
	list    []ReceiverEntry // that is being read
}

// initiatorProgress is how far an Initiator has come, and what it gives up by.
type initiatorProgress struct {
	polls    int // that brought nothing new
	silent   int // in a row
	resumed  int
	uploads  int   // that were begun anew
	uploaded bool  // an upload has begun
	started  bool  // a distribution is ours
	upload   uint8 // percent, as the distributor says
}

// wish is what somebody has called for.
type wish uint8

const (
	goOn wish = iota
	toSuspend
	toCancel
)

// initiatorStep is what the initiator asks next.
type initiatorStep uint8

const (
	stepCapabilities initiatorStep = iota
	stepFirmware                   // has it the image?
	stepDistribution               // is it free?
	stepClear                      // what another has left
	stepUpload
	stepTransfer
	stepUploaded
	stepIndex
	stepDeleteReceivers
	stepAddReceivers
	stepStart
	stepPoll
	stepList
	stepApply
	stepSuspend
	stepCancelUpload
	stepCancel
	stepCanceled
	stepEnd
	stepForgetFirmware
	stepForgetReceivers
	stepOver
)

// The distributor is asked every distributionInterval. maxSilent answers in a row
// may be missing, maxStill polls bring nothing new (about an hour), and what it
// has suspended by itself is resumed maxResumed times.
const (
	distributionInterval = 10 * time.Second

	maxSilent  = 6
	maxStill   = 360
	maxResumed = 5
	maxUploads = 3
	// receiversAtOnce is how many receivers a message carries.
	receiversAtOnce = 24
)

// NewInitiator makes an initiator.
func NewInitiator(d Distribution) *Initiator {
	if d.Mode == blob.NoTransfer {
		d.Mode = blob.Push
	}
	return &Initiator{order: d, stage: StageChecking, applies: !d.VerifyOnly}
}

// Stage is how far the distribution is.
func (i *Initiator) Stage() Stage { return i.stage }

// Done reports whether the initiator has ended; Err says how.
func (i *Initiator) Done() bool { return i.step == stepOver }

// Err is nil while the distribution goes on, and when it has come to where it
// should: all receivers run the firmware, or have verified it.
func (i *Initiator) Err() error { return i.err }

// Receivers is how far each receiver is, as the distributor has said last; empty
// before it has.
func (i *Initiator) Receivers() []ReceiverEntry { return i.entries }

// Progress is how much of the stage is done in percent: of the upload, then of
// the transfer to the receivers together.
func (i *Initiator) Progress() int {
	const all, step = 100, 2
	switch {
	case i.stage == StageUploading && i.client != nil:
		return int(all * uint64(i.client.Progress()) / uint64(max(i.order.Object.Size, 1)))
	case i.stage == StageUploading:
		return int(i.upload)
	case i.stage == StageChecking || len(i.entries) == 0:
		return 0
	}
	sum := 0
	for _, e := range i.entries {
		sum += step * int(e.TransferProgress)
	}
	return min(sum/len(i.entries), all)
}

// Cancel ends the upload or the distribution: the distributor is told so, and
// tells the receivers.
func (i *Initiator) Cancel() { i.wish = toCancel }

// Suspend halts the distribution, and ends the initiator when it is halted.
// Another one goes on with it.
func (i *Initiator) Suspend() {
	if i.wish == goOn {
		i.wish = toSuspend
	}
}

// NextDeadline is when Next has something to send though nothing has come; zero
// for never.
func (i *Initiator) NextDeadline() time.Time {
	switch {
	case i.waiting || i.step == stepOver:
		return time.Time{}
	case i.step == stepTransfer:
		return i.client.NextDeadline()
	default:
		return i.next
	}
}

// Next is what to send to the distributor now; false when there is nothing.
func (i *Initiator) Next(now time.Time) (blob.Ask, bool) {
	if i.waiting || i.step == stepOver {
		return blob.Ask{}, false
	}
	i.heed()
	if i.step == stepTransfer {
		ask, ok := i.client.Next(now)
		switch {
		case ok:
			i.waiting = true
			return ask, true
		case !i.client.Done():
			return blob.Ask{}, false
		default:
			i.transferred()
		}
	}
	if i.step == stepOver || now.Before(i.next) {
		return blob.Ask{}, false
	}
	i.waiting = true
	return i.ask(), true
}

// transferred goes on after the transfer to the distributor. One that has started
// again in the middle has forgotten the upload, and is told of it once more.
func (i *Initiator) transferred() {
	err := i.client.Err()
	i.client = nil
	switch {
	case err == nil:
		i.goTo(stepUploaded)
	case errors.Is(err, blob.ErrRefused) && i.uploads < maxUploads:
		i.uploads++
		i.goTo(stepUpload)
	default:
		i.fail(fmt.Errorf("%w: %w", ErrUpload, err))
	}
}

// heed turns to what was wished for.
func (i *Initiator) heed() {
	switch {
	case i.wish == toCancel && i.step < stepCancelUpload:
		switch {
		case i.started:
			i.goTo(stepCancel)
		case i.uploaded:
			i.goTo(stepCancelUpload)
		default:
			i.end(StageCancelled, nil)
		}
	case i.wish == toSuspend && i.step < stepSuspend && i.started && i.phase == DistributionActive:
		i.goTo(stepSuspend)
	}
}

// goTo asks something else, at once.
func (i *Initiator) goTo(s initiatorStep) { i.step, i.next = s, time.Time{} }

func (i *Initiator) end(stage Stage, err error) {
	i.stage, i.step, i.err, i.client = stage, stepOver, err, nil
}

func (i *Initiator) fail(err error) { i.end(StageFailed, err) }

// ask is the question of the step.
func (i *Initiator) ask() blob.Ask {
	switch i.step {
	case stepCapabilities:
		return blob.Ask{Message: &DistributionCapabilitiesGet{}, Respond: OpDistributionCapabilitiesStatus}
	case stepFirmware, stepIndex:
		return blob.Ask{Message: &DistributionFirmwareGet{FirmwareID: i.order.Firmware}, Respond: OpDistributionFirmwareStatus}
	case stepForgetFirmware:
		return blob.Ask{Message: &DistributionFirmwareDelete{FirmwareID: i.order.Firmware}, Respond: OpDistributionFirmwareStatus}
	case stepUpload:
		if i.order.URI != "" {
			return blob.Ask{Message: &DistributionUploadOOBStart{URI: i.order.URI, FirmwareID: i.order.Firmware}, Respond: OpDistributionUploadStatus}
		}
		return blob.Ask{Message: &DistributionUploadStart{
			TTL: i.order.TTL, TimeoutBase: i.order.UploadTimeoutBase, BLOBID: i.order.Object.ID, FirmwareSize: i.order.Object.Size,
			Metadata: i.order.Metadata, FirmwareID: i.order.Firmware,
		}, Respond: OpDistributionUploadStatus}
	case stepUploaded:
		return blob.Ask{Message: &DistributionUploadGet{}, Respond: OpDistributionUploadStatus}
	case stepCancelUpload:
		return blob.Ask{Message: &DistributionUploadCancel{}, Respond: OpDistributionUploadStatus}
	case stepDeleteReceivers, stepForgetReceivers:
		return blob.Ask{Message: &DistributionReceiversDeleteAll{}, Respond: OpDistributionReceiversStatus}
	case stepAddReceivers:
		more := i.order.Receivers[i.added:min(i.added+receiversAtOnce, len(i.order.Receivers))]
		return blob.Ask{Message: &DistributionReceiversAdd{Receivers: more}, Respond: OpDistributionReceiversStatus}
	case stepList:
		return blob.Ask{Message: &DistributionReceiversGet{
			FirstIndex: uint16(len(i.list)), EntriesLimit: receiversAtOnce,
		}, Respond: OpDistributionReceiversList}
	case stepStart:
		return blob.Ask{Message: i.start(), Respond: OpDistributionStatus}
	case stepApply:
		return blob.Ask{Message: &DistributionApply{}, Respond: OpDistributionStatus}
	case stepSuspend:
		return blob.Ask{Message: &DistributionSuspend{}, Respond: OpDistributionStatus}
	case stepCancel, stepClear, stepEnd:
		return blob.Ask{Message: &DistributionCancel{}, Respond: OpDistributionStatus}
	default:
		return blob.Ask{Message: &DistributionGet{}, Respond: OpDistributionStatus}
	}
}

// start is the order to the distributor; one that it has is given as it was.
func (i *Initiator) start() *DistributionStart {
	return &DistributionStart{
		AppKeyIndex: i.order.AppKey, TTL: i.order.TTL, TimeoutBase: i.order.TimeoutBase, Mode: i.order.Mode,
		ApplyUpdate: i.applies, FirmwareImageIndex: i.index, MulticastAddress: i.order.Group,
	}
}

// Report takes a report of the distributor, which may receive in pull mode.
func (i *Initiator) Report(m *blob.PartialBlockReport) {
	if i.step == stepTransfer {
		i.client.Report(m)
	}
}
