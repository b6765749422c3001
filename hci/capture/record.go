package capture

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Kind is the kind of a record, an opcode of the Linux Bluetooth monitor.
type Kind uint16

// The kinds that are written here. Records of other kinds are read unchanged.
const (
	NewIndex    Kind = 0 // an adapter appeared
	DeleteIndex Kind = 1 // an adapter disappeared
	Command     Kind = 2
	Event       Kind = 3
	ACLSent     Kind = 4
	ACLReceived Kind = 5
	SCOSent     Kind = 6
	SCOReceived Kind = 7
	OpenIndex   Kind = 8  // the adapter is opened
	CloseIndex  Kind = 9  // the adapter is closed
	IndexInfo   Kind = 10 // its address and manufacturer
	Note        Kind = 12 // zero-terminated text
	ISOSent     Kind = 18
	ISOReceived Kind = 19
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case NewIndex:
		return "new index"
	case DeleteIndex:
		return "delete index"
	case Command:
		return "command"
	case Event:
		return "event"
	case ACLSent:
		return "ACL data sent"
	case ACLReceived:
		return "ACL data received"
	case SCOSent:
		return "SCO data sent"
	case SCOReceived:
		return "SCO data received"
	case OpenIndex:
		return "open index"
	case CloseIndex:
		return "close index"
	case IndexInfo:
		return "index information"
	case Note:
		return "note"
	case ISOSent:
		return "ISO data sent"
	case ISOReceived:
		return "ISO data received"
	default:
		return fmt.Sprintf("record of kind %d", uint16(k))
	}
}

// packetKind is the kind of a packet with this H4 type and direction. Commands
// are only sent, events only received.
func packetKind(t packet.Type, sent bool) (Kind, bool) {
	var k Kind
	switch {
	case t == packet.TypeCommand && sent:
		return Command, true
	case t == packet.TypeEvent && !sent:
		return Event, true
	case t == packet.TypeACL:
		k = ACLSent
	case t == packet.TypeSCO:
		k = SCOSent
	case t == packet.TypeISO:
		k = ISOSent
	default:
		return 0, false
	}
	if !sent {
		k++ // for these three, received is one more than sent
	}
	return k, true
}

// packetType is the reverse of packetKind.
func (k Kind) packetType() (t packet.Type, sent, ok bool) {
	switch k {
	case Command:
		return packet.TypeCommand, true, true
	case Event:
		return packet.TypeEvent, false, true
	case ACLSent, ACLReceived:
		return packet.TypeACL, k == ACLSent, true
	case SCOSent, SCOReceived:
		return packet.TypeSCO, k == SCOSent, true
	case ISOSent, ISOReceived:
		return packet.TypeISO, k == ISOSent, true
	default:
		return 0, false, false
	}
}

// NoAdapter is the adapter of records that belong to none, such as notes.
const NoAdapter uint16 = 0xffff

// Record is one record of a capture.
type Record struct {
	Time    time.Time // microsecond resolution
	Adapter uint16
	Kind    Kind
	// Data is what follows the H4 type octet, or the content that the kind
	// defines. The data of a record that was read is valid until the next call
	// of Next.
	Data []byte
	// Length is the original length in octets. If it exceeds len(Data), the
	// record was cut short when it was written.
	Length int
	Drops  uint32 // packets lost up to this record
}

// IsWhole reports whether the record is complete.
func (r *Record) IsWhole() bool { return r.Length == len(r.Data) }

// AppendPacket appends the H4 packet that the record holds, including the type
// octet. It reports false and appends nothing if the record is not a packet or
// was cut short.
func (r *Record) AppendPacket(dst []byte) ([]byte, bool) {
	t, _, ok := r.Kind.packetType()
	if !ok || !r.IsWhole() {
		return dst, false
	}
	return append(append(dst, byte(t)), r.Data...), true
}

// Append appends the record in the format of datalink type 2001.
func (r *Record) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Length))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Data)))
	dst = binary.BigEndian.AppendUint16(dst, r.Adapter)
	dst = binary.BigEndian.AppendUint16(dst, uint16(r.Kind))
	dst = binary.BigEndian.AppendUint32(dst, r.Drops)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Time.UnixMicro()+epoch))
	return append(dst, r.Data...)
}

const (
	magic      = "btsnoop\x00"
	version    = 1
	monitor    = 2001 // datalink types
	h4         = 1002
	fileHead   = 16
	recordHead = 24
	timeOffset = 16 // offset of the time in a record

	// epoch is 1970 in microseconds since the year 0 of the format, in which
	// the year 2000 is 0x00E03AB44A676000.
	epoch = 0x00E03AB44A676000 - 946684800_000000

	// mostWritten is how much of a packet is kept, because btmon rejects longer
	// records. No Low Energy controller comes near it.
	mostWritten = 1486
	// mostRead is the length of the longest packet: ACL data of 65535 octets.
	mostRead = 5 + 0xffff
)

// fileHeader is the head of a file.
func fileHeader() []byte {
	head := binary.BigEndian.AppendUint32([]byte(magic), version)
	return binary.BigEndian.AppendUint32(head, monitor)
}

// fromMicros reads the time of a record.
func fromMicros(p []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(p)) - epoch).UTC()
}
