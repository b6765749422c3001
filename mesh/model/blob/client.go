package blob

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Ask is a message to the server, and the opcode of the expected answer, 0 for
// none.
type Ask struct {
	Message access.Message
	Respond mesh.Opcode
}

// Object is the object that a client transfers.
type Object struct {
	ID   ID
	Data io.ReaderAt
	Size uint32 // in octets, at least 1
}

// ClientOptions says how to transfer an object.
type ClientOptions struct {
	// Mode is Push or Pull. The server may support only the other one.
	Mode Mode
	// TimeoutBase is the value that the server was given. The client gives up
	// when the server has been silent for 10 s times (TimeoutBase + 2).
	TimeoutBase uint16
	// MaxChunkSize limits the chunks, for a server that announces more than it
	// can handle; 0 means what fits into a message.
	MaxChunkSize uint16
}

// Errors that end a transfer.
var (
	ErrRefused  = errors.New("blob: the node refused the transfer")
	ErrSilent   = errors.New("blob: the node does not answer")
	ErrObject   = errors.New("blob: the object cannot be read")
	ErrNoMatch  = errors.New("blob: the node cannot receive the object")
	ErrAborted  = errors.New("blob: the transfer was aborted")
	errFinished = errors.New("blob: the transfer has ended")
)

// step is the next step of a client.
type step uint8

const (
	askInformation step = iota
	askStart
	askWhere
	askBlock
	sendChunk
	askMissing
	awaitReport
	askTransfer
	ended
)

// Client is the client side of one transfer to one node (Mesh Binary Large
// Object Transfer Model). It is a state machine that returns what to send and
// takes the result. Several nodes need several clients. After an interruption,
// make a new client with the same object: the server reports what it has
// already.
//
//	information -> start -> block -> chunks -> what is missing? -> ... -> is it complete?
type Client struct {
	object  Object
	options ClientOptions

	step     step
	mode     Mode
	blockLog uint8
	maxChunk uint16
	maxCount uint16
	leastLog uint8 // smallest block that the server accepts
	blocks   Bits  // that the server has not received

	sentBlock
	waiting bool // for the answer to an Ask
	alone   bool // an earlier client began the block

	deadline time.Time           // for a report
	reported *PartialBlockReport // arrived while a chunk was being sent
	err      error
	status   Status // of the last answer
}

// sentBlock is the block that a client is sending.
type sentBlock struct {
	block     int
	chunkSize uint16
	chunks    Bits // of the block, to be sent
	count     int
	chunk     int // being sent
	rounds    int // without progress
	before    int // missing chunks in the last round
}

// maxRounds is how often chunks are sent again without progress before a node
// is given up.
const maxRounds = 8

// NewClient makes a client.
func NewClient(object Object, options ClientOptions) *Client {
	if options.Mode == NoTransfer {
		options.Mode = Push
	}
	if options.MaxChunkSize == 0 || options.MaxChunkSize > maxChunk {
		options.MaxChunkSize = maxChunk
	}
	return &Client{object: object, options: options}
}

// Done reports whether the transfer has ended; Err returns the result.
func (c *Client) Done() bool { return c.step == ended }

// Err returns nil during the transfer and if the node has the object.
func (c *Client) Err() error {
	if errors.Is(c.err, errFinished) {
		return nil
	}
	return c.err
}

// Status returns the status of the server's last answer.
func (c *Client) Status() Status { return c.status }

// Progress is how many octets the server has, as far as the client knows. It
// decreases if chunks were lost.
func (c *Client) Progress() uint32 {
	switch {
	case c.step == ended && c.Err() == nil:
		return c.object.Size
	case c.blocks == nil:
		return 0
	}
	var missing uint64
	for n := c.blocks.Next(0); n >= 0; n = c.blocks.Next(n + 1) {
		if n == c.block && c.chunkSize > 0 {
			missing += min(uint64(c.toSend())*uint64(c.chunkSize), uint64(blockSize(c.object.Size, c.blockLog, n)))
		} else {
			missing += uint64(blockSize(c.object.Size, c.blockLog, n))
		}
	}
	return c.object.Size - uint32(min(missing, uint64(c.object.Size)))
}

// toSend is how many chunks of the block are still to be sent. Chunks that were
// sent count as received until the server reports otherwise.
func (c *Client) toSend() int {
	if c.step != sendChunk || c.mode == Pull {
		return c.chunks.Count()
	}
	left := 0
	for n := c.chunks.Next(c.chunk); n >= 0; n = c.chunks.Next(n + 1) {
		left++
	}
	return left
}

func (c *Client) end(err error) {
	c.step, c.err, c.deadline = ended, err, time.Time{}
}

// Next returns what to send now. It returns false if there is nothing: the
// answer to the last Ask is pending, a report is expected, or the transfer has
// ended.
func (c *Client) Next(now time.Time) (Ask, bool) {
	if c.waiting || c.step == ended {
		return Ask{}, false
	}
	if c.step == awaitReport {
		if c.deadline.IsZero() || now.Before(c.deadline) {
			return Ask{}, false
		}
		c.step, c.deadline = askMissing, time.Time{}
	}
	ask, err := c.ask()
	if err != nil {
		c.end(err)
		return Ask{}, false
	}
	c.waiting = true
	return ask, true
}

func (c *Client) ask() (Ask, error) {
	switch c.step {
	case askInformation:
		return Ask{&InformationGet{}, OpInformationStatus}, nil
	case askStart:
		return Ask{&TransferStart{
			Mode: c.mode, BLOBID: c.object.ID, BLOBSize: c.object.Size, BlockSizeLog: c.blockLog, ClientMTUSize: access.MaxPayload,
		}, OpTransferStatus}, nil
	case askBlock:
		return Ask{&BlockStart{BlockNumber: uint16(c.block), ChunkSize: c.chunkSize}, OpBlockStatus}, nil
	case sendChunk:
		data, err := c.read()
		return Ask{&ChunkTransfer{ChunkNumber: uint16(c.chunk), ChunkData: data}, 0}, err
	case askWhere, askMissing:
		return Ask{&BlockGet{}, OpBlockStatus}, nil
	default:
		return Ask{&TransferGet{}, OpTransferStatus}, nil
	}
}

// read reads the chunk to send.
func (c *Client) read() ([]byte, error) {
	offset := uint32(c.chunk) * uint32(c.chunkSize)
	size := min(uint32(c.chunkSize), c.length()-offset)
	data := make([]byte, size)
	at := int64(c.block)<<c.blockLog + int64(offset)
	if n, err := c.object.Data.ReadAt(data, at); n < len(data) {
		return nil, fmt.Errorf("%w: %d octets at %d: %w", ErrObject, size, at, err)
	}
	return data, nil
}

// Answer takes the result of the last Ask: the server's answer, or an error if
// there was none. For an Ask without an answer m is nil.
func (c *Client) Answer(now time.Time, m access.Message, failed error) {
	if !c.waiting {
		return
	}
	c.waiting = false
	if c.step == sendChunk {
		// The server reports whether it has arrived; a lost one is sent again.
		c.sent(now)
		if m := c.reported; m != nil && c.step == awaitReport {
			c.reported = nil
			c.Report(m)
		}
		return
	}
	if failed != nil {
		c.end(fmt.Errorf("%w: %w", ErrSilent, failed))
		return
	}
	switch m := m.(type) {
	case *InformationStatus:
		c.plan(m)
	case *TransferStatus:
		c.status = m.Status
		c.transfer(m)
	case *BlockStatus:
		c.status = m.Status
		if c.step == askWhere {
			c.locate(m)
			return
		}
		c.missing(m)
	default:
		c.end(fmt.Errorf("%w: expected an answer to %d, got %T", ErrRefused, c.step, m))
	}
}

// plan chooses mode, block and chunks by the server's limits: chunks as large
// as allowed, and blocks that do not have too many chunks.
func (c *Client) plan(m *InformationStatus) {
	if c.step != askInformation {
		return
	}
	c.mode = c.options.Mode
	switch {
	case c.mode == Push && !m.PushMode:
		c.mode = Pull
	case c.mode == Pull && !m.PullMode:
		c.mode = Push
	}
	c.maxChunk = min(c.options.MaxChunkSize, m.MaxChunkSize)
	if m.ServerMTUSize > chunkHeader {
		c.maxChunk = min(c.maxChunk, m.ServerMTUSize-chunkHeader)
	}
	c.maxCount, c.leastLog = m.MaxTotalChunks, m.MinBlockSizeLog
	const smallestLog, largestLog = 6, 32
	c.blockLog = min(m.MaxBlockSizeLog, largestLog)
	for c.blockLog > max(m.MinBlockSizeLog, smallestLog) && uint64(c.maxChunk)*uint64(c.maxCount) < 1<<c.blockLog {
		c.blockLog--
	}
	switch {
	case !m.PushMode && !m.PullMode:
		c.end(fmt.Errorf("%w: expected a node with a transfer mode, it has none", ErrNoMatch))
	case m.MaxBLOBSize < c.object.Size:
		c.end(fmt.Errorf("%w: expected room for the object, the node accepts %d octets, the object has %d", ErrNoMatch, m.MaxBLOBSize, c.object.Size))
	case c.maxChunk == 0 || uint64(c.maxChunk)*uint64(c.maxCount) < 1<<c.blockLog || m.MinBlockSizeLog > m.MaxBlockSizeLog || c.blockLog < smallestLog:
		c.end(fmt.Errorf("%w: expected limits that fit the object, the node accepts %d chunks of %d octets, and blocks of 2^%d to 2^%d octets", ErrNoMatch,
			m.MaxTotalChunks, m.MaxChunkSize, m.MinBlockSizeLog, m.MaxBlockSizeLog))
	default:
		c.step = askStart
	}
}

// transfer takes the answer to a start, or to the question whether all blocks
// have arrived.
func (c *Client) transfer(m *TransferStatus) {
	switch {
	case m.Status != Success:
		c.end(fmt.Errorf("%w: %s (%s)", ErrRefused, m.Status, m.Phase))
	case !m.HasBLOBID || m.BLOBID != c.object.ID:
		c.end(fmt.Errorf("%w: expected this object, the node has another one", ErrRefused))
	case m.Phase == Complete:
		c.end(errFinished)
	case !m.HasTransfer:
		c.end(fmt.Errorf("%w: unexpected phase: %s", ErrRefused, m.Phase))
	default:
		// After a restart the server may need more blocks than before.
		c.blocks = make(Bits, (blockCount(c.object.Size, c.blockLog)+7)/8)
		copy(c.blocks, m.BlocksNotReceived)
		if c.step == askTransfer {
			if c.rounds++; c.rounds > maxRounds {
				c.end(fmt.Errorf("%w: not all blocks have arrived", ErrSilent))
				return
			}
		}
		if c.step == askStart && m.Phase == WaitingForChunk {
			c.step = askWhere
			return
		}
		c.nextBlock()
	}
}

// locate continues in the block, and with the chunks, that an earlier client
// has begun.
func (c *Client) locate(m *BlockStatus) {
	block := int(m.BlockNumber)
	if m.Status != Success || !c.blocks.Has(block) || block >= blockCount(c.object.Size, c.blockLog) || m.ChunkSize == 0 || m.ChunkSize > maxChunk {
		c.nextBlock()
		return
	}
	length := uint64(blockSize(c.object.Size, c.blockLog, block))
	if length > uint64(m.ChunkSize)*uint64(c.maxCount) {
		c.nextBlock()
		return
	}
	c.block, c.alone = block, true
	c.cut(m.ChunkSize)
	c.step = askMissing
	c.missing(m)
}

// nextBlock goes to the first missing block, or asks whether all have arrived.
func (c *Client) nextBlock() {
	c.block = c.blocks.Next(0)
	if c.block < 0 || c.block >= blockCount(c.object.Size, c.blockLog) {
		c.step = askTransfer
		return
	}
	c.alone = false
	c.cut(c.maxChunk)
	c.step = askBlock
}

// length is the length of the block in octets.
func (c *Client) length() uint32 { return blockSize(c.object.Size, c.blockLog, c.block) }

// cut divides the block into chunks.
func (c *Client) cut(chunkSize uint16) {
	c.chunkSize = chunkSize
	c.count = int((c.length() + uint32(c.chunkSize) - 1) / uint32(c.chunkSize))
	c.chunks = AllBits(c.count)
	c.rounds, c.before = 0, c.count
}

// missing takes the server's report on the block.
func (c *Client) missing(m *BlockStatus) {
	switch {
	case m.Status != Success:
		// A server that has lost its block is asked to start it again.
		if c.step == askMissing && (m.Status == WrongPhase || m.Status == InformationUnavailable) && c.again() {
			c.step = askStart
			return
		}
		c.end(fmt.Errorf("%w: block %d: %s", ErrRefused, c.block, m.Status))
		return
	case int(m.BlockNumber) != c.block:
		if c.again() {
			c.step = askBlock
			return
		}
		c.end(fmt.Errorf("%w: expected block %d, the node has block %d", ErrRefused, c.block, m.BlockNumber))
		return
	}
	c.chunks = make(Bits, (c.count+7)/8)
	switch m.Format {
	case AllMissing:
		c.chunks = AllBits(c.count)
	case SomeMissing:
		copy(c.chunks, m.MissingChunks)
	case EncodedMissing:
		c.want(m.EncodedMissingChunks)
	}
	for n := c.chunks.Next(c.count); n >= 0; n = c.chunks.Next(n + 1) {
		c.chunks.Drop(n)
	}
	c.send()
}

func (c *Client) want(numbers []uint16) {
	for _, n := range numbers {
		if int(n) < c.count {
			c.chunks.Put(int(n))
		}
	}
}

// again counts a round without progress, and reports whether another one is
// allowed.
func (c *Client) again() bool {
	c.rounds++
	return c.rounds <= maxRounds
}

// send begins to send the missing chunks, or leaves the block.
func (c *Client) send() {
	left := c.chunks.Count()
	if left == 0 {
		c.blocks.Drop(c.block)
		c.nextBlock()
		return
	}
	if left < c.before || c.step == askBlock {
		c.rounds = 0
	} else if !c.again() {
		c.end(fmt.Errorf("%w: block %d still lacks %d chunks", ErrSilent, c.block, left))
		return
	}
	c.before = left
	c.deadline, c.reported = time.Time{}, nil
	c.chunk = c.chunks.Next(0)
	c.step = sendChunk
}

// sent goes to the next chunk. After the last chunk it asks what is missing, or
// waits for the report.
func (c *Client) sent(now time.Time) {
	if c.mode == Pull {
		c.chunks.Drop(c.chunk)
	}
	if c.chunk = c.chunks.Next(c.chunk + 1); c.chunk >= 0 {
		return
	}
	if c.mode == Pull {
		c.step, c.deadline = awaitReport, now.Add(reportTimeout)
		return
	}
	c.step = askMissing
}

// reportTimeout is how long the client waits for a server in pull mode before
// it asks itself.
const reportTimeout = 3 * reportInterval

// Report takes a report from a server in pull mode: the chunks that it needs,
// none if it has the block.
func (c *Client) Report(m *PartialBlockReport) {
	switch {
	case c.mode != Pull || c.step != awaitReport && c.step != sendChunk:
		return
	case c.waiting:
		c.reported = m
		return
	}
	if len(m.EncodedMissingChunks) == 0 {
		c.blocks.Drop(c.block)
		c.deadline = time.Time{}
		c.nextBlock()
		return
	}
	c.chunks = make(Bits, (c.count+7)/8)
	c.want(m.EncodedMissingChunks)
	c.before = c.count // a server requests as many as it can handle at once
	c.send()
}

// NextDeadline is when Next has something to send without an input; zero for
// never.
func (c *Client) NextDeadline() time.Time { return c.deadline }
