package provision

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
)

// RecordID identifies a provisioning record (section 5.4.1 and Assigned
// Numbers).
type RecordID uint16

// The records. Intermediate certificates are those from FirstIntermediate to
// LastIntermediate.
const (
	RecordBaseURI           RecordID = 0x0000 // where to find certificates
	RecordDeviceCertificate RecordID = 0x0001
	FirstIntermediate       RecordID = 0x0002
	LastIntermediate        RecordID = 0x0010
	RecordName              RecordID = 0x0011 // complete local name
	RecordAppearance        RecordID = 0x0012
)

// Records are the provisioning records of a device, which it reveals before it
// is provisioned.
type Records map[RecordID][]byte

// Sizes of the record PDUs in octets, without their type.
const (
	requestSize  = 6
	recordHeader = 7
	listHeader   = 2
	maxFragment  = 58
	maxRecord    = 8 << 10 // most that is requested; a certificate has less than 1 KiB
	maxListed    = (maxTransaction - 1 - listHeader) / 2
)

// RecordStatus is the status of a record request (section 5.4.1).
type RecordStatus uint8

// The statuses.
const (
	RecordSuccess        RecordStatus = 0x00
	RecordNotPresent     RecordStatus = 0x01
	RecordOffsetTooLarge RecordStatus = 0x02
)

// String returns the name of the status.
func (s RecordStatus) String() string {
	switch s {
	case RecordSuccess:
		return "success"
	case RecordNotPresent:
		return "record is not present"
	case RecordOffsetTooLarge:
		return "offset is out of bounds"
	default:
		return fmt.Sprintf("status 0x%02x", uint8(s))
	}
}

// RecordRequest requests a fragment of a record (section 5.4.1).
//
//	+-----------+--------+--------------+
//	| Record ID | Offset | Maximum size |
//	| 2         | 2      | 2            |
//	+-----------+--------+--------------+
type RecordRequest struct {
	ID     RecordID
	Offset uint16
	Most   uint16 // largest fragment in octets
}

// Record is a fragment of a record (section 5.4.1). Data is a slice of the
// decoded octets.
//
//	+--------+-----------+--------+--------------+------+
//	| Status | Record ID | Offset | Total length | Data |
//	| 1      | 2         | 2      | 2            | rest |
//	+--------+-----------+--------+--------------+------+
type Record struct {
	Status RecordStatus
	ID     RecordID
	Offset uint16
	Total  uint16 // length of the record in octets
	Data   []byte
}

// RecordsGet requests the list of records (section 5.4.1).
type RecordsGet struct{}

// RecordsList lists the records (section 5.4.1).
//
//	+------------+-----------+-----
//	| Extensions | Record ID | ...
//	| 2          | 2         |
//	+------------+-----------+-----
type RecordsList struct {
	Extensions uint16 // bit set without defined bits
	Records    []RecordID
}

func (p RecordRequest) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, typeRecordRequest), uint16(p.ID))
	dst = binary.BigEndian.AppendUint16(dst, p.Offset)
	return binary.BigEndian.AppendUint16(dst, p.Most)
}

func (p Record) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, typeRecord, byte(p.Status)), uint16(p.ID))
	dst = binary.BigEndian.AppendUint16(dst, p.Offset)
	return append(binary.BigEndian.AppendUint16(dst, p.Total), p.Data...)
}

func (RecordsGet) append(dst []byte) []byte { return append(dst, typeRecordsGet) }

func (p RecordsList) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, typeRecordsList), p.Extensions)
	for _, id := range p.Records {
		dst = binary.BigEndian.AppendUint16(dst, uint16(id))
	}
	return dst
}

// isLonger reports whether the parameters of a type may be longer than its
// header, and have a valid length.
func isLonger(kind byte, parameters []byte) bool {
	switch kind {
	case typeRecord:
		return len(parameters) > recordHeader && len(parameters) < maxTransaction
	case typeRecordsList:
		return len(parameters) > listHeader && len(parameters) < maxTransaction && len(parameters)%2 == 0
	default:
		return false
	}
}

// decodeRecords decodes the PDUs of this file, whose length has been checked.
func decodeRecords(kind byte, b []byte) PDU {
	switch kind {
	case typeRecordRequest:
		return RecordRequest{
			ID:     RecordID(binary.BigEndian.Uint16(b)),
			Offset: binary.BigEndian.Uint16(b[2:]),
			Most:   binary.BigEndian.Uint16(b[4:]),
		}
	case typeRecord:
		return Record{
			Status: RecordStatus(b[0]),
			ID:     RecordID(binary.BigEndian.Uint16(b[1:])),
			Offset: binary.BigEndian.Uint16(b[3:]),
			Total:  binary.BigEndian.Uint16(b[5:]),
			Data:   b[recordHeader:],
		}
	case typeRecordsGet:
		return RecordsGet{}
	default:
		l := RecordsList{Extensions: binary.BigEndian.Uint16(b)}
		for b = b[listHeader:]; len(b) > 0; b = b[2:] {
			l.Records = append(l.Records, RecordID(binary.BigEndian.Uint16(b)))
		}
		return l
	}
}

// list returns the identifiers in order, as many as fit into a PDU.
func (r Records) list() []RecordID {
	ids := slices.Sorted(maps.Keys(r))
	return ids[:min(len(ids), maxListed)]
}

// fragment answers a request as the device.
func (r Records) fragment(q RecordRequest) Record {
	answer := Record{ID: q.ID, Offset: q.Offset}
	record, ok := r[q.ID]
	record = record[:min(len(record), 1<<16-1)]
	switch {
	case !ok:
		answer.Status = RecordNotPresent
	case int(q.Offset) >= len(record) && len(record) > 0:
		answer.Status, answer.Total = RecordOffsetTooLarge, uint16(len(record))
	default:
		rest := record[min(int(q.Offset), len(record)):]
		answer.Total = uint16(len(record))
		answer.Data = rest[:min(len(rest), int(q.Most), maxFragment)]
	}
	return answer
}

// gathering is a provisioner's progress in reading the records.
type gathering struct {
	listed bool
	wanted []RecordID // still to be read; the first is being read
	total  uint16     // of the first, once a fragment has arrived
	part   []byte     // received part of the first
	got    Records
}

// isUseful reports whether a record is read: the certificates, and where to
// find them.
func isUseful(id RecordID) bool { return id <= LastIntermediate }

// listed takes the list and begins with the first record.
func (p *Provisioner) listed(now time.Time, m RecordsList, out *Output) {
	g := p.records
	g.listed = true
	for _, id := range m.Records {
		if isUseful(id) && !slices.Contains(g.wanted, id) {
			g.wanted = append(g.wanted, id)
		}
	}
	p.nextFragment(now, out)
}

// nextFragment requests more, or continues with the protocol.
func (p *Provisioner) nextFragment(now time.Time, out *Output) {
	g := p.records
	if len(g.wanted) == 0 {
		out.Events = append(out.Events, Event{UUID: p.uuid, Link: p.Link(), Step: RecordsGot, Records: g.got})
		p.invite(now, out)
		return
	}
	p.send(now, RecordRequest{ID: g.wanted[0], Offset: uint16(len(g.part)), Most: maxFragment}, out)
}

// gather takes a fragment. It must be the requested one and must extend the
// record: a device cannot keep the provisioner busy forever or make it read
// more than maxRecord.
func (p *Provisioner) gather(now time.Time, m Record, out *Output) {
	g := p.records
	id := g.wanted[0]
	first := len(g.part) == 0
	switch {
	case m.ID != id || int(m.Offset) != len(g.part):
		p.fail(now, FailRecords, out, "expected record 0x%04x from octet %d, the device sent 0x%04x from %d", uint16(id), len(g.part), uint16(m.ID), m.Offset)
		return
	case m.Status != RecordSuccess:
		p.fail(now, FailRecords, out, "expected record 0x%04x, which the device lists, got the status: %v", uint16(id), m.Status)
		return
	case m.Total > maxRecord:
		p.fail(now, FailRecords, out, "expected a record of up to %d octets, the device announces %d for 0x%04x", maxRecord, m.Total, uint16(id))
		return
	case !first && m.Total != g.total:
		p.fail(now, FailRecords, out, "expected record 0x%04x to keep its length of %d octets, it now has %d", uint16(id), g.total, m.Total)
		return
	case len(m.Data) > maxFragment || len(g.part)+len(m.Data) > int(m.Total) || len(m.Data) == 0 && m.Total > 0:
		p.fail(now, FailRecords, out, "expected 1 to %d octets of the %d of record 0x%04x after the first %d, got %d", maxFragment, m.Total, uint16(id), len(g.part), len(m.Data))
		return
	}
	g.total = m.Total
	g.part = append(g.part, m.Data...)
	if len(g.part) == int(m.Total) {
		g.got[id] = g.part
		g.wanted, g.part = g.wanted[1:], nil
	}
	p.nextFragment(now, out)
}
