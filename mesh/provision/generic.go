package provision

import "encoding/binary"

// Sizes of PB-ADV in octets (sections 5.3.1 and 5.3.2).
const (
	linkHeader       = 5  // link identifier and transaction number
	startHeader      = 4  // SegN, total length, FCS
	startRoom        = 20 // data of a start PDU
	continuationRoom = 23 // data of a continuation PDU

	// maxTransaction is the length of the longest provisioning PDU: a fragment
	// of a record that fills three segments. A longer one is rejected before
	// any of it is stored.
	maxTransaction = 1 + recordHeader + maxFragment
	maxSegments    = 1 + (maxTransaction-startRoom+continuationRoom-1)/continuationRoom
)

// form is the generic provisioning control format, the low two bits of the
// first octet.
type form uint8

const (
	formStart        form = 0b00
	formAck          form = 0b01
	formContinuation form = 0b10
	formControl      form = 0b11
)

// Bearer control operations (section 5.3.2.4).
const (
	opLinkOpen  = 0x00
	opLinkAck   = 0x01
	opLinkClose = 0x02
)

// closeReason is why a link was closed (section 5.3.2.4.3).
type closeReason uint8

const (
	closeSuccess closeReason = 0x00
	closeTimeout closeReason = 0x01
	closeFail    closeReason = 0x02
)

func (r closeReason) String() string {
	switch r {
	case closeSuccess:
		return "success"
	case closeTimeout:
		return "timeout"
	default:
		return "failure"
	}
}

// generic is a decoded PB-ADV PDU.
type generic struct {
	link   uint32
	number uint8 // of the transaction
	form   form
	high   uint8 // the six bits above the form: SegN, segment index or bearer operation
	total  int   // start: octets of the whole transaction
	fcs    uint8 // start: of the whole transaction
	data   []byte
}

// parse decodes a PB-ADV PDU. It returns false if the PDU is too short, too
// long, or has parameters of the wrong length. The reassembly checks whether
// segments are consistent.
func parse(pdu []byte) (g generic, ok bool) {
	if len(pdu) <= linkHeader || len(pdu) > linkHeader+startHeader+startRoom {
		return g, false
	}
	g.link = binary.BigEndian.Uint32(pdu)
	g.number = pdu[4]
	g.form = form(pdu[5] & 0b11)
	g.high = pdu[5] >> 2
	g.data = pdu[linkHeader+1:]
	switch g.form {
	case formStart:
		if len(g.data) < startHeader {
			return g, false // a header without data
		}
		g.total = int(binary.BigEndian.Uint16(g.data))
		g.fcs = g.data[2]
		g.data = g.data[startHeader-1:]
		return g, true
	case formContinuation:
		return g, len(g.data) > 0
	case formAck:
		return g, g.high == 0 && len(g.data) == 0
	default:
		switch g.high {
		case opLinkOpen:
			return g, len(g.data) == 16
		case opLinkAck:
			return g, len(g.data) == 0
		case opLinkClose:
			return g, len(g.data) == 1
		default:
			return g, false
		}
	}
}

// LinkOf returns the link identifier of a PB-ADV PDU, so that a node can find
// the session. It returns false if the PDU is too short.
func LinkOf(pdu []byte) (uint32, bool) {
	if len(pdu) <= linkHeader {
		return 0, false
	}
	return binary.BigEndian.Uint32(pdu), true
}

// lastSegment is the SegN of a transaction of total octets, at least 1.
func lastSegment(total int) uint8 {
	if total <= startRoom {
		return 0
	}
	return uint8((total - startRoom + continuationRoom - 1) / continuationRoom)
}

// span is the position of segment index in a transaction of total octets.
func span(index uint8, total int) (from, to int) {
	if index == 0 {
		return 0, min(total, startRoom)
	}
	from = startRoom + int(index-1)*continuationRoom
	return from, min(total, from+continuationRoom)
}

// appendSegment appends the generic provisioning PDU with segment index of pdu.
func appendSegment(dst []byte, pdu []byte, index uint8) []byte {
	from, to := span(index, len(pdu))
	if index == 0 {
		dst = append(dst, lastSegment(len(pdu))<<2|byte(formStart))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(pdu)))
		dst = append(dst, checksum(pdu))
	} else {
		dst = append(dst, index<<2|byte(formContinuation))
	}
	return append(dst, pdu[from:to]...)
}

// checksum is the FCS of a transaction: the CRC of 3GPP TS 27.010 with the
// polynomial x^8+x^2+x+1, least significant bit first, inverted (section
// 5.3.3).
func checksum(data []byte) uint8 {
	const polynomial = 0xE0
	crc := uint8(0xFF)
	for _, b := range data {
		crc ^= b
		for range 8 {
			carry := crc & 1
			crc >>= 1
			if carry != 0 {
				crc ^= polynomial
			}
		}
	}
	return ^crc
}
