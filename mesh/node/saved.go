package node

import (
	"fmt"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Tables of a node in its store, and the keys of the core. The parts have keys of
// their own in TableNode.
const (
	TableNode store.Table = "node"
	// TablePeers has the other nodes, by UUID.
	TablePeers = peers.Table
	// TableExclusions has the addresses of nodes that have left, by the first one,
	// as JSON of Exclusion.
	TableExclusions = peers.ExclusionTable

	keyState    = "state"
	keySequence = "sequence"
)

// Saved is what a node is made of again after a restart.
type Saved struct {
	Node   *state.Node
	Peers  []state.Peer
	Replay []store.ReplayEntry
	// Exclusions are the addresses that cannot be given out yet.
	Exclusions []Exclusion

	sequence sequence.Reserve
	values   map[string][]byte // of the parts, by their keys
}

// value implements part.Stored.
func (s *Saved) value(key string) []byte { return s.values[key] }

// Reserves are the keys in TableNode of the reserves of sequence numbers. A store
// must never go back to an older value of them.
func Reserves() []string { return []string{keySequence, gatt.KeySolicit} }

// Load reads what a node has saved. Node is nil when the store is new. If the
// store has lost its node, the error wraps store.ErrDamaged.
func Load(s store.Store) (Saved, error) {
	var saved Saved
	values, err := s.All(TableNode)
	if err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	data := values[keyState]
	if data == nil {
		return saved, checkNew(s)
	}
	saved.values = values
	if saved.Node, err = state.Decode(data); err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	if err := saved.loadSequence(); err != nil {
		return saved, err
	}
	all, err := s.All(TablePeers)
	if err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	for _, data := range all {
		p, err := state.DecodePeer(data)
		if err != nil {
			return saved, fmt.Errorf("node: %w", err)
		}
		saved.Peers = append(saved.Peers, p)
	}
	if saved.Exclusions, err = peers.LoadExclusions(s); err != nil {
		return saved, err
	}
	err = s.Replay(func(e store.ReplayEntry) { saved.Replay = append(saved.Replay, e) })
	if err != nil {
		return saved, fmt.Errorf("node: %w", err)
	}
	return saved, nil
}

// checkNew returns an error unless a store without a node is new. Where a table
// or a replay list shows that there was a node, no other may take its place.
func checkNew(s store.Store) error {
	tables, err := s.Tables()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	sources := 0
	if err := s.Replay(func(store.ReplayEntry) { sources++ }); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	if len(tables) == 0 && sources == 0 {
		return nil
	}
	return fmt.Errorf("node: the store has no node, but %d tables and a replay list of %d sources show that it had one, or that an import was interrupted; restore a backup, or repeat the import: %w",
		len(tables), sources, store.ErrDamaged)
}

// loadSequence reads the sequence reserve. A node that was provisioned and has no
// reserve may have used any number: it must not send.
func (s *Saved) loadSequence() error {
	data, ok := s.values[keySequence]
	if !ok && !s.Node.IsProvisioned() {
		return nil
	}
	var err error
	if s.sequence, err = sequence.Decode(data); err != nil {
		return fmt.Errorf("node: without its sequence reserve the node cannot send safely: %w", err)
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
