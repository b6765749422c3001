package blob

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Limits is what a server can receive (BLOB Transfer Server states).
type Limits struct {
	MinBlockSizeLog uint8 // 6 to 32
	MaxBlockSizeLog uint8
	MaxTotalChunks  uint16 // per block
	MaxChunkSize    uint16 // in octets
	MaxBLOBSize     uint32 // in octets
}

// DefaultLimits suit a small device: blocks of 4 KiB, and chunks that fill a
// message.
func DefaultLimits(size uint32) Limits {
	return Limits{MinBlockSizeLog: 6, MaxBlockSizeLog: 12, MaxTotalChunks: 64, MaxChunkSize: maxChunk, MaxBLOBSize: size}
}

const (
	chunkHeader = 3 // octets of opcode and chunk number
	maxChunk    = access.MaxPayload - chunkHeader
	noBlock     = -1
)

// Sink stores the object that a server receives; its methods run in the context
// of the server.
type Sink interface {
	// Write stores a chunk at an offset. It returns false if it cannot.
	Write(offset uint32, chunk []byte) bool
	// Ended is called when the object is complete or the transfer was canceled.
	Ended(ctx access.Context, complete bool)
	// Suspended is called when the client has been silent for too long.
	Suspended(ctx access.Context)
}

// Compile-time checks of what the node uses it as.
var (
	_ access.Model      = (*Server)(nil)
	_ access.Waker      = (*Server)(nil)
	_ access.Persistent = (*Server)(nil)
)

// Server is the BLOB Transfer Server model (Mesh Binary Large Object Transfer
// Model). It receives one object at a time, which the model above it has
// announced with Expect.
type Server struct {
	limits Limits
	sink   Sink

	phase       Phase
	mode        Mode
	id          ID
	ttl         mesh.TTL
	timeoutBase uint16
	size        uint32
	blockLog    uint8
	mtu         uint16
	blocks      Bits // not received yet
	client      access.Recipient

	receivedBlock

	silence time.Time // when the client will have been silent for too long
	report  time.Time // when to request chunks, in pull mode

	state    []byte // stored state, nil if it has changed
	restored []byte // part of the object from before a restart, until there is a sink
}

// receivedBlock is the block that a server is receiving.
type receivedBlock struct {
	block     int // number of the block, noBlock for none
	chunkSize uint16
	chunks    Bits // of the block, not received yet
	count     int  // number of chunks in the block
	asked     Bits // chunks requested from the client, in pull mode
}

// NewServer makes a server that expects no object.
func NewServer(l Limits) *Server {
	return &Server{limits: l, receivedBlock: receivedBlock{block: noBlock}}
}

// Expect makes the server wait for an object and drops an earlier one. ttl is
// the TTL of its reports. The client may be silent for 10 s times (timeoutBase
// + 1).
func (s *Server) Expect(now time.Time, id ID, ttl mesh.TTL, timeoutBase uint16, sink Sink) {
	s.forget()
	s.phase, s.id, s.ttl, s.timeoutBase, s.sink = WaitingForStart, id, ttl, timeoutBase, sink
	s.heard(now)
}

// Cancel ends the current transfer. Ended is not called.
func (s *Server) Cancel() { s.forget() }

func (s *Server) forget() {
	*s = Server{limits: s.limits, receivedBlock: receivedBlock{block: noBlock}}
}

// Phase returns the current phase.
func (s *Server) Phase() Phase { return s.phase }

// BLOB returns the object that is expected or being received, 0 for none.
func (s *Server) BLOB() ID { return s.id }

// IsBusy reports whether an object is being received.
func (s *Server) IsBusy() bool {
	return s.phase == WaitingForStart || s.phase == WaitingForBlock || s.phase == WaitingForChunk
}

// ID implements access.Model.
func (s *Server) ID() mesh.ModelID { return TransferServerID }

// Opcodes implements access.Model.
func (s *Server) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{
		OpTransferGet, OpTransferStart, OpTransferCancel, OpBlockStart, OpBlockGet, OpInformationGet, OpChunkTransfer,
	}
}

// Receive implements access.Model.
func (s *Server) Receive(ctx access.Context, in *access.Incoming) {
	switch in.Opcode {
	case OpTransferGet:
		answer(ctx, in, &TransferGet{}, func() access.Message { return s.transferStatus(Success) })
	case OpTransferStart:
		var m TransferStart
		answer(ctx, in, &m, func() access.Message { return s.transferStatus(s.start(ctx, in, &m)) })
	case OpTransferCancel:
		var m TransferCancel
		answer(ctx, in, &m, func() access.Message { return s.cancel(ctx, &m) })
	case OpBlockStart:
		var m BlockStart
		answer(ctx, in, &m, func() access.Message { return s.startBlock(ctx, in, &m) })
	case OpBlockGet:
		answer(ctx, in, &BlockGet{}, s.blockGet)
	case OpInformationGet:
		answer(ctx, in, &InformationGet{}, s.information)
	case OpChunkTransfer:
		var m ChunkTransfer
		if access.Decode(in.Params, &m) == nil {
			s.chunk(ctx, &m)
		}
	}
}

// answer decodes a message and sends the reply.
func answer(ctx access.Context, in *access.Incoming, m access.Message, reply func() access.Message) {
	if access.Decode(in.Params, m) == nil {
		ctx.Reply(reply())
	}
}

func (s *Server) information() access.Message {
	l := s.limits
	return &InformationStatus{
		MinBlockSizeLog: l.MinBlockSizeLog, MaxBlockSizeLog: l.MaxBlockSizeLog, MaxTotalChunks: l.MaxTotalChunks,
		MaxChunkSize: l.MaxChunkSize, MaxBLOBSize: l.MaxBLOBSize, ServerMTUSize: access.MaxPayload, PushMode: true, PullMode: true,
	}
}

// transferStatus returns the status of the transfer with the fields that exist
// in the phase.
func (s *Server) transferStatus(status Status) access.Message {
	m := &TransferStatus{Status: status, Mode: s.mode, Phase: s.phase}
	if s.phase != Inactive {
		m.HasBLOBID, m.BLOBID = true, s.id
	}
	if s.phase > WaitingForStart {
		m.HasTransfer, m.BLOBSize, m.BlockSizeLog, m.TransferMTUSize = true, s.size, s.blockLog, s.mtu
		m.BlocksNotReceived = s.blocks
	}
	return m
}

// start begins a transfer, or continues a suspended one.
func (s *Server) start(ctx access.Context, in *access.Incoming, m *TransferStart) Status {
	switch {
	case s.phase == Inactive:
		return WrongPhase
	case m.BLOBID != s.id:
		return WrongBLOBID
	case s.phase != WaitingForStart:
		if m.Mode != s.mode || m.BLOBSize != s.size || m.BlockSizeLog != s.blockLog {
			return WrongPhase
		}
		s.client = access.Recipient{Dst: in.Src, AppKey: in.AppKey, TTL: s.ttl}
		if s.phase == Suspended {
			s.phase = WaitingForBlock
			s.block = noBlock
		}
		s.heard(ctx.Now())
		return Success
	case m.BLOBSize > s.limits.MaxBLOBSize:
		return TooLarge
	case m.BlockSizeLog < s.limits.MinBlockSizeLog || m.BlockSizeLog > s.limits.MaxBlockSizeLog:
		return InvalidBlockSize
	}
	// The bits of all blocks must fit into a TransferStatus.
	const statusHeader = 19
	blocks := blockCount(m.BLOBSize, m.BlockSizeLog)
	if m.BLOBSize == 0 || (blocks+7)/8 > access.MaxPayload-statusHeader {
		return InvalidParameter
	}
	s.mode, s.size, s.blockLog = m.Mode, m.BLOBSize, m.BlockSizeLog
	s.mtu, s.state = min(m.ClientMTUSize, access.MaxPayload), nil
	s.blocks = AllBits(blocks)
	s.client = access.Recipient{Dst: in.Src, AppKey: in.AppKey, TTL: s.ttl}
	s.phase = WaitingForBlock
	s.heard(ctx.Now())
	return Success
}

func blockCount(size uint32, blockLog uint8) int {
	return int((uint64(size) + 1<<blockLog - 1) >> blockLog)
}

// blockSize is the size of the block in octets; the last one may be shorter.
func blockSize(size uint32, blockLog uint8, block int) uint32 {
	whole := uint64(1) << blockLog
	return uint32(min(whole, uint64(size)-uint64(block)*whole))
}

func (s *Server) cancel(ctx access.Context, m *TransferCancel) access.Message {
	if s.phase == Inactive {
		return s.transferStatus(Success)
	}
	if m.BLOBID != s.id {
		return s.transferStatus(WrongBLOBID)
	}
	sink := s.sink
	s.forget()
	if sink != nil {
		sink.Ended(ctx, false)
	}
	return s.transferStatus(Success)
}

func (s *Server) startBlock(ctx access.Context, in *access.Incoming, m *BlockStart) access.Message {
	number := int(m.BlockNumber)
	switch s.phase {
	case Inactive, WaitingForStart:
		return s.blockStatus(WrongPhase)
	case WaitingForChunk:
		s.heard(ctx.Now())
		if number != s.block || m.ChunkSize != s.chunkSize {
			return s.blockStatus(WrongPhase)
		}
		return s.blockStatus(Success)
	}
	if number >= len(s.blocks)*8 || number >= blockCount(s.size, s.blockLog) {
		return s.blockStatus(InvalidBlockNumber)
	}
	size := blockSize(s.size, s.blockLog, number)
	count := int((size + uint32(m.ChunkSize) - 1) / uint32(m.ChunkSize))
	if m.ChunkSize > s.limits.MaxChunkSize || int(m.ChunkSize) > int(s.mtu)-chunkHeader || count > int(s.limits.MaxTotalChunks) {
		return s.blockStatus(InvalidChunkSize)
	}
	s.answerTo(in)
	s.block, s.chunkSize, s.count = number, m.ChunkSize, count
	if s.phase == Complete || !s.blocks.Has(number) {
		s.chunks = make(Bits, (count+7)/8)
		return s.blockStatus(Success)
	}
	s.chunks, s.asked = AllBits(count), make(Bits, (count+7)/8)
	s.phase = WaitingForChunk
	s.heard(ctx.Now())
	return s.blockStatus(Success)
}

func (s *Server) blockGet() access.Message {
	switch s.phase {
	case Inactive, WaitingForStart:
		return s.blockStatus(WrongPhase)
	case Suspended:
		return s.blockStatus(InformationUnavailable)
	default:
		return s.blockStatus(Success)
	}
}

func (s *Server) blockStatus(status Status) access.Message {
	m := &BlockStatus{Status: status, BlockNumber: uint16(max(s.block, 0)), ChunkSize: s.chunkSize, Format: NoneMissing}
	missing := s.chunks.Count()
	switch {
	case s.block == noBlock:
		m.BlockNumber, m.ChunkSize = 0xFFFF, 0xFFFF
	case missing == 0:
	case s.mode == Pull:
		m.Format, m.EncodedMissingChunks = EncodedMissing, s.wanted()
	case missing == s.count:
		m.Format = AllMissing
	default:
		m.Format, m.MissingChunks = SomeMissing, s.chunks
	}
	return m
}

// maxWanted is how many chunks a server requests at once, so that they can
// arrive before it requests again.
const maxWanted = 8

// wanted returns the chunks to request.
func (s *Server) wanted() []uint16 {
	var list []uint16
	s.asked = make(Bits, len(s.chunks))
	for n := s.chunks.Next(0); n >= 0 && len(list) < maxWanted; n = s.chunks.Next(n + 1) {
		list = append(list, uint16(n))
		s.asked.Put(n)
	}
	return list
}

// chunk takes a chunk of the block. A known chunk, or one of the wrong size, is
// ignored.
func (s *Server) chunk(ctx access.Context, m *ChunkTransfer) {
	n := int(m.ChunkNumber)
	if s.phase != WaitingForChunk || n >= s.count {
		return
	}
	offset := uint32(n) * uint32(s.chunkSize)
	size := blockSize(s.size, s.blockLog, s.block)
	if len(m.ChunkData) != int(min(uint32(s.chunkSize), size-offset)) {
		return
	}
	s.heard(ctx.Now())
	if !s.chunks.Has(n) || !s.sink.Write(uint32(s.block)<<s.blockLog+offset, m.ChunkData) {
		return
	}
	s.chunks.Drop(n)
	if s.mode == Pull {
		s.asked.Drop(n)
	}
	if s.chunks.Count() > 0 {
		if s.mode == Pull && s.asked.Count() == 0 {
			s.send(ctx, &PartialBlockReport{EncodedMissingChunks: s.wanted()})
		}
		return
	}
	s.blocks.Drop(s.block)
	s.state = nil
	if s.mode == Pull {
		s.send(ctx, &PartialBlockReport{})
	}
	if s.blocks.Count() > 0 {
		s.phase = WaitingForBlock
		return
	}
	s.phase = Complete
	s.silence, s.report = time.Time{}, time.Time{}
	s.sink.Ended(ctx, true)
}

// reportInterval is how long a server in pull mode waits for chunks before it
// requests them again.
const reportInterval = 10 * time.Second

// heard restarts the wait for the client.
func (s *Server) heard(now time.Time) {
	s.silence = now.Add(time.Duration(s.timeoutBase+1) * 10 * time.Second)
	s.report = time.Time{}
	if s.mode == Pull && s.phase == WaitingForChunk {
		s.report = now.Add(reportInterval)
		if !s.silence.After(s.report) {
			s.silence = s.report.Add(time.Second)
		}
	}
}

func (s *Server) send(ctx access.Context, m access.Message) {
	if sender, ok := ctx.(access.Sender); ok {
		sender.Send(s.client, m)
	}
}

// NextDeadline implements access.Waker.
func (s *Server) NextDeadline() time.Time {
	if s.silence.IsZero() || !s.report.IsZero() && s.report.Before(s.silence) {
		return s.report
	}
	return s.silence
}

// Wake implements access.Waker.
func (s *Server) Wake(ctx access.Context) {
	now := ctx.Now()
	if !s.report.IsZero() && !now.Before(s.report) {
		s.report = now.Add(reportInterval)
		s.send(ctx, &PartialBlockReport{EncodedMissingChunks: s.wanted()})
	}
	if s.silence.IsZero() || now.Before(s.silence) {
		return
	}
	sink, started := s.sink, s.phase != WaitingForStart
	s.silence, s.report = time.Time{}, time.Time{}
	if !started {
		s.forget()
		sink.Ended(ctx, false)
		return
	}
	s.phase, s.block = Suspended, noBlock
	sink.Suspended(ctx)
}
