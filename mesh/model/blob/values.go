package blob

import (
	"fmt"
	"strconv"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// ID identifies an object.
type ID uint64

// String returns 16 hexadecimal digits.
func (i ID) String() string { return fmt.Sprintf("%016x", uint64(i)) }

// Visit visits the identifier of an object: eight octets; in JSON 16
// hexadecimal digits, because a number could not hold it.
func Visit(c *access.Codec, name string, id *ID) {
	if c.Octets() {
		c.Uint64(name, (*uint64)(id))
		return
	}
	text := id.String()
	c.String(name, &text)
	if c.Err() != nil || !c.Reading() {
		return
	}
	v, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		c.Fail(fmt.Errorf("%w: %s: expected up to 16 hexadecimal digits, got %.40q", access.ErrJSON, name, text))
	}
	*id = ID(v)
}

// Status is the result of a request.
type Status uint8

// The status codes.
const (
	Success                Status = 0x0
	InvalidBlockNumber     Status = 0x1
	InvalidBlockSize       Status = 0x2
	InvalidChunkSize       Status = 0x3
	WrongPhase             Status = 0x4
	InvalidParameter       Status = 0x5
	WrongBLOBID            Status = 0x6
	TooLarge               Status = 0x7
	UnsupportedMode        Status = 0x8
	InternalError          Status = 0x9
	InformationUnavailable Status = 0xA
)

var statusWords = []string{
	Success:                "success",
	InvalidBlockNumber:     "invalid block number",
	InvalidBlockSize:       "invalid block size",
	InvalidChunkSize:       "invalid chunk size",
	WrongPhase:             "wrong phase",
	InvalidParameter:       "invalid parameter",
	WrongBLOBID:            "wrong BLOB ID",
	TooLarge:               "BLOB too large",
	UnsupportedMode:        "unsupported transfer mode",
	InternalError:          "internal error",
	InformationUnavailable: "information unavailable",
}

// String returns the name of the status.
func (s Status) String() string { return access.InWords(uint8(s), statusWords) }

func (s *Status) visit(c *access.Codec) { c.EnumBits("status", (*uint8)(s), 4, statusWords) }

// Mode says which side decides which chunks are sent.
type Mode uint8

// The modes.
const (
	NoTransfer Mode = 0
	Push       Mode = 1 // the client sends all chunks, then asks what is missing
	Pull       Mode = 2 // the server requests chunks
)

var modeWords = []string{"none", "push", "pull"}

// String returns the name of the mode.
func (m Mode) String() string { return access.InWords(uint8(m), modeWords) }

func (m *Mode) visit(c *access.Codec) { c.EnumBits("transfer_mode", (*uint8)(m), 2, modeWords) }

// Phase is the state of a server.
type Phase uint8

// The phases.
const (
	Inactive        Phase = 0x00
	WaitingForStart Phase = 0x01 // expects a transfer
	WaitingForBlock Phase = 0x02
	WaitingForChunk Phase = 0x03
	Complete        Phase = 0x04
	Suspended       Phase = 0x05 // no message arrived for too long
)

var phaseWords = []string{"inactive", "waiting for transfer start", "waiting for next block", "waiting for next chunk", "transfer complete", "transfer suspended"}

// String returns the name of the phase.
func (p Phase) String() string { return access.InWords(uint8(p), phaseWords) }

func (p *Phase) visit(c *access.Codec) { c.Enum("transfer_phase", (*uint8)(p), phaseWords) }

// Format is how a BlockStatus lists the missing chunks.
type Format uint8

// The formats.
const (
	AllMissing     Format = 0
	NoneMissing    Format = 1
	SomeMissing    Format = 2
	EncodedMissing Format = 3
)

var formatWords = []string{"all chunks missing", "no missing chunks", "some chunks missing", "encoded missing chunks"}

// chunkNumber visits the number of a chunk, encoded like the character of that
// number in UTF-8; surrogates are numbers like others.
//
//	0xxxxxxx                    0x0000 to 0x007F
//	110xxxxx 10xxxxxx           0x0080 to 0x07FF
//	1110xxxx 10xxxxxx 10xxxxxx  0x0800 to 0xFFFF
func chunkNumber(v *uint16, c *access.Codec) {
	if !c.Octets() {
		c.Uint16("", v)
		return
	}
	const name = "chunk number"
	var b [3]byte
	switch n := *v; {
	case n < 0x80:
		b[0] = byte(n)
	case n < 0x800:
		b = [3]byte{0xC0 | byte(n>>6), 0x80 | byte(n&0x3F)}
	default:
		b = [3]byte{0xE0 | byte(n>>12), 0x80 | byte(n>>6&0x3F), 0x80 | byte(n&0x3F)}
	}
	c.Uint8(name, &b[0])
	more := 0
	switch {
	case b[0] < 0x80:
	case b[0]&0xE0 == 0xC0:
		more = 1
	case b[0]&0xF0 == 0xE0:
		more = 2
	default:
		c.Require(false, name, "a 16-bit number in UTF-8")
	}
	for i := range more {
		c.Uint8(name, &b[1+i])
		c.Require(b[1+i]&0xC0 == 0x80, name, "a 16-bit number in UTF-8")
	}
	if !c.Reading() {
		return
	}
	switch more {
	case 0:
		*v = uint16(b[0])
	case 1:
		*v = uint16(b[0]&0x1F)<<6 | uint16(b[1]&0x3F)
	case 2:
		*v = uint16(b[0]&0x0F)<<12 | uint16(b[1]&0x3F)<<6 | uint16(b[2]&0x3F)
	}
}
