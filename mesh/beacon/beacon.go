package beacon

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Type is the first octet of a beacon.
type Type uint8

// The beacon types (section 3.10.1).
const (
	TypeUnprovisioned Type = 0x00
	TypeSecure        Type = 0x01
	TypePrivate       Type = 0x02
)

// Errors of decoding a beacon. They have no context, because beacons of other
// networks arrive all the time and must not cost an allocation.
var (
	ErrFormat   = errors.New("beacon: expected the octets of a beacon of this type")
	ErrReserved = errors.New("beacon: expected a known beacon type")
	ErrNotOurs  = errors.New("beacon: expected the network ID of this subnet")
	ErrForged   = errors.New("beacon: expected an authentication value made with this subnet's key")
)

// TypeOf returns the type of a beacon. The error is ErrFormat for an empty
// beacon and ErrReserved for a type that the specification has not assigned. It
// does not check the rest.
func TypeOf(pdu []byte) (Type, error) {
	if len(pdu) == 0 {
		return 0, ErrFormat
	}
	t := Type(pdu[0])
	if t > TypePrivate {
		return t, ErrReserved
	}
	return t, nil
}

// String names the type.
func (t Type) String() string {
	switch t {
	case TypeUnprovisioned:
		return "unprovisioned device beacon"
	case TypeSecure:
		return "secure network beacon"
	case TypePrivate:
		return "mesh private beacon"
	default:
		return fmt.Sprintf("beacon type 0x%02x", uint8(t))
	}
}

// State is the content of a subnet's secure or private beacon.
type State struct {
	KeyRefresh bool // the new NetKey is in use (key refresh phase 2)
	IVUpdate   bool // the IV update procedure is in progress
	IVIndex    mesh.IVIndex
}

// TransmitIVIndex returns the IV index to transmit with in this state: the
// current one minus 1 while an update is in progress (section 3.11.5). IV index
// 0 has no predecessor.
func (s State) TransmitIVIndex() mesh.IVIndex {
	if s.IVUpdate && s.IVIndex > 0 {
		return s.IVIndex - 1
	}
	return s.IVIndex
}

const (
	flagKeyRefresh = 1 << 0
	flagIVUpdate   = 1 << 1
)

func (s State) flags() byte {
	var f byte
	if s.KeyRefresh {
		f |= flagKeyRefresh
	}
	if s.IVUpdate {
		f |= flagIVUpdate
	}
	return f
}

// stateOf decodes the flags. Reserved bits are ignored, because a later version
// of the specification may define them.
func stateOf(flags byte, iv uint32) State {
	return State{KeyRefresh: flags&flagKeyRefresh != 0, IVUpdate: flags&flagIVUpdate != 0, IVIndex: mesh.IVIndex(iv)}
}
