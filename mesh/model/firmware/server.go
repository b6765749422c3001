package firmware

import (
	"bytes"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Image is a firmware image of a device, and how to replace it. Its methods run
// in the context of the server.
type Image interface {
	// Information returns the firmware that the device runs.
	Information() Information
	// Check returns what firmware with that metadata would do to the device. A
	// status other than Success rejects it.
	Check(metadata []byte) (Effect, Status)
	// Write stores a part of the new firmware at an offset. It returns false if
	// it cannot.
	Write(offset uint32, part []byte) bool
	// Verify reports whether the firmware that was written is valid.
	Verify(metadata []byte) bool
	// Apply makes the device run the verified firmware.
	Apply(ctx access.Context)
}

// PersistentImage is an Image that survives a restart of the node, together with
// the update.
type PersistentImage interface {
	Image
	// Keep returns the state of the image, without the written firmware.
	Keep() []byte
	Restore(state []byte) error
	// Written returns the part of the new firmware received so far; Rewrite
	// restores it after a restart.
	Written() []byte
	Rewrite(data []byte)
}

// Compile-time checks of what the node uses it as.
var (
	_ access.Model      = (*UpdateServer)(nil)
	_ access.Waker      = (*UpdateServer)(nil)
	_ access.Persistent = (*UpdateServer)(nil)
)

// UpdateServer is the Firmware Update Server model (Mesh Device Firmware Update
// Model). It receives firmware through the BLOB Transfer Server of its element,
// has it verified, and applies it on request.
type UpdateServer struct {
	blob   *blob.Server
	images []Image

	phase       Phase
	index       uint8
	ttl         mesh.TTL
	timeoutBase uint16
	id          blob.ID
	effect      Effect
	metadata    []byte
	applied     time.Time // when to run the new firmware
	unsaved     time.Time // since when there are changes to store; zero for none
}

// restart is the time from its answer until a device applies firmware.
const restart = time.Second

// NewUpdateServer makes the model for the element of the BLOB Transfer Server.
func NewUpdateServer(transfer *blob.Server, images ...Image) *UpdateServer {
	return &UpdateServer{blob: transfer, images: images}
}

// Phase returns the phase of the update.
func (s *UpdateServer) Phase() Phase { return s.phase }

// ID implements access.Model.
func (s *UpdateServer) ID() mesh.ModelID { return UpdateServerID }

// Opcodes implements access.Model.
func (s *UpdateServer) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{
		OpUpdateInformationGet, OpUpdateFirmwareMetadataCheck, OpUpdateGet, OpUpdateStart, OpUpdateCancel, OpUpdateApply,
	}
}

// Receive implements access.Model. While a device restarts it does not report
// what it runs.
func (s *UpdateServer) Receive(ctx access.Context, in *access.Incoming) {
	switch in.Opcode {
	case OpUpdateInformationGet:
		var m UpdateInformationGet
		if s.phase != ApplyingUpdate && access.Decode(in.Params, &m) == nil {
			ctx.Reply(s.information(&m))
		}
	case OpUpdateFirmwareMetadataCheck:
		var m UpdateFirmwareMetadataCheck
		if access.Decode(in.Params, &m) == nil {
			effect, status := s.check(m.ImageIndex, m.Metadata)
			ctx.Reply(&UpdateFirmwareMetadataStatus{Status: status, Effect: effect, ImageIndex: m.ImageIndex})
		}
	case OpUpdateGet:
		if access.Decode(in.Params, &UpdateGet{}) == nil {
			ctx.Reply(s.status(Success))
		}
	case OpUpdateStart:
		var m UpdateStart
		if access.Decode(in.Params, &m) == nil {
			ctx.Reply(s.status(s.start(ctx.Now(), &m)))
		}
	case OpUpdateCancel:
		if access.Decode(in.Params, &UpdateCancel{}) == nil {
			s.blob.Cancel()
			s.phase = Idle
			ctx.Reply(s.status(Success))
		}
	case OpUpdateApply:
		if access.Decode(in.Params, &UpdateApply{}) == nil {
			ctx.Reply(s.status(s.apply(ctx.Now())))
		}
	}
}

func (s *UpdateServer) information(m *UpdateInformationGet) access.Message {
	status := &UpdateInformationStatus{FirmwareInformationListCount: uint8(len(s.images)), FirstIndex: m.FirstIndex}
	const header, entryHeader = 4, 4
	room := access.MaxPayload - header
	for i := int(m.FirstIndex); i < len(s.images) && len(status.Entries) < int(m.EntriesLimit); i++ {
		e := s.images[i].Information()
		if room -= entryHeader + len(e.FirmwareID.Version) + len(e.UpdateURI); room < 0 {
			break
		}
		status.Entries = append(status.Entries, e)
	}
	return status
}

func (s *UpdateServer) check(index uint8, metadata []byte) (Effect, Status) {
	if int(index) >= len(s.images) {
		return CompositionUnchanged, WrongFirmwareIndex
	}
	return s.images[index].Check(metadata)
}

func (s *UpdateServer) status(status Status) access.Message {
	m := &UpdateStatus{Status: status, Phase: s.phase}
	if s.phase != Idle {
		m.HasUpdate, m.TTL, m.Effect, m.TimeoutBase, m.BLOBID, m.ImageIndex = true, s.ttl, s.effect, s.timeoutBase, s.id, s.index
	}
	return m
}

// start expects new firmware. The same request again is answered; it also
// continues a suspended transfer.
func (s *UpdateServer) start(now time.Time, m *UpdateStart) Status {
	same := m.ImageIndex == s.index && m.BLOBID == s.id && bytes.Equal(m.Metadata, s.metadata)
	switch s.phase {
	case TransferError:
		if same && s.blob.BLOB() == m.BLOBID && s.blob.Phase() == blob.Suspended {
			s.phase = TransferActive
			return Success
		}
	case TransferActive, VerifyingUpdate, VerificationSucceeded, ApplyingUpdate:
		if same {
			return Success
		}
		return WrongPhase
	}
	effect, status := s.check(m.ImageIndex, m.Metadata)
	if status != Success {
		return status
	}
	if s.blob.IsBusy() {
		return BLOBTransferBusy
	}
	s.phase, s.index, s.ttl, s.timeoutBase = TransferActive, m.ImageIndex, m.TTL, m.TimeoutBase
	s.id, s.effect, s.metadata = m.BLOBID, effect, slices.Clone(m.Metadata)
	s.blob.Expect(now, m.BLOBID, m.TTL, m.TimeoutBase, s.sink())
	return Success
}

func (s *UpdateServer) apply(now time.Time) Status {
	switch s.phase {
	case ApplyingUpdate:
		return Success
	case VerificationSucceeded:
		s.phase = ApplyingUpdate
		s.applied = now.Add(restart) // the answer is sent before
		return Success
	default:
		return WrongPhase
	}
}

// NextDeadline implements access.Waker. The node saves the state of a model
// that it has called, so changes in the calls of the BLOB Transfer Server wait
// for a call.
func (s *UpdateServer) NextDeadline() time.Time {
	if s.applied.IsZero() || !s.unsaved.IsZero() && s.unsaved.Before(s.applied) {
		return s.unsaved
	}
	return s.applied
}

// Wake implements access.Waker.
func (s *UpdateServer) Wake(ctx access.Context) {
	s.unsaved = time.Time{}
	if s.applied.IsZero() || ctx.Now().Before(s.applied) {
		return
	}
	s.applied = time.Time{}
	s.phase = Idle
	s.images[s.index].Apply(ctx)
}

// sink is the sink for the firmware.
func (s *UpdateServer) sink() blob.Sink {
	if image, ok := s.images[s.index].(PersistentImage); ok {
		return keepingTransfer{transfer{s}, image}
	}
	return transfer{s}
}

// transfer is the server as a BLOB sink.
type transfer struct{ *UpdateServer }

func (t transfer) Write(offset uint32, chunk []byte) bool {
	return t.images[t.index].Write(offset, chunk)
}

func (t transfer) Ended(ctx access.Context, complete bool) {
	t.unsaved = ctx.Now()
	if !complete {
		t.phase = TransferError
		return
	}
	t.verify()
}

// verify verifies the received firmware.
func (s *UpdateServer) verify() {
	s.phase = VerificationFailed
	if s.images[s.index].Verify(s.metadata) {
		s.phase = VerificationSucceeded
	}
}

func (t transfer) Suspended(ctx access.Context) { t.phase, t.unsaved = TransferError, ctx.Now() }

// keepingTransfer is the server as a sink that survives a restart.
type keepingTransfer struct {
	transfer
	image PersistentImage
}

func (t keepingTransfer) Written() []byte     { return t.image.Written() }
func (t keepingTransfer) Rewrite(data []byte) { t.image.Rewrite(data) }
