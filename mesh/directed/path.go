package directed

import (
	"encoding/binary"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// PathRequest looks for a path. It is forwarded from node to node, and each
// adds to the metric.
//
//	| OnBehalfOfDependentOrigin 1 | PathMetricType 3 | PathLifetime 2 | PathDiscoveryInterval 1 | RFU 1 |
//	| PathOriginForwardingNumber 8 | PathOriginPathMetric 8 | Destination 16 |
//	| PathOrigin 16 or 24 | [ DependentOrigin 16 or 24 ] |
type PathRequest struct {
	MetricType        uint8 // 0 to 7
	Lifetime          uint8 // 0 to 3
	DiscoveryInterval uint8 // 0: 5 s, 1: 30 s
	ForwardingNumber  uint8
	Metric            uint8
	Destination       mesh.Address
	Origin            Range
	HasDependent      bool
	DependentOrigin   Range
}

// Opcode is 0x0B.
func (*PathRequest) Opcode() uint8 { return OpPathRequest }

// Append implements Message.
func (m *PathRequest) Append(dst []byte) ([]byte, error) {
	if m.MetricType > 7 || m.Lifetime > 3 || m.DiscoveryInterval > 1 || m.Destination == mesh.Unassigned {
		return dst, fmt.Errorf("%w: Path Request %+v", ErrMalformed, *m)
	}
	first := m.MetricType<<4 | m.Lifetime<<2 | m.DiscoveryInterval<<1
	if m.HasDependent {
		first |= 1 << 7
	}
	out := append(dst, first, m.ForwardingNumber, m.Metric)
	out = binary.BigEndian.AppendUint16(out, uint16(m.Destination))
	return appendRanges(dst, out, m.Origin, m.HasDependent, m.DependentOrigin)
}

func (m *PathRequest) parse(r *reader) {
	first := r.octet("flags")
	m.HasDependent = first>>7 == 1
	m.MetricType, m.Lifetime, m.DiscoveryInterval = first>>4&7, first>>2&3, first>>1&1
	m.ForwardingNumber = r.octet("forwarding number")
	m.Metric = r.octet("path metric")
	m.Destination = r.address("destination")
	r.require(m.Destination != mesh.Unassigned, "destination", "an address")
	m.Origin = r.addressRange("path origin")
	if m.HasDependent {
		m.DependentOrigin = r.addressRange("dependent origin")
	}
}

// appendRanges appends the ranges at the end of a message; on an error it
// returns dst.
func appendRanges(dst, out []byte, first Range, more bool, second Range) ([]byte, error) {
	out, err := first.append(out)
	if err == nil && more {
		out, err = second.append(out)
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// PathReply answers a Path Request on the reverse path.
//
//	| UnicastDestination 1 | OnBehalfOfDependentTarget 1 | ConfirmationRequest 1 | RFU 5 |
//	| PathOrigin 16 | PathOriginForwardingNumber 8 |
//	| [ PathTarget 16 or 24 | [ DependentTarget 16 or 24 ] ] |
type PathReply struct {
	ConfirmationRequest bool
	Origin              mesh.Address
	ForwardingNumber    uint8
	HasTarget           bool // the destination is a node
	Target              Range
	HasDependent        bool // with HasTarget
	DependentTarget     Range
}

// Opcode is 0x0C.
func (*PathReply) Opcode() uint8 { return OpPathReply }

// Append implements Message.
func (m *PathReply) Append(dst []byte) ([]byte, error) {
	if !m.Origin.IsUnicast() || m.HasDependent && !m.HasTarget {
		return dst, fmt.Errorf("%w: Path Reply %+v", ErrMalformed, *m)
	}
	var first uint8
	for i, set := range []bool{m.HasTarget, m.HasDependent, m.ConfirmationRequest} {
		if set {
			first |= 1 << (7 - i)
		}
	}
	out := binary.BigEndian.AppendUint16(append(dst, first), uint16(m.Origin))
	out = append(out, m.ForwardingNumber)
	if !m.HasTarget {
		return out, nil
	}
	return appendRanges(dst, out, m.Target, m.HasDependent, m.DependentTarget)
}

func (m *PathReply) parse(r *reader) {
	first := r.octet("flags")
	m.HasTarget, m.HasDependent, m.ConfirmationRequest = first>>7 == 1, first>>6&1 == 1, first>>5&1 == 1
	m.Origin = r.unicast("path origin")
	m.ForwardingNumber = r.octet("forwarding number")
	r.require(m.HasTarget || !m.HasDependent, "flags", "no dependent target without a target")
	if m.HasTarget {
		m.Target = r.addressRange("path target")
	}
	if m.HasDependent {
		m.DependentTarget = r.addressRange("dependent target")
	}
}

// PathConfirmation confirms that a path can be used in both directions.
//
//	| PathOrigin 16 | PathTarget 16 |
type PathConfirmation struct {
	Origin mesh.Address
	Target mesh.Address
}

// Opcode is 0x0D.
func (*PathConfirmation) Opcode() uint8 { return OpPathConfirmation }

// Append implements Message.
func (m *PathConfirmation) Append(dst []byte) ([]byte, error) {
	if !m.Origin.IsUnicast() || !m.Target.IsUnicast() {
		return dst, fmt.Errorf("%w: Path Confirmation %+v", ErrMalformed, *m)
	}
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, uint16(m.Origin)), uint16(m.Target)), nil
}

func (m *PathConfirmation) parse(r *reader) {
	m.Origin, m.Target = r.unicast("path origin"), r.unicast("path target")
}

// PathEchoRequest tests a path; it has no parameters.
type PathEchoRequest struct{}

// Opcode is 0x0E.
func (*PathEchoRequest) Opcode() uint8 { return OpPathEchoRequest }

// Append implements Message.
func (*PathEchoRequest) Append(dst []byte) ([]byte, error) { return dst, nil }

func (*PathEchoRequest) parse(*reader) {}

// PathEchoReply answers a Path Echo Request.
//
//	| Destination 16 |
type PathEchoReply struct{ Destination mesh.Address }

// Opcode is 0x0F.
func (*PathEchoReply) Opcode() uint8 { return OpPathEchoReply }

// Append implements Message.
func (m *PathEchoReply) Append(dst []byte) ([]byte, error) {
	if m.Destination == mesh.Unassigned {
		return dst, fmt.Errorf("%w: Path Echo Reply without a destination", ErrMalformed)
	}
	return binary.BigEndian.AppendUint16(dst, uint16(m.Destination)), nil
}

func (m *PathEchoReply) parse(r *reader) {
	m.Destination = r.address("destination")
	r.require(m.Destination != mesh.Unassigned, "destination", "an address")
}

// DependentNodeUpdate says that an end of a path starts or stops acting for
// another node.
//
//	| Type 1 | RFU 7 | PathEndpoint 16 | DependentNode 16 or 24 |
type DependentNodeUpdate struct {
	Add       bool
	Endpoint  mesh.Address
	Dependent Range
}

// Opcode is 0x10.
func (*DependentNodeUpdate) Opcode() uint8 { return OpDependentNodeUpdate }

// Append implements Message.
func (m *DependentNodeUpdate) Append(dst []byte) ([]byte, error) {
	if !m.Endpoint.IsUnicast() {
		return dst, fmt.Errorf("%w: Dependent Node Update %+v", ErrMalformed, *m)
	}
	var first uint8
	if m.Add {
		first = 1 << 7
	}
	return appendRanges(dst, binary.BigEndian.AppendUint16(append(dst, first), uint16(m.Endpoint)), m.Dependent, false, Range{})
}

func (m *DependentNodeUpdate) parse(r *reader) {
	m.Add = r.octet("type")>>7 == 1
	m.Endpoint = r.unicast("path endpoint")
	m.Dependent = r.addressRange("dependent node")
}

// PathRequestSolicitation asks nodes to look for paths to addresses.
//
//	| AddressList, 16 each |
type PathRequestSolicitation struct{ Addresses []mesh.Address } // at least 1

// Opcode is 0x11.
func (*PathRequestSolicitation) Opcode() uint8 { return OpPathRequestSolicitation }

// Append implements Message.
func (m *PathRequestSolicitation) Append(dst []byte) ([]byte, error) {
	if len(m.Addresses) == 0 {
		return dst, fmt.Errorf("%w: Path Request Solicitation without addresses", ErrMalformed)
	}
	out := dst
	for _, a := range m.Addresses {
		out = binary.BigEndian.AppendUint16(out, uint16(a))
	}
	return out, nil
}

func (m *PathRequestSolicitation) parse(r *reader) {
	r.require(len(r.left) > 0, "address list", "addresses")
	for r.err == nil && len(r.left) > 0 {
		m.Addresses = append(m.Addresses, r.address("address list"))
	}
}
