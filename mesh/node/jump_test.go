package node_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
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

// TestRestoredAfterTheNetworkMovedOn: the network was at another IV index after the
// backup, where the numbers of the node began above zero, because of an earlier restore
// or because somebody else had used some. A restore begins behind what was used there,
// and a second one of the same backup behind the first.
func TestRestoredAfterTheNetworkMovedOn(t *testing.T) {
	const burst = 1 << 18
	for name, c := range map[string]struct{ floor, ahead uint32 }{
		"after an earlier restore": {3_000_000, 0},
		"used by somebody else":    {0, 2_000_000},
		"both":                     {1_000_000, 2_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			backup := []byte{0, 0, 0, 0, 0, 0, 0x20, 0}
			backup = binary.BigEndian.AppendUint32(backup, c.floor)
			backup = binary.BigEndian.AppendUint32(backup, c.ahead)
			// begins is where the node begins with the next IV index.
			begins := func(reserve []byte) mesh.SequenceNumber {
				t.Helper()
				q, err := sequence.Decode(reserve)
				if err != nil {
					t.Fatal(err)
				}
				q.Restart(1)
				return q.Peek()
			}
			used := begins(backup)
			var last mesh.SequenceNumber
			for restore := range 3 {
				s := backedUp(t, 0)
				if err := s.Apply(store.Change{Table: node.TableNode, Key: "sequence", Value: backup}); err != nil {
					t.Fatal(err)
				}
				_, first, err := node.JumpBeyond(s, node.Jump{Age: time.Minute, From: last})
				if err != nil {
					t.Fatal(err)
				}
				last = first
				reserve, err := s.Get(node.TableNode, "sequence")
				if err != nil {
					t.Fatal(err)
				}
				now := begins(reserve)
				if now < used+burst {
					t.Errorf("restore %d begins at %d with the next IV index, the bridge before it at %d", restore, now, used)
				}
				used = now
			}
		})
	}
}

// TestJumpUsedWithTheNextIVIndex has a manifest that knows of numbers that were used
// after the network had moved on.
func TestJumpUsedWithTheNextIVIndex(t *testing.T) {
	used := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1}, 4_000_000)
	s := backedUp(t, 8_000_000)
	if _, _, err := node.JumpBeyond(s, node.Jump{Used: []store.Change{{Table: node.TableNode, Key: "sequence", Value: used}}}); err != nil {
		t.Fatal(err)
	}
	reserve, err := s.Get(node.TableNode, "sequence")
	if err != nil {
		t.Fatal(err)
	}
	q, err := sequence.Decode(reserve)
	if err != nil {
		t.Fatal(err)
	}
	if q.Restart(1); q.Peek() < 4_000_000 {
		t.Errorf("it begins at %d with the next IV index, expected 4000000 at least", q.Peek())
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
