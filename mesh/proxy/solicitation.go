package proxy

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// solicitationType is the identification type of a solicitation with replay
// protection, the first octet of its service data (section 6.9.1):
//
//	| 00 | solicitation PDU, 17 octets |
const solicitationType = 0x00

// SolicitationData returns the service data of a solicitation PDU.
func SolicitationData(pdu []byte) []byte { return append([]byte{solicitationType}, pdu...) }

// ParseSolicitationData returns the solicitation PDU in service data; false if
// it is something else.
func ParseSolicitationData(data []byte) ([]byte, bool) {
	if len(data) < 2 || data[0] != solicitationType {
		return nil, false
	}
	return data[1:], true
}

// MaxSolicitors is how many sources a SolicitationRPL has room for.
const MaxSolicitors = 64

// Solicitor is a source of solicitations and the last sequence number that it
// used.
type Solicitor struct {
	Src mesh.Address
	Seq mesh.SequenceNumber
}

// SolicitationRPL is the solicitation replay protection list (section 6.9.3),
// sorted by source. No source is removed automatically: when the list is full,
// new sources are rejected.
type SolicitationRPL []Solicitor

// Takes reports whether a solicitation is new and the list has room for it.
func (l *SolicitationRPL) Takes(src mesh.Address, seq mesh.SequenceNumber) bool {
	i, found := l.find(src)
	if found {
		return seq > (*l)[i].Seq
	}
	return len(*l) < MaxSolicitors
}

// Accept records a solicitation, and reports whether it was accepted.
func (l *SolicitationRPL) Accept(src mesh.Address, seq mesh.SequenceNumber) bool {
	if !l.Takes(src, seq) {
		return false
	}
	if i, found := l.find(src); found {
		(*l)[i].Seq = seq
	} else {
		*l = slices.Insert(*l, i, Solicitor{src, seq})
	}
	return true
}

// Clear removes count sources, starting at first (Solicitation PDU RPL Items
// Clear).
func (l *SolicitationRPL) Clear(first mesh.Address, count int) {
	*l = slices.DeleteFunc(*l, func(s Solicitor) bool { return s.Src >= first && int(s.Src)-int(first) < count })
}

func (l *SolicitationRPL) find(src mesh.Address) (int, bool) {
	return slices.BinarySearchFunc(*l, src, func(s Solicitor, a mesh.Address) int { return int(s.Src) - int(a) })
}
