package blob

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Ask is a message to the server, and the opcode of its answer, 0 for none.
type Ask struct {
	Message access.Message
	Respond mesh.Opcode
}

// Object is what a client transfers.
type Object struct {
	ID   ID
	Data io.ReaderAt
	Size uint32 // in octets, 1 and more
}

// ClientOptions is how an object is transferred.
type ClientOptions struct {
	// Mode is Push or Pull, of which the server may know only the other one.
	Mode Mode
	// TimeoutBase is that which the server was told to expect: it is silent for
	// TimeoutBase and two times 10 s before the client gives up.
	TimeoutBase uint16
	// MaxChunkSize bounds the chunks, for a server that says more than it can;
	// 0 for what fits into a message.
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

// step is what a client does next.
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
// Object Transfer Model): a machine that says what to send, and is
// told what came of it. Several nodes are served by as many clients. One that
// was interrupted is made again with the same object: the server says what it
// has already.
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
	leastLog uint8 // of a block that the server takes
	blocks   Bits  // that the server has not received

	sentBlock
	waiting bool // for the answer to an Ask
	alone   bool // the block was begun by an earlier client

	deadline time.Time           // of a report
	reported *PartialBlockReport // came while a chunk was on its way
	err      error
	status   Status // of the last answer
}

// sentBlock is the block that a client sends.
type sentBlock struct {
	block     int
	chunkSize uint16
	chunks    Bits // of the block, to be sent
	count     int
	chunk     int // being sent
	rounds    int // without progress
	before    int // missing chunks of the last round
}

// maxRounds is how often chunks are sent again before a node that still misses
// as many of them is given up.
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

// Done reports whether the transfer has ended; Err says how.
func (c *Client) Done() bool { return c.step == ended }

// Err is nil while the transfer goes on and when the node has the object.
func (c *Client) Err() error {
	if errors.Is(c.err, errFinished) {
		return nil
	}
	return c.err
}

// Status is that of the server's last answer.
func (c *Client) Status() Status { return c.status }

// Progress is how many octets the server has, as far as the client knows. It
// goes back when chunks were lost.
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

// toSend is how many chunks of the block are still to be sent; what was sent
// counts as received until the server says otherwise.
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

// Next is what to send now; false when there is nothing: the answer to the
// last Ask has not come, a report is waited for, or the transfer has ended.
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

// read reads the chunk that is to be sent.
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

// Answer tells what came of the last Ask: the answer of the server, or an error
// when none came. For an Ask without an answer m is nil.
func (c *Client) Answer(now time.Time, m access.Message, failed error) {
	if !c.waiting {
		return
	}
	c.waiting = false
	if c.step == sendChunk {
		// Whether it has arrived says the server; a lost one is sent again.
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

// plan chooses mode, block and chunks from what the server can receive: chunks
// as large as they may be, and blocks that have no more chunks than they may.
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
		c.end(fmt.Errorf("%w: it has no transfer mode", ErrNoMatch))
	case m.MaxBLOBSize < c.object.Size:
		c.end(fmt.Errorf("%w: it takes %d octets, the object has %d", ErrNoMatch, m.MaxBLOBSize, c.object.Size))
	case c.maxChunk == 0 || uint64(c.maxChunk)*uint64(c.maxCount) < 1<<c.blockLog || m.MinBlockSizeLog > m.MaxBlockSizeLog || c.blockLog < smallestLog:
		c.end(fmt.Errorf("%w: it takes %d chunks of %d octets, and blocks of 2^%d to 2^%d octets", ErrNoMatch,
			m.MaxTotalChunks, m.MaxChunkSize, m.MinBlockSizeLog, m.MaxBlockSizeLog))
	default:
		c.step = askStart
	}
}

// transfer takes the answer to a start, or to the question whether all is
// there.
func (c *Client) transfer(m *TransferStatus) {
	switch {
	case m.Status != Success:
		c.end(fmt.Errorf("%w: %s (%s)", ErrRefused, m.Status, m.Phase))
	case !m.HasBLOBID || m.BLOBID != c.object.ID:
		c.end(fmt.Errorf("%w: it has another object", ErrRefused))
	case m.Phase == Complete:
		c.end(errFinished)
	case !m.HasTransfer:
		c.end(fmt.Errorf("%w: it is %s", ErrRefused, m.Phase))
	default:
		// After a restart of the server there may be more to do than was known.
		c.blocks = make(Bits, (blockCount(c.object.Size, c.blockLog)+7)/8)
		copy(c.blocks, m.BlocksNotReceived)
		if c.step == askTransfer {
			if c.rounds++; c.rounds > maxRounds {
				c.end(fmt.Errorf("%w: it has not all blocks", ErrSilent))
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

// locate goes on in the block, and with the chunks, that an earlier client has
// begun.
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

// nextBlock goes to the first block that is missing, or asks whether all is
// there.
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

// length is the octets of the block.
func (c *Client) length() uint32 { return blockSize(c.object.Size, c.blockLog, c.block) }

// cut divides the block into chunks.
func (c *Client) cut(chunkSize uint16) {
	c.chunkSize = chunkSize
	c.count = int((c.length() + uint32(c.chunkSize) - 1) / uint32(c.chunkSize))
	c.chunks = AllBits(c.count)
	c.rounds, c.before = 0, c.count
}

// missing takes what the server says of the block.
func (c *Client) missing(m *BlockStatus) {
	switch {
	case m.Status != Success:
		// A server that has lost its block is asked to start over with it.
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
		c.end(fmt.Errorf("%w: it has block %d, not %d", ErrRefused, m.BlockNumber, c.block))
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

// again counts a round without progress, and reports whether there may be one
// more.
func (c *Client) again() bool {
	c.rounds++
	return c.rounds <= maxRounds
}

// send begins with the chunks that are missing, or leaves the block.
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

// sent goes to the next chunk, and after the last to the question what is
// missing, or to the report that says so.
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
// it asks by itself.
const reportTimeout = 3 * reportInterval

// Report takes a report of a server in pull mode: the chunks that it wants, none
// when it has the block.
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
	c.before = c.count // a server asks for as many as it can take at once
	c.send()
}

// NextDeadline is when Next has something to send though nothing has come; zero
// for never.
func (c *Client) NextDeadline() time.Time { return c.deadline }
