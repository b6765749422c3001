package firmware

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Distribution is firmware that a distributor transfers to receivers.
type Distribution struct {
	Object   blob.Object
	Metadata []byte // in the company's format, may be empty
	// Firmware identifies the image on the distributor, and is what the
	// receivers run afterwards.
	Firmware  ID
	Receivers []Receiver
	// URI is where the distributor fetches the firmware, instead of Object.
	URI string
	// UploadTimeoutBase, in units of 10 s, is how long the distributor waits
	// for the next message.
	UploadTimeoutBase uint16
	// MaxChunkSize limits the chunks of the upload, 0 for what fits.
	MaxChunkSize uint16

	AppKey      mesh.KeyIndex // the distributor's key for messages to the receivers
	TTL         mesh.TTL
	TimeoutBase uint16       // in units of 10 s, how long a receiver waits for the next message
	Mode        blob.Mode    // Push or Pull
	Group       mesh.Address // all receivers are subscribed to it; unassigned: each is sent to separately
	// VerifyOnly ends at StageVerified, when the receivers have the firmware
	// and do not run it yet. Another initiator without VerifyOnly continues
	// from there.
	VerifyOnly bool
	// Keep leaves the firmware on the distributor; otherwise it is deleted when
	// all receivers run it.
	Keep bool
}

// Stages that only an initiator has.
const (
	StageUploading Stage = "uploading" // to the distributor
	StageSuspended Stage = "suspended"
)

// Errors that end a distribution.
var (
	ErrBusy      = errors.New("firmware: the distributor is busy")
	ErrNoRoom    = errors.New("firmware: the distributor has no room for the firmware")
	ErrTooMany   = errors.New("firmware: too many receivers for the distributor")
	ErrNoFetch   = errors.New("firmware: the distributor cannot fetch the firmware")
	ErrUpload    = errors.New("firmware: the upload to the distributor failed")
	ErrEnded     = errors.New("firmware: the distribution was ended by another initiator, or by a restart of the distributor")
	ErrReceivers = errors.New("firmware: not all receivers run the firmware")
)

// Initiator is the client side of a distribution (Mesh Device Firmware Update
// Model, Initiator). It is a state machine that returns what to send to the
// distributor and takes the result. It need not be able to reach the receivers.
// After an interruption, make a new one with the same Distribution; it
// continues where the distributor is.
//
//	capabilities -> upload -> receivers -> start -> poll, and poll ... -> apply -> poll ... -> clean up
type Initiator struct {
	order  Distribution
	stage  Stage
	step   initiatorStep
	client *blob.Client // of the upload

	index uint16 // of the firmware on the distributor
	found bool   // the distributor has the firmware
	initiatorReceivers
	phase   DistributionPhase
	compare bool  // the list is compared to find out whether the distribution is this one
	result  error // reported after cleaning up
	initiatorProgress
	wish      wish
	waiting   bool
	next      time.Time
	err       error
	remaining uint32 // octets of room
	applies   bool   // the distribution applies the firmware by itself
}

// initiatorReceivers is the list of receivers that an Initiator sends and
// reads.
type initiatorReceivers struct {
	added   int // receivers that were added
	entries []ReceiverEntry
	list    []ReceiverEntry // being read
}

// initiatorProgress is the progress of an Initiator, with the counters that
// limit its attempts.
type initiatorProgress struct {
	polls    int // without a change
	silent   int // consecutive requests without an answer
	resumed  int
	uploads  int   // uploads that were started again
	uploaded bool  // an upload has begun
	started  bool  // the distribution on the distributor is this one
	upload   uint8 // percent, as the distributor reports
}

// wish is what the caller has requested.
type wish uint8

const (
	proceed wish = iota
	toSuspend
	toCancel
)

// initiatorStep is the next request of the initiator.
type initiatorStep uint8

const (
	stepCapabilities initiatorStep = iota
	stepFirmware                   // does it have the image?
	stepDistribution               // is it free?
	stepClear                      // remove a finished distribution
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

// The distributor is asked every distributionInterval. Up to maxSilent
// consecutive answers may be missing, up to maxStill polls may bring no change
// (about an hour), and a distribution that was suspended is resumed up to
// maxResumed times.
const (
	distributionInterval = 10 * time.Second

	maxSilent  = 6
	maxStill   = 360
	maxResumed = 5
	maxUploads = 3
	// receiversAtOnce is how many receivers fit into a message.
	receiversAtOnce = 24
)

// NewInitiator makes an initiator.
func NewInitiator(d Distribution) *Initiator {
	if d.Mode == blob.NoTransfer {
		d.Mode = blob.Push
	}
	return &Initiator{order: d, stage: StageChecking, applies: !d.VerifyOnly}
}

// Stage returns the progress of the distribution.
func (i *Initiator) Stage() Stage { return i.stage }

// Done reports whether the initiator has ended; Err returns the result.
func (i *Initiator) Done() bool { return i.step == stepOver }

// Err returns nil during the distribution, and if it has succeeded: all
// receivers run the firmware, or have verified it.
func (i *Initiator) Err() error { return i.err }

// Receivers returns the progress of each receiver, from the distributor's last
// report; empty before the first one.
func (i *Initiator) Receivers() []ReceiverEntry { return i.entries }

// Progress is the completed part of the stage in percent: of the upload, then
// of the transfer to all receivers.
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

// Cancel ends the upload or the distribution. The distributor is informed and
// informs the receivers.
func (i *Initiator) Cancel() { i.wish = toCancel }

// Suspend suspends the distribution, and then ends the initiator. Another one
// continues.
func (i *Initiator) Suspend() {
	if i.wish == proceed {
		i.wish = toSuspend
	}
}

// NextDeadline is when Next has something to send without an input; zero for
// never.
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

// Next returns what to send to the distributor now; false if there is nothing.
func (i *Initiator) Next(now time.Time) (blob.Ask, bool) {
	if i.waiting || i.step == stepOver {
		return blob.Ask{}, false
	}
	i.obey()
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

// transferred continues after the transfer to the distributor. A distributor
// that has restarted meanwhile has lost the upload and gets it again.
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

// obey follows the caller's request.
func (i *Initiator) obey() {
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

// goTo sends another request at once.
func (i *Initiator) goTo(s initiatorStep) { i.step, i.next = s, time.Time{} }

func (i *Initiator) end(stage Stage, err error) {
	i.stage, i.step, i.err, i.client = stage, stepOver, err, nil
}

func (i *Initiator) fail(err error) { i.end(StageFailed, err) }

// ask returns the request of the step.
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

// start is the request to start the distribution; an existing one is repeated
// unchanged.
func (i *Initiator) start() *DistributionStart {
	return &DistributionStart{
		AppKeyIndex: i.order.AppKey, TTL: i.order.TTL, TimeoutBase: i.order.TimeoutBase, Mode: i.order.Mode,
		ApplyUpdate: i.applies, FirmwareImageIndex: i.index, MulticastAddress: i.order.Group,
	}
}

// Report takes a report from the distributor, which may receive in pull mode.
func (i *Initiator) Report(m *blob.PartialBlockReport) {
	if i.step == stepTransfer {
		i.client.Report(m)
	}
}
