package storetest

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// model is the expected content of a store.
type model struct {
	tables map[store.Table]map[string]string
	replay map[mesh.Address]store.ReplayEntry
}

// random takes random steps and compares the store with a model after each,
// reopening it from time to time. There are few names, so that collisions are
// likely.
func random(t *testing.T, o Opener) {
	s := open(t, o)
	m := model{tables: map[store.Table]map[string]string{"a": {}, "b": {}}, replay: map[mesh.Address]store.ReplayEntry{}}
	rapid.Check(t, func(rt *rapid.T) {
		rt.Repeat(map[string]func(*rapid.T){
			"apply":  func(rt *rapid.T) { m.apply(rt, s) },
			"append": func(rt *rapid.T) { m.append(rt, s) },
			"forget": func(rt *rapid.T) { m.forget(rt, s) },
			"sync":   func(rt *rapid.T) { ok(rt, s.Sync()) },
			"reopen": func(rt *rapid.T) {
				// Reopening is slow; one step in eight is enough.
				if rapid.IntRange(0, 7).Draw(rt, "really") == 0 {
					s = again(t, o, s)
				}
			},
			"": func(rt *rapid.T) { m.compare(rt, s) },
		})
	})
}

func ok(rt *rapid.T, err error) {
	if err != nil {
		rt.Fatal(err)
	}
}

func (m model) apply(rt *rapid.T, s store.Store) {
	var changes []store.Change
	for range rapid.IntRange(0, 4).Draw(rt, "changes") {
		c := store.Change{
			Table: rapid.SampledFrom([]store.Table{"a", "b"}).Draw(rt, "table"),
			Key:   rapid.SampledFrom([]string{"k", "l", "m"}).Draw(rt, "key"),
		}
		if rapid.Bool().Draw(rt, "set") {
			c.Value = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "value")
			if c.Value == nil {
				c.Value = []byte{}
			}
			m.tables[c.Table][c.Key] = string(c.Value)
		} else {
			delete(m.tables[c.Table], c.Key)
		}
		changes = append(changes, c)
	}
	ok(rt, s.Apply(changes...))
}

func (m model) append(rt *rapid.T, s store.Store) {
	var entries []store.ReplayEntry
	for range rapid.IntRange(0, 4).Draw(rt, "entries") {
		e := entry(
			mesh.Address(rapid.Uint16Range(1, 4).Draw(rt, "src")),
			mesh.IVIndex(rapid.Uint32Range(0, 2).Draw(rt, "iv")),
			mesh.SequenceNumber(rapid.Uint32Range(0, 9).Draw(rt, "seq")),
		)
		if known, there := m.replay[e.Src]; !there || e.Newer(known) {
			m.replay[e.Src] = e
		}
		entries = append(entries, e)
	}
	ok(rt, s.AppendReplay(entries))
}

func (m model) forget(rt *rapid.T, s store.Store) {
	src := mesh.Address(rapid.Uint16Range(1, 4).Draw(rt, "src"))
	delete(m.replay, src)
	ok(rt, s.ForgetReplay(src))
}

func (m model) compare(rt *rapid.T, s store.Store) {
	for table, want := range m.tables {
		all, err := s.All(table)
		ok(rt, err)
		got := make(map[string]string)
		for k, v := range all {
			got[k] = string(v)
		}
		if !maps.Equal(got, want) {
			rt.Fatalf("table %s holds %q, want %q", table, got, want)
		}
	}
	got := make(map[mesh.Address]store.ReplayEntry)
	ok(rt, s.Replay(func(e store.ReplayEntry) { got[e.Src] = e }))
	if !maps.Equal(got, m.replay) {
		rt.Fatalf("replay list holds %v, want %v", got, m.replay)
	}
}
