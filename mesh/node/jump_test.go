package node_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// backedUp is a store as a backup fills it: its node reserved the numbers below
// limit.
func backedUp(t *testing.T, limit uint32) store.Store {
	t.Helper()
	saved, err := node.NewNetwork(1, rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := saved.Changes()
	if err != nil {
		t.Fatal(err)
	}
	s := store.NewMemory()
	reserve := binary.BigEndian.AppendUint32(make([]byte, 4), limit)
	if err := s.Apply(append(changes, store.Change{Table: node.TableNode, Key: "sequence", Value: reserve})...); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRestoredTwice restores one backup again and again, seconds apart: each
// restore begins far behind the one before.
func TestRestoredTwice(t *testing.T) {
	const burst = 1 << 18 // what a restored bridge may have sent at once
	var last mesh.SequenceNumber
	for restore := range 6 {
		_, first, err := node.JumpBeyond(backedUp(t, 5000), node.Jump{Age: time.Second, From: last, Random: rand.NewChaCha8([32]byte{byte(restore)})})
		if err != nil {
			t.Fatal(err)
		}
		if first < max(last, 5000)+burst {
			t.Errorf("restore %d begins at %d, the one before at %d", restore, first, last)
		}
		last = first
	}
}

// TestTwoCopiesRestored restores copies of one backup, which do not know of each
// other, in the same second: of 200 pairs, none may use the same of 1000 numbers.
func TestTwoCopiesRestored(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	met := 0
	for range 200 {
		var first [2]mesh.SequenceNumber
		for i := range first {
			var err error
			if _, first[i], err = node.JumpBeyond(backedUp(t, 5000), node.Jump{Random: random}); err != nil {
				t.Fatal(err)
			}
		}
		if first[0] < first[1]+1000 && first[1] < first[0]+1000 {
			met++
		}
	}
	if met > 1 {
		t.Errorf("%d of 200 pairs use the same numbers", met)
	}
}

// TestJumpUsed has a damaged store whose manifest knows of numbers that were
// reserved after the backup.
func TestJumpUsed(t *testing.T) {
	used := binary.BigEndian.AppendUint32(make([]byte, 4), 2_000_000)
	j := node.Jump{Used: []store.Change{
		{Table: node.TableNode, Key: "sequence", Value: used},
		{Table: node.TableNode, Key: "solicitation_sequence", Value: []byte{1}},
	}}
	if _, first, err := node.JumpBeyond(backedUp(t, 5000), j); err != nil || first < 2_000_000 {
		t.Errorf("it begins at %d, %v", first, err)
	}
	j.Used[0].Value = []byte{1}
	if _, _, err := node.JumpBeyond(backedUp(t, 5000), j); err == nil {
		t.Error("a reserve that cannot be read was ignored")
	}
	if _, _, err := node.JumpBeyond(backedUp(t, 5000), node.Jump{From: mesh.MaxSequenceNumber - 1<<20}); !errors.Is(err, node.ErrJump) {
		t.Errorf("got %v, want ErrJump", err)
	}
}

// TestNoNodeButTables has a store that lost its node: no other may take its place.
func TestNoNodeButTables(t *testing.T) {
	for name, damage := range map[string]func(s store.Store) error{
		"a table is left": func(s store.Store) error {
			return s.Apply(store.Change{Table: node.TablePeers, Key: "a", Value: []byte("b")})
		},
		"a value of the node is left": func(s store.Store) error {
			return s.Apply(store.Change{Table: node.TableNode, Key: "sequence", Value: []byte("b")})
		},
		"the replay list is left": func(s store.Store) error { return s.AppendReplay([]store.ReplayEntry{{Src: 5, Seq: 1}}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := store.NewMemory()
			if err := damage(s); err != nil {
				t.Fatal(err)
			}
			_, err := node.Open(node.Config{Store: s, Options: node.Options{Random: rand.NewChaCha8([32]byte{})}}, func() (node.Saved, error) {
				t.Error("a new network was created")
				return node.NewNetwork(1, rand.NewChaCha8([32]byte{}))
			})
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("got %v, want ErrDamaged", err)
			}
		})
	}
}
