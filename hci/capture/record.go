package capture

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Kind is what a record is, a number of the Linux Bluetooth monitor.
type Kind uint16

// The kinds that are written here. Others are read as they are.
const (
	NewIndex    Kind = 0 // an adapter has come
	DeleteIndex Kind = 1 // an adapter has gone
	Command     Kind = 2
	Event       Kind = 3
	ACLSent     Kind = 4
	ACLReceived Kind = 5
	SCOSent     Kind = 6
	SCOReceived Kind = 7
	OpenIndex   Kind = 8  // the adapter begins to be used
	CloseIndex  Kind = 9  // and ends to be
	IndexInfo   Kind = 10 // its address and maker
	Note        Kind = 12 // text that ends with a zero
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

// packetKind is the kind of a packet, by its H4 type and direction. Commands go
// one way only, events the other.
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
		k++ // each of the three has the number before that of the other way
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
	Time    time.Time // with microseconds
	Adapter uint16
	Kind    Kind
	// Data is what follows the H4 type octet, or what the kind says. The octets
	// of a record that was read are valid until the next is.
	Data []byte
	// Length is how many octets there were. With more than len(Data) the record
	// was cut short when it was written.
	Length int
	Drops  uint32 // packets that could not be written, up to this record
}

// IsWhole reports whether nothing of the record was cut off.
func (r *Record) IsWhole() bool { return r.Length == len(r.Data) }

// AppendPacket appends the H4 packet that the record holds, the type octet first.
// It reports false, and appends nothing, for a record that is no packet or was
// cut short.
func (r *Record) AppendPacket(dst []byte) ([]byte, bool) {
	t, _, ok := r.Kind.packetType()
	if !ok || !r.IsWhole() {
		return dst, false
	}
	return append(append(dst, byte(t)), r.Data...), true
}

// Append appends the record as it is in a file of datalink type 2001.
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
	timeOffset = 16 // of the time in a record

	// epoch is 1970 in microseconds since the year 0 of the format, of which
	// 2000 is 0x00E03AB44A676000.
	epoch = 0x00E03AB44A676000 - 946684800_000000

	// mostWritten is how much of a packet is kept: btmon gives up at a record
	// that is longer. No Low Energy controller comes near it.
	mostWritten = 1486
	// mostRead is the length of the longest packet, ACL data of 65535 octets.
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
