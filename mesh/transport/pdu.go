package transport

import (
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Sizes in octets (sections 3.5.2 and 3.6).
const (
	shortMIC = 4
	longMIC  = 8

	maxUnsegmentedAccess  = 15 // upper transport access PDU
	maxUnsegmentedControl = 11
	accessSegment         = 12
	controlSegment        = 8
	maxSegments           = 32
	maxUpper              = maxSegments * accessSegment // 384

	segmentHead = 4
	ackSize     = 7

	// MaxPayload is the length of the longest access message, MaxLongMICPayload
	// of the longest with a 64-bit TransMIC.
	MaxPayload        = maxUpper - shortMIC // 380
	MaxLongMICPayload = maxUpper - longMIC  // 376
	// MaxUnsegmentedPayload is the length of the longest access message that
	// fits into one PDU without segmentation.
	MaxUnsegmentedPayload = maxUnsegmentedAccess - shortMIC // 11
	// MaxControlParams is the length of the longest transport control message.
	MaxControlParams = maxSegments * controlSegment // 256
)

const (
	segmentedBit = 0x80
	akfBit       = 0x40
	aidMask      = 0x3F
	opcodeMask   = 0x7F
	opcodeAck    = 0x00

	seqZeroMask = 0x1FFF
)

// segment is a segment of a message, access or control.
type segment struct {
	first   byte // AKF and AID, or opcode; without SEG
	szmic   bool
	seqZero uint16 // 13 bits
	o, n    uint8  // SegO and SegN, 5 bits
	data    []byte
}

// parseSegment decodes a lower transport PDU with SEG set. It returns false for
// what no sender makes: a SegO above SegN, a segment before the last that is
// not full, a last one that is empty or too long, the Segment Acknowledgment's
// opcode.
func parseSegment(pdu []byte, ctl bool) (segment, bool) {
	if len(pdu) <= segmentHead {
		return segment{}, false
	}
	bits := binary.BigEndian.Uint32(pdu) & 0xFFFFFF
	s := segment{
		first:   pdu[0] &^ segmentedBit,
		szmic:   bits>>23 != 0 && !ctl,
		seqZero: uint16(bits >> 10 & seqZeroMask),
		o:       uint8(bits >> 5 & 0x1F),
		n:       uint8(bits & 0x1F),
		data:    pdu[segmentHead:],
	}
	size := segmentSize(ctl)
	ok := s.o <= s.n && len(s.data) <= size && (s.o == s.n || len(s.data) == size)
	if ctl {
		return s, ok && s.first != opcodeAck
	}
	// The smallest access message is one octet and the TransMIC. Two segments
	// have more in any case.
	if s.n == 0 {
		ok = ok && len(s.data) > micSize(s.szmic)
	}
	return s, ok
}

// appendHead appends the four octets before a segment's data.
func (s *segment) appendHead(dst []byte) []byte {
	bits := uint32(s.first|segmentedBit)<<24 | uint32(s.seqZero&seqZeroMask)<<10 | uint32(s.o)<<5 | uint32(s.n)
	if s.szmic {
		bits |= 1 << 23
	}
	return binary.BigEndian.AppendUint32(dst, bits)
}

// ack is a Segment Acknowledgment (section 3.5.2.3.1).
type ack struct {
	obo     bool
	seqZero uint16
	acked   uint32 // bit n is set for segment n
}

// parseAck decodes a lower transport PDU with opcode 0. It returns false for
// another length.
func parseAck(pdu []byte) (ack, bool) {
	if len(pdu) != ackSize {
		return ack{}, false
	}
	bits := binary.BigEndian.Uint16(pdu[1:])
	return ack{
		obo:     bits>>15 != 0,
		seqZero: bits >> 2 & seqZeroMask,
		acked:   binary.BigEndian.Uint32(pdu[3:]),
	}, true
}

// append appends the lower transport PDU.
func (a ack) append(dst []byte) []byte {
	bits := a.seqZero & seqZeroMask << 2
	if a.obo {
		bits |= 1 << 15
	}
	dst = binary.BigEndian.AppendUint16(append(dst, opcodeAck), bits)
	return binary.BigEndian.AppendUint32(dst, a.acked)
}

func segmentSize(ctl bool) int {
	if ctl {
		return controlSegment
	}
	return accessSegment
}

func micSize(long bool) int {
	if long {
		return longMIC
	}
	return shortMIC
}

// allSegments has a bit for each segment up to and including SegN.
func allSegments(n uint8) uint32 { return 1<<(n+1) - 1 }

// seqAuth combines an IV index and a sequence number, so that newer is greater
// (section 3.5.3.1).
type seqAuth uint64

func seqAuthOf(iv mesh.IVIndex, seq mesh.SequenceNumber) seqAuth {
	return seqAuth(iv)<<24 | seqAuth(seq&mesh.MaxSequenceNumber)
}

// zero is the SeqZero of the message's segments.
func (a seqAuth) zero() uint16 { return uint16(a & seqZeroMask) }

func (a seqAuth) iv() mesh.IVIndex         { return mesh.IVIndex(a >> 24) }
func (a seqAuth) seq() mesh.SequenceNumber { return mesh.SequenceNumber(a & 0xFFFFFF) }

// seqAuthOfSegment is the SeqAuth of the message that a segment with this
// sequence number belongs to: the largest number that is not above seq and ends
// in seqZero. It returns false if that would be below zero, which no correct
// sender produces.
func seqAuthOfSegment(iv mesh.IVIndex, seq mesh.SequenceNumber, seqZero uint16) (seqAuth, bool) {
	back := (seq - mesh.SequenceNumber(seqZero)) & seqZeroMask
	if back > seq {
		return 0, false
	}
	return seqAuthOf(iv, seq-back), true
}
