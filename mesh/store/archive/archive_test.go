package archive_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"
)

func now() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

// whole returns everything in a store.
func whole(t rapid.TB, s store.Store) (map[store.Table]map[string][]byte, []store.ReplayEntry) {
	t.Helper()
	tables, err := s.Tables()
	if err != nil {
		t.Fatal(err)
	}
	all := map[store.Table]map[string][]byte{}
	for _, name := range tables {
		if all[name], err = s.All(name); err != nil {
			t.Fatal(err)
		}
	}
	var replay []store.ReplayEntry
	if err := s.Replay(func(e store.ReplayEntry) { replay = append(replay, e) }); err != nil {
		t.Fatal(err)
	}
	return all, replay
}

// TestRoundTrip restores arbitrary backups.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := store.NewMemory()
		text := rapid.StringN(1, 20, 40)
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			c := store.Change{
				Table: store.Table(text.Draw(t, "table")), Key: text.Draw(t, "key"),
				Value: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value"),
			}
			if err := s.Apply(c); err != nil {
				t.Skip(err)
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "entries") {
			e := store.ReplayEntry{
				Src:     mesh.Address(rapid.Uint16Range(1, 0x7FFF).Draw(t, "src")),
				IVIndex: mesh.IVIndex(rapid.Uint32().Draw(t, "iv")),
				Seq:     mesh.SequenceNumber(rapid.Uint32Range(0, 0xFFFFFF).Draw(t, "seq")),
			}
			if err := s.AppendReplay([]store.ReplayEntry{e}); err != nil {
				t.Fatal(err)
			}
		}
		var file bytes.Buffer
		if err := archive.Write(&file, s, now()); err != nil {
			t.Fatal(err)
		}
		restored := store.NewMemory()
		made, err := archive.Read(&file, restored)
		if err != nil || !made.Equal(now()) {
			t.Fatalf("got %v, %v", made, err)
		}
		wantTables, wantReplay := whole(t, s)
		tables, replay := whole(t, restored)
		if !maps.EqualFunc(tables, wantTables, func(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }) {
			t.Errorf("got %v, want %v", tables, wantTables)
		}
		if !slices.Equal(replay, wantReplay) {
			t.Errorf("got %v, want %v", replay, wantReplay)
		}
	})
}

func backup(t testing.TB) []byte {
	t.Helper()
	s := store.NewMemory()
	if err := s.Apply(store.Change{Table: "node", Key: "state", Value: []byte("abc")}, store.Change{Table: "peers", Key: "x", Value: nil}); err != nil {
		t.Fatal(err)
	}
	if err := s.AppendReplay([]store.ReplayEntry{{Src: 5, Seq: 7}}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := archive.Write(&b, s, now()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDamaged restores nothing from an incomplete file: cut anywhere, or with
// any octet changed.
func TestDamaged(t *testing.T) {
	good := backup(t)
	refuse := func(what string, data []byte) {
		t.Helper()
		s := store.NewMemory()
		_, err := archive.Read(bytes.NewReader(data), s)
		if !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrFormat) {
			t.Errorf("%s: got %v", what, err)
		}
		if tables, replay := whole(t, s); len(tables)+len(replay) > 0 {
			t.Errorf("%s: %v and %v were stored", what, tables, replay)
		}
	}
	for n := range good[:len(good)-1] { // the last newline may be missing
		refuse("cut", good[:n])
		changed := bytes.Clone(good)
		changed[n] ^= 1
		refuse("changed "+string(changed), changed)
	}
	refuse("longer", append(bytes.Clone(good), []byte("{}\n")...))
	refuse("from another program", []byte(`{"format":"zip"}`))
	refuse("newer", bytes.Replace(good, []byte(`"version":1`), []byte(`"version":2`), 1))
	refuse("a long line", []byte(strings.Repeat("x", 3<<20)))
}

// TestNotEmpty leaves existing data alone.
func TestNotEmpty(t *testing.T) {
	s := store.NewMemory()
	if err := s.Apply(store.Change{Table: "a", Key: "b", Value: []byte("c")}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Read(bytes.NewReader(backup(t)), s); !errors.Is(err, archive.ErrNotEmpty) {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(backup(f))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := store.NewMemory()
		if _, err := archive.Read(bytes.NewReader(data), s); err != nil {
			if tables, err := s.Tables(); err != nil || len(tables) > 0 {
				t.Errorf("a rejected file left %v, %v", tables, err)
			}
		}
	})
}

// TestMarks records restores at the end of a backup, and finds each change of
// them.
func TestMarks(t *testing.T) {
	file := backup(t)
	for restore := range 3 {
		o, err := archive.Restore(bytes.NewReader(file), store.NewMemory())
		if err != nil || o.Restores != restore || !o.Made.Equal(now()) {
			t.Fatalf("restore %d: %+v, %v", restore, o, err)
		}
		if restore > 0 && (o.Last.Seq != mesh.SequenceNumber(1000*restore) || !o.Last.Time.Equal(now().Add(time.Duration(restore)*time.Hour))) {
			t.Errorf("restore %d: the last one was %+v", restore, o.Last)
		}
		mark, err := o.Mark(now().Add(time.Duration(restore+1)*time.Hour), mesh.SequenceNumber(1000*(restore+1)))
		if err != nil {
			t.Fatal(err)
		}
		whole := append(bytes.Clone(file), mark...)
		for at := len(file); at < len(whole)-1; at++ {
			changed := bytes.Clone(whole)
			changed[at] ^= 1
			s := store.NewMemory()
			if _, err := archive.Restore(bytes.NewReader(changed), s); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("%s: got %v", changed[len(file):], err)
			}
			if at == len(file) {
				continue // the mark is not there: that is the backup as it was
			}
			if _, err := archive.Restore(bytes.NewReader(whole[:at]), store.NewMemory()); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("%s: got %v", whole[len(file):at], err)
			}
		}
		file = whole
	}
}
