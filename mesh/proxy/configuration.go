package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Opcodes of the proxy configuration messages (section 6.6).
const (
	opSetFilterType              = 0x00
	opAddAddresses               = 0x01
	opRemoveAddresses            = 0x02
	opFilterStatus               = 0x03
	opDirectedCapabilitiesStatus = 0x04
	opDirectedControl            = 0x05
)

// AddressesPerMessage is how many addresses fit into a message that adds or
// removes some: a control transport PDU has room for 11 octets of parameters.
const AddressesPerMessage = 5

// lengthPresent is set in an address range that contains its length.
const lengthPresent = 0x8000

// Errors of ParseMessage.
var (
	ErrOpcode     = errors.New("proxy: expected the opcode of a proxy configuration message, 0x00 to 0x05")
	ErrParameters = errors.New("proxy: expected parameters of the message's length, without prohibited values")
)

// FilterType says what a filter does with its addresses.
type FilterType uint8

// The filter types.
const (
	AcceptList FilterType = 0x00 // forwards messages to these addresses
	RejectList FilterType = 0x01 // forwards all other messages
)

// String names the type.
func (t FilterType) String() string {
	switch t {
	case AcceptList:
		return "accept list"
	case RejectList:
		return "reject list"
	default:
		return fmt.Sprintf("filter type 0x%02x", uint8(t))
	}
}

// Message is a proxy configuration message: one of the types below.
type Message interface {
	// Append appends opcode and parameters to dst.
	Append(dst []byte) []byte
}

// SetFilterType makes the filter an empty list of a type (section 6.6.1).
//
//	| 00 | FilterType 8 |
type SetFilterType struct{ Type FilterType }

// AddAddresses adds to the filter, up to AddressesPerMessage at once (section
// 6.6.2).
//
//	| 01 | Address 16 | ...
type AddAddresses struct{ Addresses []mesh.Address }

// RemoveAddresses removes from the filter, up to AddressesPerMessage at once
// (section 6.6.3).
//
//	| 02 | Address 16 | ...
type RemoveAddresses struct{ Addresses []mesh.Address }

// FilterStatus is the server's answer to each of those three (section 6.6.4).
//
//	| 03 | FilterType 8 | ListSize 16 |
type FilterStatus struct {
	Type FilterType
	Size uint16 // addresses in the list
}

// DirectedProxyCapabilitiesStatus informs a client that the server forwards
// along paths (section 6.6.5).
//
//	| 04 | Directed_Proxy 8 | Use_Directed 8 |
type DirectedProxyCapabilitiesStatus struct{ DirectedProxy, UseDirected bool }

// DirectedProxyControl informs the server of the client's addresses, so that it
// finds paths for them (section 6.6.6). The last two fields are present if
// UseDirected is set.
//
//	| 05 | Use_Directed 8 | LengthPresent 1 | RangeStart 15 | RangeLength 0 or 8 |
type DirectedProxyControl struct {
	UseDirected bool
	First       mesh.Address // of the client's elements
	Count       uint8        // their number, at least 1
}

// Append implements Message.
func (m SetFilterType) Append(dst []byte) []byte { return append(dst, opSetFilterType, byte(m.Type)) }

// Append implements Message.
func (m AddAddresses) Append(dst []byte) []byte {
	return appendAddresses(append(dst, opAddAddresses), m.Addresses)
}

// Append implements Message.
func (m RemoveAddresses) Append(dst []byte) []byte {
	return appendAddresses(append(dst, opRemoveAddresses), m.Addresses)
}

// Append implements Message.
func (m FilterStatus) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(append(dst, opFilterStatus, byte(m.Type)), m.Size)
}

// Append implements Message.
func (m DirectedProxyCapabilitiesStatus) Append(dst []byte) []byte {
	return append(dst, opDirectedCapabilitiesStatus, bit(m.DirectedProxy), bit(m.UseDirected))
}

// Append implements Message.
func (m DirectedProxyControl) Append(dst []byte) []byte {
	dst = append(dst, opDirectedControl, bit(m.UseDirected))
	switch {
	case !m.UseDirected:
		return dst
	case m.Count > 1:
		return append(binary.BigEndian.AppendUint16(dst, uint16(m.First)|lengthPresent), m.Count)
	default:
		return binary.BigEndian.AppendUint16(dst, uint16(m.First))
	}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendAddresses(dst []byte, all []mesh.Address) []byte {
	for _, a := range all {
		dst = binary.BigEndian.AppendUint16(dst, uint16(a))
	}
	return dst
}

// ParseMessage decodes a proxy configuration message, including the opcode. The
// error is ErrOpcode or ErrParameters.
func ParseMessage(b []byte) (Message, error) {
	if len(b) == 0 {
		return nil, ErrOpcode
	}
	p := b[1:]
	switch b[0] {
	case opSetFilterType:
		if len(p) != 1 || FilterType(p[0]) > RejectList {
			return nil, ErrParameters
		}
		return SetFilterType{FilterType(p[0])}, nil
	case opAddAddresses:
		all, err := parseAddresses(p)
		return AddAddresses{all}, err
	case opRemoveAddresses:
		all, err := parseAddresses(p)
		return RemoveAddresses{all}, err
	case opFilterStatus:
		if len(p) != 3 || FilterType(p[0]) > RejectList {
			return nil, ErrParameters
		}
		return FilterStatus{FilterType(p[0]), binary.BigEndian.Uint16(p[1:])}, nil
	case opDirectedCapabilitiesStatus:
		if len(p) != 2 || p[0] > 1 || p[1] > 1 {
			return nil, ErrParameters
		}
		return DirectedProxyCapabilitiesStatus{p[0] == 1, p[1] == 1}, nil
	case opDirectedControl:
		return parseDirectedControl(p)
	default:
		return nil, ErrOpcode
	}
}

// parseAddresses decodes addresses. Unassigned ones are left out, because they
// cannot be in a list.
func parseAddresses(p []byte) ([]mesh.Address, error) {
	const size = 2
	if len(p) == 0 || len(p)%size != 0 || len(p)/size > AddressesPerMessage {
		return nil, ErrParameters
	}
	all := make([]mesh.Address, 0, AddressesPerMessage)
	for ; len(p) > 0; p = p[size:] {
		if a := mesh.Address(binary.BigEndian.Uint16(p)); a != mesh.Unassigned {
			all = append(all, a)
		}
	}
	return all, nil
}

func parseDirectedControl(p []byte) (Message, error) {
	const short, long = 3, 4
	switch {
	case len(p) == 1 && p[0] == 0:
		return DirectedProxyControl{}, nil
	case len(p) < short || p[0] != 1:
		return nil, ErrParameters
	}
	m := DirectedProxyControl{UseDirected: true, Count: 1}
	first := binary.BigEndian.Uint16(p[1:])
	m.First = mesh.Address(first &^ lengthPresent)
	if first&lengthPresent != 0 {
		if len(p) != long {
			return nil, ErrParameters
		}
		m.Count = p[short]
	} else if len(p) != short {
		return nil, ErrParameters
	}
	if !m.First.IsUnicast() || m.Count == 0 || int(m.First)+int(m.Count)-1 > int(mesh.LastUnicast) {
		return nil, ErrParameters
	}
	return m, nil
}
