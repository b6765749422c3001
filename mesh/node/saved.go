package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Tables and keys of a node in its store.
const (
	TableNode  store.Table = "node"
	TablePeers store.Table = "peers" // by UUID
	// TableExclusions has the addresses of nodes that have left, by the first
	// one, as JSON of Exclusion.
	TableExclusions store.Table = "exclusions"

	keyState       = "state"
	keySequence    = "sequence"
	keySolicit     = "solicitation_sequence"
	keyNextAddress = "next_address"
	keyIVClock     = "iv_clock"
)

// Saved is what a node is made of again after a restart.
type Saved struct {
	Node   *state.Node
	Peers  []state.Peer
	Replay []store.ReplayEntry
	// Exclusions are the addresses that cannot be given out yet.
	Exclusions []Exclusion

	sequence sequencer
	// solicitations are numbered apart from messages, without an IV index.
	solicitations sequencer
	iv            *ivClock // nil for a new node
	nextAddress   mesh.Address
}

// Load reads what a node has saved. Node is nil when the store is new.
func Load(s store.Store) (Saved, error) {
	var saved Saved
	data, err := s.Get(TableNode, keyState)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return saved, nil
	case err != nil:
		return saved, fmt.Errorf("node: %w", err)
	}
	if saved.Node, err = state.Decode(data); err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	if err := saved.loadNumbers(s); err != nil {
		return saved, err
	}
	peers, err := s.All(TablePeers)
	if err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	for _, data := range peers {
		p, err := state.DecodePeer(data)
		if err != nil {
			return saved, fmt.Errorf("node: %w", err)
		}
		saved.Peers = append(saved.Peers, p)
	}
	if saved.Exclusions, err = loadExclusions(s); err != nil {
		return saved, err
	}
	err = s.Replay(func(e store.ReplayEntry) { saved.Replay = append(saved.Replay, e) })
	if err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	return saved, nil
}

// loadNumbers reads the sequence reserves, the time of the IV Update procedure
// and the next free address.
func (saved *Saved) loadNumbers(s store.Store) error {
	data, err := s.Get(TableNode, keySequence)
	if err == nil {
		saved.sequence, err = decodeSequencer(data)
	}
	// A node that was provisioned and has no reserve may have used any number:
	// it must not send.
	if err != nil && (saved.Node.IsProvisioned() || !errors.Is(err, store.ErrNotFound)) {
		return fmt.Errorf("node: without its sequence reserve the node cannot send safely: %w", err)
	}
	data, err = s.Get(TableNode, keySolicit)
	if err == nil {
		saved.solicitations, err = decodeSequencer(data)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("node: without its solicitation sequence numbers the node cannot solicit safely: %w", err)
	}
	data, err = s.Get(TableNode, keyIVClock)
	if err == nil {
		saved.iv, err = decodeIVClock(data)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("node: %w", err)
	}
	data, err = s.Get(TableNode, keyNextAddress)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return fmt.Errorf("node: %w", err)
	case len(data) != 2:
		return fmt.Errorf("node: the stored next address has %d octets, expected 2", len(data))
	default:
		saved.nextAddress = mesh.Address(binary.BigEndian.Uint16(data))
	}
	return nil
}

// defaults are the states of a new node (section 4.2, initial values).
func defaults(uuid mesh.UUID) *state.Node {
	const defaultTTL = 10
	return &state.Node{
		UUID:            uuid,
		DefaultTTL:      defaultTTL,
		NetworkTransmit: state.Retransmit{Count: 2, Steps: 1},
		Relay:           state.Enabled,
		RelayRetransmit: state.Retransmit{Count: 2, Steps: 1},
		Proxy:           state.Unsupported,
		Friend:          state.Unsupported,
		Beacon:          true,
	}
}

// NewDevice is a node that waits to be provisioned.
func NewDevice(uuid mesh.UUID) Saved { return Saved{Node: defaults(uuid)} }

// NewNetwork is the first node of a new network, with the provisioner's
// address, a primary NetKey and one AppKey with index 0 bound to it, drawn
// from random.
func NewNetwork(address mesh.Address, random io.Reader) (Saved, error) {
	if !address.IsUnicast() {
		return Saved{}, fmt.Errorf("node: %s is no address for a provisioner, expected 0x0001 to 0x7fff", address)
	}
	uuid, err := newUUID(random)
	if err != nil {
		return Saved{}, err
	}
	var keys [3]crypto.Key
	for i := range keys {
		key, err := crypto.NewKey(random)
		if err != nil {
			return Saved{}, fmt.Errorf("node: no randomness for a new network: %w", err)
		}
		keys[i] = key
	}
	n := defaults(uuid)
	n.Address = address
	n.DeviceKey = keys[0]
	n.Subnets = []state.Subnet{{Index: mesh.PrimaryNetKey, Key: keys[1]}}
	n.AppKeys = []state.AppKey{{Index: 0, NetKey: mesh.PrimaryNetKey, Key: keys[2]}}
	return Saved{Node: n}, nil
}

// Keep does the first part of an Output: what is to be in the store before
// anything is sent or acted on. After an error all of it may be done again.
func Keep(s store.Store, out *Output) error {
	if len(out.Replay) > 0 {
		if err := s.AppendReplay(out.Replay); err != nil {
			return err
		}
	}
	if len(out.Persist) > 0 {
		if err := s.Apply(out.Persist...); err != nil {
			return err
		}
	}
	if !out.ForgetReplay {
		return nil
	}
	var sources []mesh.Address
	if err := s.Replay(func(e store.ReplayEntry) { sources = append(sources, e.Src) }); err != nil {
		return err
	}
	if err := s.ForgetReplay(sources...); err != nil {
		return err
	}
	return s.AppendReplay(out.Replay)
}
