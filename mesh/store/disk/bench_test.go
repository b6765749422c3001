package disk

import (
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

func benchStore(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.TempDir(), Options{OnError: func(err error) { b.Error(err) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// BenchmarkAppendReplay appends one entry, of 1000 sources in turn.
func BenchmarkAppendReplay(b *testing.B) {
	s := benchStore(b)
	entries := make([]store.ReplayEntry, 1)
	seq := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		entries[0] = store.ReplayEntry{
			Src: mesh.Address(1 + seq%1000), IVIndex: mesh.IVIndex(seq >> 24), Seq: mesh.SequenceNumber(seq & 0xFFFFFF),
		}
		if err := s.AppendReplay(entries); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendReplayKnown appends an entry without new information.
func BenchmarkAppendReplayKnown(b *testing.B) {
	s := benchStore(b)
	entries := []store.ReplayEntry{{Src: 1, IVIndex: 1, Seq: 1}}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.AppendReplay(entries); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply sets one key and syncs.
func BenchmarkApply(b *testing.B) {
	s := benchStore(b)
	value := make([]byte, 256)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		if err := s.Apply(store.Change{Table: "nodes", Key: fmt.Sprint(i % 1000), Value: value}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRewrite rewrites the journal of a network of the largest size.
func BenchmarkRewrite(b *testing.B) {
	s := benchStore(b)
	for src := mesh.FirstUnicast; src <= mesh.LastUnicast; src++ {
		s.journal.newest[src] = store.ReplayEntry{Src: src, IVIndex: 1, Seq: 1}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.journal.rewrite(); err != nil {
			b.Fatal(err)
		}
	}
}
