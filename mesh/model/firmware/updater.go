package firmware

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Update is new firmware for one image of a node.
type Update struct {
	Object   blob.Object
	Metadata []byte // in the company's format, may be empty
	// Firmware is what the node runs afterwards. Without a version the updater
	// only checks that it has changed.
	Firmware    ID
	ImageIndex  uint8
	Mode        blob.Mode
	TimeoutBase uint16 // in units of 10 s, how long the node waits for the next message
	// Shared leaves the transfer to a blob.MulticastTransfer, which uses Client.
	Shared bool
	// MaxChunkSize limits the chunks of the transfer, 0 for what fits.
	MaxChunkSize uint16
	// Hold makes the updater wait for Apply once the firmware is verified.
	Hold bool
}

// Stage is the progress of an updater.
type Stage string

// The stages, in order.
const (
	StageChecking     Stage = "checking"
	StageTransferring Stage = "transferring"
	StageVerifying    Stage = "verifying"
	StageVerified     Stage = "verified" // waiting for Apply
	StageApplying     Stage = "applying"
	StageDone         Stage = "done"
	StageFailed       Stage = "failed"
	StageCancelled    Stage = "cancelled"
)

// Errors that end an update.
var (
	ErrRefused  = errors.New("firmware: the node refused the update")
	ErrVerify   = errors.New("firmware: the node found the firmware invalid")
	ErrNotRun   = errors.New("firmware: the node does not run the new firmware")
	ErrSilent   = errors.New("firmware: the node does not answer")
	ErrNoImage  = errors.New("firmware: the node has no such firmware image")
	ErrSame     = errors.New("firmware: the node runs this firmware already")
	errComplete = errors.New("firmware: complete")
)

// Updater is the client side of the update of one node (Mesh Device Firmware
// Update Model). It is a state machine that returns what to send and takes the
// result. It is initiator and distributor in one; many nodes need many
// updaters. After an interruption, make a new one with the same Update; it
// continues where the node is.
type Updater struct {
	update Update
	stage  Stage
	phase  updatePhase
	client *blob.Client

	before  ID // firmware before the update
	effect  Effect
	polls   int
	waiting bool
	next    time.Time // when to ask again
	err     error
	cancel  bool
	code    Status // of the last answer to the update
	reached Stage  // before it failed
}

// updatePhase is the next request of the updater.
type updatePhase uint8

const (
	askBefore updatePhase = iota
	askCheck
	askUpdate
	transferring
	askVerified
	holding
	askApply
	askAfter
	askCancel
	finished
)

// A node is asked for its progress every pollInterval, up to about five minutes
// for a verification, and for a restart.
const (
	pollInterval = 5 * time.Second
	maxPolls     = 60
)

// NewUpdater makes an updater.
func NewUpdater(u Update) *Updater { return &Updater{update: u, stage: StageChecking} }

// Stage returns the progress of the update.
func (u *Updater) Stage() Stage { return u.stage }

// Done reports whether the update has ended; Err returns the result.
func (u *Updater) Done() bool { return u.phase == finished }

// Err returns nil during the update, and if the node runs the firmware.
func (u *Updater) Err() error {
	if errors.Is(u.err, errComplete) {
		return nil
	}
	return u.err
}

// Effect returns what the update does to the node.
func (u *Updater) Effect() Effect { return u.effect }

// Progress is how many octets of the firmware the node has.
func (u *Updater) Progress() uint32 {
	switch {
	case u.stage == StageVerifying || u.stage == StageVerified || u.stage == StageApplying || u.stage == StageDone:
		return u.update.Object.Size
	case u.client != nil:
		return u.client.Progress()
	default:
		return 0
	}
}

// Cancel ends the update and informs the node.
func (u *Updater) Cancel() {
	if u.phase == finished {
		return
	}
	u.cancel = true
	if u.client != nil && u.update.Shared {
		u.client.Abort()
	}
}

// Cancelled reports whether Cancel has been called.
func (u *Updater) Cancelled() bool { return u.cancel }

// Apply makes the node apply the firmware although Update.Hold is set.
func (u *Updater) Apply() {
	u.update.Hold = false
	if u.phase == holding {
		u.stage, u.phase = StageApplying, askApply
	}
}

// Client returns the transfer, for a convoy, while it runs; nil before and
// after.
func (u *Updater) Client() *blob.Client {
	if u.phase != transferring || u.client.Done() {
		return nil
	}
	return u.client
}

// NextDeadline is when Next has something to send without an input; zero for
// never.
func (u *Updater) NextDeadline() time.Time {
	if u.phase == transferring && u.client != nil {
		return u.client.NextDeadline()
	}
	if u.waiting || u.phase == finished {
		return time.Time{}
	}
	return u.next
}

// Next returns what to send now; false if there is nothing.
func (u *Updater) Next(now time.Time) (blob.Ask, bool) {
	if u.waiting || u.phase == finished {
		return blob.Ask{}, false
	}
	if u.cancel && u.phase != askCancel {
		u.phase, u.next = askCancel, time.Time{}
	}
	if u.phase == transferring {
		if u.update.Shared && !u.client.Done() {
			return blob.Ask{}, false
		}
		ask, ok := u.client.Next(now)
		switch {
		case ok:
			u.waiting = true
			return ask, true
		case !u.client.Done():
			return blob.Ask{}, false
		case u.client.Err() != nil:
			u.fail(u.client.Err())
			return blob.Ask{}, false
		}
		u.phase, u.stage, u.polls, u.next = askVerified, StageVerifying, 0, time.Time{}
	}
	if u.phase == holding || now.Before(u.next) {
		return blob.Ask{}, false
	}
	u.waiting = true
	return u.ask(), true
}

func (u *Updater) ask() blob.Ask {
	switch u.phase {
	case askBefore, askAfter:
		return blob.Ask{Message: &UpdateInformationGet{FirstIndex: u.update.ImageIndex, EntriesLimit: 1}, Respond: OpUpdateInformationStatus}
	case askCheck:
		return blob.Ask{
			Message: &UpdateFirmwareMetadataCheck{ImageIndex: u.update.ImageIndex, Metadata: u.update.Metadata}, Respond: OpUpdateFirmwareMetadataStatus,
		}
	case askUpdate:
		return blob.Ask{Message: &UpdateStart{
			TTL: mesh.DefaultTTL, TimeoutBase: u.update.TimeoutBase, BLOBID: u.update.Object.ID, ImageIndex: u.update.ImageIndex, Metadata: u.update.Metadata,
		}, Respond: OpUpdateStatus}
	case askVerified:
		return blob.Ask{Message: &UpdateGet{}, Respond: OpUpdateStatus}
	case askApply:
		return blob.Ask{Message: &UpdateApply{}, Respond: OpUpdateStatus}
	default:
		return blob.Ask{Message: &UpdateCancel{}, Respond: OpUpdateStatus}
	}
}

// Report takes a report from a node in pull mode.
func (u *Updater) Report(m *blob.PartialBlockReport) {
	if u.phase == transferring {
		u.client.Report(m)
	}
}

// Answer takes the result of the last Ask: the node's answer, or an error if
// there was none.
func (u *Updater) Answer(now time.Time, m access.Message, failed error) {
	if !u.waiting {
		return
	}
	u.waiting = false
	switch {
	case u.cancel && u.phase != askCancel:
		return // no longer relevant
	case u.phase == transferring:
		u.client.Answer(now, m, failed)
		return
	case u.phase == askCancel:
		u.stage, u.phase, u.err = StageCancelled, finished, failed
		return
	case failed != nil && (u.phase == askVerified || u.phase == askAfter):
		u.poll(now, fmt.Errorf("%w: %w", ErrSilent, failed)) // the node may be restarting
		return
	case failed != nil:
		u.fail(fmt.Errorf("%w: %w", ErrSilent, failed))
		return
	}
	switch m := m.(type) {
	case *UpdateInformationStatus:
		u.information(now, m)
	case *UpdateFirmwareMetadataStatus:
		u.checked(m)
	case *UpdateStatus:
		u.status(now, m)
	default:
		u.fail(fmt.Errorf("%w: unexpected answer %T", ErrRefused, m))
	}
}

// poll asks again later, if there is time left.
func (u *Updater) poll(now time.Time, failed error) {
	if u.polls++; u.polls > maxPolls {
		u.fail(failed)
		return
	}
	u.next = now.Add(pollInterval)
}

func (u *Updater) fail(err error) {
	u.reached = u.stage
	u.stage, u.phase, u.err = StageFailed, finished, err
}

func (u *Updater) complete() { u.stage, u.phase, u.err = StageDone, finished, errComplete }

// information takes the firmware that the node runs, before or after the
// update.
func (u *Updater) information(now time.Time, m *UpdateInformationStatus) {
	if len(m.Entries) == 0 || m.FirstIndex != u.update.ImageIndex {
		u.fail(fmt.Errorf("%w: it has %d, requested number %d", ErrNoImage, m.FirmwareInformationListCount, u.update.ImageIndex))
		return
	}
	runs := m.Entries[0].FirmwareID
	named := len(u.update.Firmware.Version) > 0
	if u.phase == askBefore {
		if named && runs.Equal(u.update.Firmware) {
			u.fail(fmt.Errorf("%w: %s", ErrSame, runs))
			return
		}
		u.before, u.phase = runs, askCheck
		return
	}
	if named && runs.Equal(u.update.Firmware) || !named && !runs.Equal(u.before) {
		u.complete()
		return
	}
	u.poll(now, fmt.Errorf("%w: it runs %s", ErrNotRun, runs))
}

func (u *Updater) checked(m *UpdateFirmwareMetadataStatus) {
	if u.code = m.Status; m.Status != Success {
		u.fail(fmt.Errorf("%w: %s", ErrRefused, m.Status))
		return
	}
	u.effect, u.phase = m.Effect, askUpdate
}

// status takes the node's state of the update.
func (u *Updater) status(now time.Time, m *UpdateStatus) {
	if u.phase == askApply && m.Status == WrongPhase && m.Phase == Idle {
		u.applied(now, m) // it was applied before, and the answer was lost
		return
	}
	if u.code = m.Status; m.Status != Success {
		u.fail(fmt.Errorf("%w: %s (%s)", ErrRefused, m.Status, m.Phase))
		return
	}
	if u.phase == askApply {
		u.applied(now, m)
		return
	}
	if m.HasUpdate && m.BLOBID != u.update.Object.ID {
		u.fail(fmt.Errorf("%w: it is busy with another update", ErrRefused))
		return
	}
	switch m.Phase {
	case TransferActive:
		if u.phase == askVerified {
			u.poll(now, fmt.Errorf("%w: it is still waiting for the firmware", ErrRefused))
			return
		}
		u.stage, u.phase = StageTransferring, transferring
		u.client = blob.NewClient(u.update.Object, blob.ClientOptions{
			Mode: u.update.Mode, TimeoutBase: u.update.TimeoutBase, MaxChunkSize: u.update.MaxChunkSize,
		})
	case VerifyingUpdate:
		u.stage, u.phase = StageVerifying, askVerified
		u.poll(now, fmt.Errorf("%w: it takes too long", ErrVerify))
	case VerificationSucceeded:
		if u.update.Hold {
			u.stage, u.phase, u.next = StageVerified, holding, time.Time{}
			return
		}
		u.stage, u.phase = StageApplying, askApply
	case ApplyingUpdate:
		u.stage, u.phase = StageApplying, askApply
	case VerificationFailed:
		u.fail(ErrVerify)
	default:
		u.fail(fmt.Errorf("%w: %s", ErrRefused, m.Phase))
	}
}

// applied waits for the node to return. A node that leaves the network does
// not.
func (u *Updater) applied(now time.Time, m *UpdateStatus) {
	switch {
	case u.effect == Unprovisioned:
		u.complete()
	case m.Phase == ApplyingUpdate || m.Phase == Idle:
		u.phase, u.polls = askAfter, 0
		u.next = now.Add(pollInterval)
	default:
		u.fail(fmt.Errorf("%w: %s", ErrRefused, m.Phase))
	}
}
