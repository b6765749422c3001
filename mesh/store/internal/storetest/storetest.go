// Package storetest tests the contract of store.Store. Every implementation
// runs it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Opener { ... })
//	}
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Opener opens the same store repeatedly. A test closes a store before it opens
// it again. If nothing survives Close, Forgets is true and the tests of that
// are skipped.
type Opener struct {
	Open    func() (store.Store, error)
	Forgets bool
}

// Run tests one implementation; place returns an Opener of a new, empty store
// for each test.
func Run(t *testing.T, place func(t *testing.T) Opener) {
	tests := []struct {
		name string
		test func(t *testing.T, o Opener)
	}{
		{"a new store is empty", newIsEmpty},
		{"what was applied is there", applied},
		{"changes are made in their order", inOrder},
		{"all or nothing", allOrNothing},
		{"tables", tables},
		{"limits", limits},
		{"callers own their slices", ownSlices},
		{"replay list keeps the newest", replayNewest},
		{"replay list forgets", replayForgets},
		{"replay list refuses what cannot be", replayRefuses},
		{"a visitor may use the store", visitor},
		{"closed", closed},
		{"concurrent use", concurrent},
		{"random steps agree with a plain map", random},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, place(t)) })
	}
}

// open opens the store and closes it when the test ends.
func open(t *testing.T, o Opener) store.Store {
	t.Helper()
	s, err := o.Open()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// again closes s and opens the store again; if nothing survives Close it
// returns s unchanged.
func again(t *testing.T, o Opener, s store.Store) store.Store {
	t.Helper()
	if o.Forgets {
		return s
	}
	must(t, s.Close())
	return open(t, o)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func wantTable(t *testing.T, s store.Store, table store.Table, want map[string]string) {
	t.Helper()
	all, err := s.All(table)
	must(t, err)
	got := make(map[string]string)
	for k, v := range all {
		if v == nil {
			t.Errorf("%s/%q is nil, want an empty value", table, k)
		}
		got[k] = string(v)
	}
	if !maps.Equal(got, want) {
		t.Errorf("table %s holds %q, want %q", table, got, want)
	}
	for k, v := range want {
		value, err := s.Get(table, k)
		if err != nil || value == nil || string(value) != v {
			t.Errorf("Get(%s, %q) = %q, %v, want %q", table, k, value, err, v)
		}
	}
}

func wantReplay(t *testing.T, s store.Store, want ...store.ReplayEntry) {
	t.Helper()
	var got []store.ReplayEntry
	must(t, s.Replay(func(e store.ReplayEntry) { got = append(got, e) }))
	if !slices.Equal(got, want) {
		t.Errorf("replay list holds %v, want %v", got, want)
	}
}

func set(t store.Table, key, value string) store.Change {
	return store.Change{Table: t, Key: key, Value: []byte(value)}
}

func entry(src mesh.Address, iv mesh.IVIndex, seq mesh.SequenceNumber) store.ReplayEntry {
	return store.ReplayEntry{Src: src, IVIndex: iv, Seq: seq}
}

func newIsEmpty(t *testing.T, o Opener) {
	s := open(t, o)
	_, err := s.Get("nodes", "0x0001")
	wantError(t, err, store.ErrNotFound)
	wantTable(t, s, "nodes", nil)
	wantReplay(t, s)
	must(t, s.Apply())
	must(t, s.AppendReplay(nil))
	must(t, s.ForgetReplay(1, 2))
	must(t, s.Sync())
}

func applied(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.Apply(set("nodes", "a", "1"), set("nodes", "b", ""), set("keys", "a", "2")))
	must(t, s.Apply(set("keys", "b\x00c", "\x00\xff")))
	for range 2 {
		wantTable(t, s, "nodes", map[string]string{"a": "1", "b": ""})
		wantTable(t, s, "keys", map[string]string{"a": "2", "b\x00c": "\x00\xff"})
		_, err := s.Get("nodes", "c")
		wantError(t, err, store.ErrNotFound)
		s = again(t, o, s)
	}
}

func inOrder(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.Apply(
		set("x", "twice", "first"), set("x", "twice", "second"),
		set("x", "gone", "here"), store.Change{Table: "x", Key: "gone"},
		store.Change{Table: "x", Key: "back"}, set("x", "back", "here"),
		store.Change{Table: "never", Key: "was"},
	))
	for range 2 {
		wantTable(t, s, "x", map[string]string{"twice": "second", "back": "here"})
		wantTable(t, s, "never", nil)
		s = again(t, o, s)
	}
	must(t, s.Apply(store.Change{Table: "x", Key: "twice"}))
	s = again(t, o, s)
	wantTable(t, s, "x", map[string]string{"back": "here"})
}

// tables lists the tables that contain a key, in order.
func tables(t *testing.T, o Opener) {
	s := open(t, o)
	expect := func(want ...store.Table) {
		t.Helper()
		got, err := s.Tables()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	expect()
	must(t, s.Apply(store.Change{Table: "b", Key: "k", Value: []byte{}}, store.Change{Table: "a", Key: "k", Value: []byte{1}}))
	expect("a", "b")
	must(t, s.Apply(store.Change{Table: "b", Key: "k"}))
	expect("a")
	s = again(t, o, s)
	expect("a")
}

func allOrNothing(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.Apply(set("x", "kept", "old")))
	err := s.Apply(set("x", "kept", "new"), set("y", "added", "new"), set("x", "", "no key"))
	wantError(t, err, store.ErrInvalid)
	for range 2 {
		wantTable(t, s, "x", map[string]string{"kept": "old"})
		wantTable(t, s, "y", nil)
		s = again(t, o, s)
	}
}

func limits(t *testing.T, o Opener) {
	s := open(t, o)
	long := strings.Repeat
	for name, c := range map[string]store.Change{
		"no table":   set("", "k", "v"),
		"long table": set(store.Table(long("t", store.MaxTableSize+1)), "k", "v"),
		"no key":     set("t", "", "v"),
		"long key":   set("t", long("k", store.MaxKeySize+1), "v"),
		"long value": set("t", "k", long("v", store.MaxValueSize+1)),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, s.Apply(c), store.ErrInvalid)
			if len(c.Value) <= store.MaxValueSize {
				_, err := s.Get(c.Table, c.Key)
				wantError(t, err, store.ErrInvalid)
			}
		})
	}
	table, key := store.Table(long("t", store.MaxTableSize)), long("k", store.MaxKeySize)
	value := bytes.Repeat([]byte{0xA5}, store.MaxValueSize)
	must(t, s.Apply(store.Change{Table: table, Key: key, Value: value}))
	s = again(t, o, s)
	got, err := s.Get(table, key)
	must(t, err)
	if !bytes.Equal(got, value) {
		t.Errorf("the largest value came back as %d other octets", len(got))
	}
}

func ownSlices(t *testing.T, o Opener) {
	s := open(t, o)
	in := []byte("value")
	must(t, s.Apply(store.Change{Table: "x", Key: "k", Value: in}))
	in[0] = 'V'
	out, err := s.Get("x", "k")
	must(t, err)
	out[1] = 'A'
	all, err := s.All("x")
	must(t, err)
	all["k"][2] = 'L'
	delete(all, "k")
	wantTable(t, s, "x", map[string]string{"k": "value"})
}

func replayNewest(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.AppendReplay([]store.ReplayEntry{entry(0x7FFF, 0, 0), entry(2, 5, 100), entry(1, 5, 7), entry(2, 5, 101)}))
	must(t, s.AppendReplay([]store.ReplayEntry{entry(1, 5, 6), entry(2, 4, 0xFFFFFF)})) // both older
	want := []store.ReplayEntry{entry(1, 5, 7), entry(2, 5, 101), entry(0x7FFF, 0, 0)}
	wantReplay(t, s, want...)
	s = again(t, o, s)
	wantReplay(t, s, want...)
	must(t, s.AppendReplay([]store.ReplayEntry{entry(2, 6, 0), entry(1, 0xFFFFFFFF, 0xFFFFFF)}))
	must(t, s.Sync())
	s = again(t, o, s)
	wantReplay(t, s, entry(1, 0xFFFFFFFF, 0xFFFFFF), entry(2, 6, 0), entry(0x7FFF, 0, 0))
}

func replayForgets(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.AppendReplay([]store.ReplayEntry{entry(1, 5, 7), entry(2, 5, 8), entry(3, 5, 9)}))
	must(t, s.ForgetReplay(2, 4, 3))
	wantReplay(t, s, entry(1, 5, 7))
	must(t, s.AppendReplay([]store.ReplayEntry{entry(3, 0, 1)})) // a new node with the address
	for range 2 {
		wantReplay(t, s, entry(1, 5, 7), entry(3, 0, 1))
		s = again(t, o, s)
	}
}

func replayRefuses(t *testing.T, o Opener) {
	s := open(t, o)
	for _, e := range []store.ReplayEntry{
		entry(mesh.Unassigned, 0, 1), entry(0x8000, 0, 1), entry(0xC000, 0, 1), entry(mesh.AllNodes, 0, 1),
		entry(1, 0, mesh.MaxSequenceNumber+1),
	} {
		wantError(t, s.AppendReplay([]store.ReplayEntry{entry(7, 0, 1), e}), store.ErrInvalid)
	}
	wantReplay(t, s)
}

func visitor(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.AppendReplay([]store.ReplayEntry{entry(1, 0, 1), entry(2, 0, 2)}))
	must(t, s.Replay(func(e store.ReplayEntry) {
		must(t, s.AppendReplay([]store.ReplayEntry{entry(e.Src, 1, 0)}))
		must(t, s.Apply(set("seen", e.Src.String(), "")))
	}))
	wantReplay(t, s, entry(1, 1, 0), entry(2, 1, 0))
	wantTable(t, s, "seen", map[string]string{"0x0001": "", "0x0002": ""})
}

func closed(t *testing.T, o Opener) {
	s := open(t, o)
	must(t, s.Close())
	must(t, s.Close())
	_, err := s.Get("x", "k")
	wantError(t, err, store.ErrClosed)
	_, err = s.All("x")
	wantError(t, err, store.ErrClosed)
	wantError(t, s.Apply(set("x", "k", "v")), store.ErrClosed)
	wantError(t, s.Replay(func(store.ReplayEntry) { t.Error("visited after Close") }), store.ErrClosed)
	wantError(t, s.AppendReplay([]store.ReplayEntry{entry(1, 0, 1)}), store.ErrClosed)
	wantError(t, s.ForgetReplay(1), store.ErrClosed)
	wantError(t, s.Sync(), store.ErrClosed)
}

func concurrent(t *testing.T, o Opener) {
	s := open(t, o)
	const workers, steps = 4, 25
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			src := mesh.Address(w + 1)
			for i := range steps {
				if err := s.AppendReplay([]store.ReplayEntry{entry(src, 0, mesh.SequenceNumber(i))}); err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					if err := s.Apply(set("x", fmt.Sprint(w), fmt.Sprint(i))); err != nil {
						t.Error(err)
					}
				}
				if _, err := s.All("x"); err != nil {
					t.Error(err)
				}
				if err := s.Sync(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s = again(t, o, s)
	wantReplay(t, s, entry(1, 0, steps-1), entry(2, 0, steps-1), entry(3, 0, steps-1), entry(4, 0, steps-1))
	wantTable(t, s, "x", map[string]string{"0": "20", "1": "20", "2": "20", "3": "20"})
}
