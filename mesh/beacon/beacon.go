package beacon

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Type is the first octet of a beacon.
type Type uint8

// The beacon types (section 3.10.1).
const (
	TypeUnprovisioned Type = 0x00
	TypeSecure        Type = 0x01
	TypePrivate       Type = 0x02
)

// Errors of reading a beacon.
var (
	ErrFormat   = errors.New("beacon: not a beacon of this type") // length, type or reserved value
	ErrNotOurs  = errors.New("beacon: of another subnet")         // the network ID is not this key's
	ErrForged   = errors.New("beacon: wrong authentication value")
	ErrReserved = errors.New("beacon: reserved type")
)

// TypeOf tells the type of a beacon, or gives ErrFormat for an empty one and
// ErrReserved for a type that the specification has not assigned.
func TypeOf(pdu []byte) (Type, error) { panic("TODO") }

// State is what a subnet's beacon says: flags and IV index.
type State struct {
	KeyRefresh bool // the new NetKey is in use (key refresh phase 2)
	IVUpdate   bool // the IV update procedure is in progress
	IVIndex    mesh.IVIndex
}

// Keys make and check the beacons of one NetKey. They belong to one goroutine.
type Keys struct{}

// NewKeys derives what the beacons of a NetKey need.
func NewKeys(netKey crypto.Key) *Keys { panic("TODO") }

// NetworkID is the public name of the subnet.
func (k *Keys) NetworkID() [8]byte { panic("TODO") }

// AppendSecure appends the secure network beacon of s to dst, 22 octets
// (section 3.10.3).
func (k *Keys) AppendSecure(dst []byte, s State) []byte { panic("TODO") }

// OpenSecure reads a secure network beacon and checks its authentication
// value: ErrFormat, ErrNotOurs, ErrForged. It does not allocate.
func (k *Keys) OpenSecure(pdu []byte) (State, error) { panic("TODO") }

// AppendPrivate appends the mesh private beacon of s to dst, 27 octets
// (section 3.10.4). random is fresh from a source of randomness.
func (k *Keys) AppendPrivate(dst []byte, s State, random [13]byte) []byte { panic("TODO") }

// OpenPrivate reads a mesh private beacon: ErrFormat, or ErrForged when it is
// not from this subnet (only the key can tell). It does not allocate.
func (k *Keys) OpenPrivate(pdu []byte) (State, error) { panic("TODO") }
