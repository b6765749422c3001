package opcodesaggregator

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Opcodes Aggregator messages (section 4.3).
const (
	OpSequence mesh.Opcode = 0x8072
	OpStatus   mesh.Opcode = 0x8073
)

// StatusCode is the result of the last handled message of a sequence.
type StatusCode uint8

// The status codes.
const (
	Success              StatusCode = 0x00
	InvalidAddress       StatusCode = 0x01
	WrongAccessKey       StatusCode = 0x02
	WrongOpcode          StatusCode = 0x03
	MessageNotUnderstood StatusCode = 0x04
	ResponseOverflow     StatusCode = 0x05
)

var statusWords = []string{
	Success:              "success",
	InvalidAddress:       "invalid address",
	WrongAccessKey:       "wrong access key",
	WrongOpcode:          "wrong opcode",
	MessageNotUnderstood: "message not understood",
	ResponseOverflow:     "response overflow",
}

// String returns the name of the status.
func (s StatusCode) String() string { return access.InWords(uint8(s), statusWords) }

// item visits an access payload after its length.
//
//	| LengthFormat 1 | Length 7 or 15 | opcode and parameters |
func item(v *[]byte, c *access.Codec) {
	if !c.Octets() {
		c.Bytes("", v, 0)
		return
	}
	const longest = 0x7F // in the short format
	n := uint16(len(*v))
	long := n > longest
	c.Flag("length_format", &long)
	if long {
		c.Bits16("length", &n, 15)
	} else {
		short := uint8(n)
		c.Bits("length", &short, 7)
		n = uint16(short)
	}
	c.Bytes("item", v, int(n))
}

// Sequence holds messages for one element. The element handles them one after
// the other. It is acknowledged.
//
//	| ElementAddress 16 | Items |
type Sequence struct {
	ElementAddress mesh.Address
	Items          [][]byte // each an opcode and its parameters
}

// Opcode is 0x8072.
func (Sequence) Opcode() mesh.Opcode { return OpSequence }

// Fields visits the parameters.
func (m *Sequence) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	access.List(c, "items", &m.Items, item)
}

// Status holds the answers to a sequence, with an empty item for a message
// without an answer. The status code is that of the last handled message.
//
//	| Status 8 | ElementAddress 16 | Items |
type Status struct {
	Status         StatusCode
	ElementAddress mesh.Address
	Items          [][]byte // each an opcode and its parameters, or empty
}

// Opcode is 0x8073.
func (Status) Opcode() mesh.Opcode { return OpStatus }

// Fields visits the parameters.
func (m *Status) Fields(c *access.Codec) {
	c.Enum("status", (*uint8)(&m.Status), statusWords)
	c.Unicast("element_address", &m.ElementAddress)
	access.List(c, "items", &m.Items, item)
}
