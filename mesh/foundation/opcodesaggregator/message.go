package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Opcodes Aggregator messages (section 4.3).
const (
	OpOpcodesAggregatorSequence mesh.Opcode = 0x8072
	OpOpcodesAggregatorStatus   mesh.Opcode = 0x8073
)

// AggregatorStatus is the outcome of the last message of a sequence.
type AggregatorStatus uint8

// The status codes.
const (
	AggregatorSuccess              AggregatorStatus = 0x00
	AggregatorInvalidAddress       AggregatorStatus = 0x01
	AggregatorWrongAccessKey       AggregatorStatus = 0x02
	AggregatorWrongOpcode          AggregatorStatus = 0x03
	AggregatorMessageNotUnderstood AggregatorStatus = 0x04
	AggregatorResponseOverflow     AggregatorStatus = 0x05
)

var aggregatorWords = []string{
	AggregatorSuccess:              "success",
	AggregatorInvalidAddress:       "invalid address",
	AggregatorWrongAccessKey:       "wrong access key",
	AggregatorWrongOpcode:          "wrong opcode",
	AggregatorMessageNotUnderstood: "message not understood",
	AggregatorResponseOverflow:     "response overflow",
}

// String is the status in words.
func (s AggregatorStatus) String() string { return inWords(uint8(s), aggregatorWords) }

// aggregatorItem visits an access payload with its length in front.
//
//	| LengthFormat 1 | Length 7 or 15 | opcode and parameters |
func aggregatorItem(v *[]byte, c *access.Codec) {
	if !c.Octets() {
		c.Bytes("", v, 0)
		return
	}
	const longest = 0x7F // of the short format
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

// OpcodesAggregatorSequence holds messages for one element, which handles them
// one after the other, and is answered.
//
//	| ElementAddress 16 | Items |
type OpcodesAggregatorSequence struct {
	ElementAddress mesh.Address
	Items          [][]byte // each an opcode with its parameters
}

// Opcode is 0x8072.
func (OpcodesAggregatorSequence) Opcode() mesh.Opcode { return OpOpcodesAggregatorSequence }

// Fields visits the parameters.
func (m *OpcodesAggregatorSequence) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	access.List(c, "items", &m.Items, aggregatorItem)
}

// OpcodesAggregatorStatus holds the answers to a sequence, an empty item for a
// message that has none. The status is that of the last message that was
// handled.
//
//	| Status 8 | ElementAddress 16 | Items |
type OpcodesAggregatorStatus struct {
	Status         AggregatorStatus
	ElementAddress mesh.Address
	Items          [][]byte // each an opcode with its parameters, or nothing
}

// Opcode is 0x8073.
func (OpcodesAggregatorStatus) Opcode() mesh.Opcode { return OpOpcodesAggregatorStatus }

// Fields visits the parameters.
func (m *OpcodesAggregatorStatus) Fields(c *access.Codec) {
	c.Enum("status", (*uint8)(&m.Status), aggregatorWords)
	c.Unicast("element_address", &m.ElementAddress)
	access.List(c, "items", &m.Items, aggregatorItem)
}
