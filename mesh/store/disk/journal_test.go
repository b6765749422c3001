package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/faultfs"
)

// encode writes records after a header, each into its slot.
func encode(records ...record) []byte {
	b := appendRecord(nil, 0, record{kind: kindHeader})
	for i, r := range records {
		b = appendRecord(b, int64(i+1), r)
	}
	return b
}

func entryRecord(src mesh.Address, iv mesh.IVIndex, seq mesh.SequenceNumber) record {
	return record{kind: kindEntry, entry: store.ReplayEntry{Src: src, IVIndex: iv, Seq: seq}}
}

func sample() []record {
	return []record{
		entryRecord(1, 5, 100), entryRecord(2, 5, 7), entryRecord(1, 5, 101),
		{kind: kindForget, entry: store.ReplayEntry{Src: 2}},
		entryRecord(2, 5, 3), entryRecord(0x7FFF, 0xFFFFFFFF, 0xFFFFFF), entryRecord(1, 6, 0),
	}
}

// replayed returns the resulting list.
func replayed(records []record) map[mesh.Address]store.ReplayEntry {
	newest := make(map[mesh.Address]store.ReplayEntry)
	for _, r := range records {
		remember(newest, r)
	}
	return newest
}

// withJournal opens a store whose journal is b.
func withJournal(t *testing.T, b []byte) *Store {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, journalName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir, Options{})
}

func TestRecordLayout(t *testing.T) {
	b := encode(entryRecord(0x1234, 0xA1B2C3D4, 0x00E5F607))
	want := []byte{
		0xB7, 'H', 0, 0, 'r', 'e', 'p', 'l', 'a', 'y', 0, 1, 0, 0, 0, 0,
		0xB7, 'E', 0x12, 0x34, 0xA1, 0xB2, 0xC3, 0xD4, 0x00, 0xE5, 0xF6, 0x07, 0, 0, 0, 0,
	}
	got := slices.Clone(b)
	clear(got[12:16])
	clear(got[28:32])
	if !bytes.Equal(got, want) {
		t.Errorf("without checksums %x, want %x", got, want)
	}
}

// TestCutAtEveryOctet cuts the journal at every offset. What is before the cut
// counts, and the journal is valid again after opening.
func TestCutAtEveryOctet(t *testing.T) {
	records := sample()
	whole := encode(records...)
	for cut := range len(whole) + 1 {
		c, err := readJournal(bytes.NewReader(whole[:cut]))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		slots := cut / recordSize
		want := replayed(records[:max(slots-1, 0)])
		torn := uint64(min(cut%recordSize, 1))
		if !maps.Equal(c.newest, want) || c.damaged != 0 || c.torn != torn {
			t.Errorf("cut at %d: got %+v, want %v and torn %d", cut, c, want, torn)
		}
	}
}

func TestTornTailIsRepaired(t *testing.T) {
	whole := encode(sample()...)
	for _, cut := range []int{0, 5, recordSize, recordSize + 1, len(whole) - 1} {
		s := withJournal(t, whole[:cut])
		dir := filepath.Dir(s.journal.path)
		next := store.ReplayEntry{Src: 0x0100, IVIndex: 1, Seq: 2}
		if err := errors.Join(s.AppendReplay([]store.ReplayEntry{next}), s.Close()); err != nil {
			t.Fatal(err)
		}
		again := reopen(t, dir, Options{})
		if stats := again.Stats(); stats.Damaged+stats.Torn != 0 {
			t.Errorf("cut at %d: still damaged after repair: %+v", cut, stats)
		}
		if got := again.journal.newest[next.Src]; got != next {
			t.Errorf("cut at %d: appended %v, found %v", cut, next, got)
		}
	}
}

// TestEveryBitFlip flips each bit in turn: exactly that record is rejected and
// counted, and the others are read.
func TestEveryBitFlip(t *testing.T) {
	records := sample()
	whole := encode(records...)
	for bit := range 8 * len(whole) {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		c, err := readJournal(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("bit %d: %v", bit, err)
		}
		rest := slices.Clone(records)
		if slot := bit / 8 / recordSize; slot > 0 {
			rest = slices.Delete(rest, slot-1, slot)
		}
		if want := replayed(rest); !maps.Equal(c.newest, want) || c.damaged != 1 {
			t.Fatalf("bit %d: got %+v, want %v and one damaged", bit, c, want)
		}
	}
}

// TestStrayRecords has valid records in places where they were not written.
func TestStrayRecords(t *testing.T) {
	whole := encode(sample()...)
	swapped := slices.Concat(whole[:16], whole[32:48], whole[16:32], whole[48:])
	zeros := append(slices.Clone(whole[:32]), make([]byte, 4096)...)
	twoHeaders := appendRecord(whole[:16:16], 1, record{kind: kindHeader})
	for name, test := range map[string]struct {
		b       []byte
		damaged uint64
	}{
		"two records swapped":        {swapped, 2},
		"an enlarged file":           {zeros, 256},
		"header in a later slot":     {twoHeaders, 1},
		"entry in the header's slot": {appendRecord(nil, 0, entryRecord(1, 2, 3)), 1},
		"group address as source":    {encode(entryRecord(0xC000, 2, 3)), 1},
		"sequence number of 25 bits": {encode(entryRecord(1, 2, 1<<24)), 1},
		"unknown kind":               {encode(record{kind: 'X'}), 1},
		"forgetting a group address": {encode(record{kind: kindForget}), 1},
		"another file":               {bytes.Repeat([]byte("text "), 32), 10},
		"damage of the header only":  {append(make([]byte, 16), whole[16:]...), 1},
		"empty file":                 {nil, 0},
		"only a header":              {whole[:16], 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readJournal(bytes.NewReader(test.b))
			if err != nil || c.damaged != test.damaged {
				t.Errorf("got %d damaged and %v, want %d", c.damaged, err, test.damaged)
			}
			s := withJournal(t, test.b)
			if got := s.Stats().Damaged; got != test.damaged {
				t.Errorf("Stats reports %d damaged, want %d", got, test.damaged)
			}
			if want := store.SortedReplay(c.newest); s.Stats().JournalRecords != 1+len(want) {
				t.Errorf("%d records after repair, want a header and %d", s.Stats().JournalRecords, len(want))
			}
		})
	}
}

func TestJournalOfAbsurdSize(t *testing.T) {
	zeros := endless{}
	if _, err := readJournal(zeros); err == nil {
		t.Error("an endless journal was read")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestJournalIsCompacted(t *testing.T) {
	s := reopen(t, t.TempDir(), Options{SyncEvery: time.Hour, compactSlots: 100})
	for seq := range mesh.SequenceNumber(1000) {
		if err := s.AppendReplay([]store.ReplayEntry{{Src: 1 + mesh.Address(seq%10), Seq: seq}}); err != nil {
			t.Fatal(err)
		}
		if seq%50 == 49 {
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	stats := s.Stats()
	if stats.JournalRecords > 150 || stats.Compactions < 9 || stats.Sources != 10 {
		t.Errorf("got %+v", stats)
	}
	info, err := os.Stat(s.journal.path)
	if err != nil || info.Size() != int64(stats.JournalRecords)*recordSize {
		t.Errorf("the file has %d octets for %d records, %v", info.Size(), stats.JournalRecords, err)
	}
}

// TestOldEntriesAreNotWritten: a peer that repeats itself does not grow the
// file.
func TestOldEntriesAreNotWritten(t *testing.T) {
	f := faultfs.NewMemory()
	j, err := openJournal(testJournal, f, compactSlots)
	if err != nil {
		t.Fatal(err)
	}
	e := []store.ReplayEntry{{Src: 1, IVIndex: 1, Seq: 5}}
	if err := j.append(e); err != nil {
		t.Fatal(err)
	}
	before := f.Calls()
	for range 3 {
		if err := j.append(e); err != nil {
			t.Fatal(err)
		}
	}
	if f.Calls() != before {
		t.Errorf("%d calls for entries that are known", f.Calls()-before)
	}
}

// TestSyncLoop runs the store's goroutine in fake time.
func TestSyncLoop(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := faultfs.NewMemory()
		var reported atomic.Int32
		s, err := Open(dir, Options{Files: f, OnError: func(error) { reported.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		step := func(seq mesh.SequenceNumber, d time.Duration) Stats {
			t.Helper()
			if err := s.AppendReplay([]store.ReplayEntry{{Src: 1, Seq: seq}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
			synctest.Wait()
			return s.Stats()
		}
		start := s.Stats().Syncs
		if got := step(1, 900*time.Millisecond); got.Syncs != start {
			t.Errorf("synced before a second was over")
		}
		if got := step(2, 200*time.Millisecond); got.Syncs != start+1 {
			t.Errorf("%d syncs in the first second, want 1", got.Syncs-start)
		}
		time.Sleep(time.Hour)
		if got := s.Stats(); got.Syncs != start+1 {
			t.Errorf("%d syncs of a journal that did not change", got.Syncs-start-1)
		}
		f.Fail(false, func(c faultfs.Call) error {
			if c.Op == faultfs.OpSync {
				return syscall.EIO
			}
			return nil
		})
		if step(3, time.Minute); reported.Load() != 1 {
			t.Errorf("a minute of failing syncs was reported %d times, want once", reported.Load())
		}
		f.Fail(false, nil)
		if got := step(4, 2*time.Second); got.Syncs == start+1 || got.Compactions < 2 {
			t.Errorf("it did not recover: %+v", got)
		}
	})
}

// FuzzJournal reads arbitrary journals: it must only fail for a newer format,
// and writing what it read must read the same.
func FuzzJournal(f *testing.F) {
	whole := encode(sample()...)
	f.Add([]byte{})
	f.Add(whole)
	f.Add(whole[:40])
	f.Add(bytes.Repeat([]byte{mark, kindEntry}, 64))
	r := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		b := slices.Clone(whole)
		b[r.IntN(len(b))] ^= 1
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// Right checksums let the fuzzer get past them.
		for _, honest := range []bool{false, true} {
			if honest {
				b = withChecksums(b)
			}
			c, err := readJournal(bytes.NewReader(b))
			if err != nil {
				if !errors.Is(err, errFuture) {
					t.Fatal(err)
				}
				continue
			}
			if c.slots != int64(len(b)/recordSize) || c.damaged > uint64(c.slots) {
				t.Fatalf("%d octets: %+v", len(b), c)
			}
			var records []record
			for src, e := range c.newest {
				if src != e.Src || store.CheckReplay([]store.ReplayEntry{e}) != nil {
					t.Fatalf("it accepted %v", e)
				}
				records = append(records, record{kind: kindEntry, entry: e})
			}
			again, err := readJournal(bytes.NewReader(encode(records...)))
			if err != nil || again.damaged+again.torn != 0 || !maps.Equal(again.newest, c.newest) {
				t.Fatalf("got %+v, %v after writing %v", again, err, c.newest)
			}
		}
	})
}

func withChecksums(b []byte) []byte {
	b = slices.Clone(b)
	for at := 0; at+recordSize <= len(b); at += recordSize {
		sum := checksum(int64(at/recordSize), b[at:at+12])
		binary.BigEndian.PutUint32(b[at+12:], sum)
	}
	return b
}
