package sequence_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
)

// No number is given out twice with one IV index, whenever the node is killed: a number
// may be used when what Unsaved has put out is in the store.
func TestNoNumberTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type number struct {
			iv  mesh.IVIndex
			seq mesh.SequenceNumber
		}
		var r sequence.Reserve
		r.Start(7)
		stored, iv := r.Encode(), mesh.IVIndex(7)
		given := map[number]bool{}
		next := func(n int) {
			for range n {
				seq, iv, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if data, changed := r.Unsaved(); changed {
					stored = data
				}
				if given[number{iv, seq}] {
					t.Fatalf("number %d of IV index %d was given out twice", seq, iv)
				}
				given[number{iv, seq}] = true
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"next": func(t *rapid.T) { next(rapid.IntRange(1, 1500).Draw(t, "how many")) },
			"crash": func(t *rapid.T) {
				var err error
				if r, err = sequence.Decode(stored); err != nil {
					t.Fatal(err)
				}
				r.Start(iv)
			},
			// Somebody else uses numbers of this source, with this IV index or the next.
			"hear": func(t *rapid.T) {
				of := iv + mesh.IVIndex(rapid.IntRange(0, 1).Draw(t, "IV index"))
				n := mesh.SequenceNumber(rapid.IntRange(0, 20000).Draw(t, "number"))
				foreign, _ := r.Heard(n, of)
				if foreign && given[number{of, n}] && of == iv {
					t.Fatalf("number %d of IV index %d was given out, and is said to be foreign", n, of)
				}
				if foreign {
					given[number{of, n}] = true // from now on
				}
				if data, changed := r.Unsaved(); changed {
					stored = data
				}
			},
			"update": func(*rapid.T) {
				iv++
				r.Restart(iv)
				if data, changed := r.Unsaved(); changed {
					stored = data
				}
			},
		})
	})
}

// The reserve is stored once in 1024 numbers, with the first of them.
func TestReserveIsStoredSeldom(t *testing.T) {
	var r sequence.Reserve
	var at []mesh.SequenceNumber
	for range 3000 {
		seq, _, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, changed := r.Unsaved(); changed {
			at = append(at, seq)
		}
	}
	if len(at) != 3 || at[0] != 0 || at[1] != 1024 || at[2] != 2048 {
		t.Errorf("stored at %v, want 0, 1024 and 2048", at)
	}
	if _, changed := r.Unsaved(); changed {
		t.Error("what was stored is to be stored again")
	}
}

func TestLastNumber(t *testing.T) {
	var r sequence.Reserve
	r.Skip(mesh.MaxSequenceNumber, mesh.MaxSequenceNumber, 0)
	if got := r.Left(); got != 1 {
		t.Errorf("%d numbers are left, want 1", got)
	}
	if seq, _, err := r.Next(); err != nil || seq != mesh.MaxSequenceNumber {
		t.Errorf("%d, %v", seq, err)
	}
	if _, _, err := r.Next(); !errors.Is(err, sequence.ErrSpent) || r.Left() != 0 {
		t.Errorf("%v with %d left, want ErrSpent", err, r.Left())
	}
	r.Restart(1)
	if seq, iv, err := r.Next(); seq != 0 || iv != 1 || err != nil {
		t.Errorf("with the next IV index: %d of %d, %v", seq, iv, err)
	}
}

// A node that was restored from a backup begins above a floor with each IV index.
func TestFloor(t *testing.T) {
	var r sequence.Reserve
	for range 10 {
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	r.Skip(5000, mesh.MaxSequenceNumber, 5000)
	if seq, _, _ := r.Next(); seq != 1024+5000 {
		t.Errorf("%d after the jump, want 6024: the reserve was 1024", seq)
	}
	again, err := sequence.Decode(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	again.Restart(3)
	if seq, iv, _ := again.Next(); seq != 5000 || iv != 3 {
		t.Errorf("%d of IV index %d, want 5000 of 3", seq, iv)
	}
}

func TestStartOnlyConcernsANewReserve(t *testing.T) {
	var r sequence.Reserve
	if !r.IsNew() {
		t.Error("it is not new")
	}
	r.Start(5)
	if _, iv, _ := r.Next(); iv != 5 || r.IsNew() {
		t.Errorf("IV index %d, want 5; new: %t", iv, r.IsNew())
	}
	r.Start(9)
	if r.IVIndex() != 5 {
		t.Errorf("IV index %d after numbers of 5 were given out", r.IVIndex())
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, n := range []int{0, 1, 7, 9, 11, 13} {
		if _, err := sequence.Decode(make([]byte, n)); err == nil {
			t.Errorf("%d octets were taken", n)
		}
	}
}

// One forged PDU cannot take more than half of the numbers, whatever it says.
func TestHeardIsBounded(t *testing.T) {
	const half = (mesh.MaxSequenceNumber + 1) / 2
	var r sequence.Reserve
	r.Start(7)
	for _, n := range []mesh.SequenceNumber{mesh.MaxSequenceNumber, half, half - 1, half - 1, mesh.MaxSequenceNumber} {
		r.Heard(n, 7)
		r.Heard(n, 8)
	}
	if left := r.Left(); left != int(half) {
		t.Errorf("%d numbers are left, want %d", left, half)
	}
	r.Restart(8)
	if left := r.Left(); left < int(half)-1024 {
		t.Errorf("%d numbers are left with the next IV index", left)
	}
}
