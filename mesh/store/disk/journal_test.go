package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
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

// encode writes records after a header and an origin, each into its slot.
func encode(records ...record) []byte {
	b := appendRecord(nil, 0, headerRecord())
	b = appendRecord(b, 1, record{kind: kindOrigin, number: 1})
	for i, r := range records {
		b = appendRecord(b, int64(headerSlots+i), r)
	}
	return b
}

// encodeBefore is encode in the form of the older version.
func encodeBefore(records ...record) []byte {
	b := appendRecord(nil, 0, record{kind: kindHeader, version: journalBefore})
	for i, r := range records {
		b = appendRecord(b, int64(1+i), r)
	}
	return b
}

// both merges two files of a journal.
func both(t *testing.T, a, b []byte, atLeast position) contents {
	t.Helper()
	first, second := &replica{path: "journal"}, &replica{path: "copy"}
	if err := errors.Join(first.decode(a), second.decode(b)); err != nil {
		t.Fatal(err)
	}
	return merge([copies]*replica{first, second}, 0, atLeast)
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

func TestRecordLayout(t *testing.T) {
	b := encode(entryRecord(0x1234, 0xA1B2C3D4, 0x00E5F607), record{kind: kindSynced, number: 3})
	want := []byte{
		0xB7, 'H', 0, 0, 'r', 'e', 'p', 'l', 'a', 'y', 0, 2, 0, 0, 0, 0,
		0xB7, 'I', 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
		0xB7, 'E', 0x12, 0x34, 0xA1, 0xB2, 0xC3, 0xD4, 0x00, 0xE5, 0xF6, 0x07, 0, 0, 0, 0,
		0xB7, 'S', 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0,
	}
	got := slices.Clone(b)
	for slot := 0; slot < len(got); slot += recordSize {
		clear(got[slot+12 : slot+16])
	}
	if !bytes.Equal(got, want) {
		t.Errorf("without checksums %x, want %x", got, want)
	}
}

// TestCutAtEveryOctet cuts both files of a journal at every offset. What is
// before the cut counts; what was synced and is behind it is lost.
func TestCutAtEveryOctet(t *testing.T) {
	records := sample()
	whole := encode(records...)
	for cut := range len(whole) + 1 {
		for _, synced := range []uint32{0, 2, 5, uint32(len(whole) / recordSize)} {
			c := both(t, whole[:cut], whole[:cut], position{generation: 1, slots: synced})
			slots := cut / recordSize
			want := replayed(records[:max(slots-headerSlots, 0)])
			lost := slots < headerSlots || slots < int(synced)
			if !maps.Equal(c.newest, want) || (c.lost > 0) != lost {
				t.Errorf("cut at %d, %d synced: got %+v, want %v and lost %v", cut, synced, c, want, lost)
			}
		}
	}
}

// TestOneFileIsEnough changes each bit of one of the two files, cuts it at every
// octet, empties and removes it: nothing is lost, and each of it is found.
func TestOneFileIsEnough(t *testing.T) {
	records := sample()
	whole := encode(records...)
	want := replayed(records)
	try := func(what string, b []byte) {
		t.Helper()
		for _, c := range []contents{both(t, b, whole, position{}), both(t, whole, b, position{})} {
			if !maps.Equal(c.newest, want) || c.lost > 0 || c.whole || len(c.findings) == 0 {
				t.Fatalf("%s: got %+v, want %v and a finding", what, c, want)
			}
		}
	}
	for bit := range 8 * len(whole) {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if bit/8 == 11 {
			continue // another version: TestFutureFormats
		}
		try("changed", b)
	}
	for cut := range whole {
		try("cut", whole[:cut])
	}
	try("enlarged", append(slices.Clone(whole), make([]byte, 4096)...))
	if c := both(t, whole, whole, position{generation: 1, slots: 9}); !c.whole || len(c.findings) > 0 {
		t.Errorf("undamaged: got %+v", c)
	}
}

// TestEveryBitFlipOfBoth changes each bit of both files: exactly that record is
// rejected. It is lost if it was synced.
func TestEveryBitFlipOfBoth(t *testing.T) {
	records := sample()
	records = slices.Insert(records, 4, record{kind: kindSynced, number: 6})
	whole := encode(records...)
	for bit := 8 * headerSlots * recordSize; bit < 8*len(whole); bit++ {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		slot := bit / 8 / recordSize
		rest := slices.Delete(slices.Clone(records), slot-headerSlots, slot-headerSlots+1)
		c := both(t, b, b, position{})
		if want := replayed(rest); !maps.Equal(c.newest, want) || (c.lost == 1) != (slot < 6) || c.lost+c.unsynced != 1 {
			t.Fatalf("bit %d: got %+v, want %v and one damaged", bit, c, want)
		}
	}
}

// TestStrayRecords has valid records in places where they were not written, in
// both files.
func TestStrayRecords(t *testing.T) {
	whole := encode(sample()...)
	swapped := slices.Concat(whole[:32], whole[48:64], whole[32:48], whole[64:])
	zeros := append(slices.Clone(whole[:48]), make([]byte, 4096)...)
	for name, test := range map[string]struct {
		b       []byte
		damaged int64
	}{
		"two records swapped":        {swapped, 2},
		"an enlarged file":           {zeros, 256},
		"header in a later slot":     {appendRecord(whole[:32:32], 2, headerRecord()), 1},
		"origin in a later slot":     {appendRecord(whole[:32:32], 2, record{kind: kindOrigin}), 1},
		"group address as source":    {encode(entryRecord(0xC000, 2, 3)), 1},
		"sequence number of 25 bits": {encode(entryRecord(1, 2, 1<<24)), 1},
		"unknown kind":               {encode(record{kind: 'X'}), 1},
		"forgetting a group address": {encode(record{kind: kindForget}), 1},
		"only a header":              {whole[:32], 0},
	} {
		t.Run(name, func(t *testing.T) {
			if c := both(t, test.b, test.b, position{}); c.unsynced != test.damaged || c.lost > 0 {
				t.Errorf("got %+v, want %d damaged", c, test.damaged)
			}
		})
	}
	for name, b := range map[string][]byte{
		"entry in the header's slot": appendRecord(nil, 0, entryRecord(1, 2, 3)),
		"entry in the origin's slot": appendRecord(whole[:16:16], 1, entryRecord(1, 2, 3)),
		"another file":               bytes.Repeat([]byte("text "), 32),
		"damage of the header only":  append(make([]byte, 16), whole[16:]...),
		"empty file":                 nil,
	} {
		t.Run(name, func(t *testing.T) {
			if c := both(t, b, b, position{generation: 1, slots: 3}); c.lost == 0 {
				t.Errorf("got %+v, want that it is lost", c)
			}
		})
	}
}

// TestJournalBefore reads journals of the older version, which has one file.
func TestJournalBefore(t *testing.T) {
	records := sample()
	whole := encodeBefore(records...)
	early := encodeBefore(slices.Concat(records, slices.Repeat(sample(), 200))...)
	early[20] ^= 1
	late := slices.Clone(whole)
	late[len(late)-1] ^= 1
	header := slices.Clone(whole)
	header[3] ^= 1
	for name, test := range map[string]struct {
		b              []byte
		lost, findings bool
	}{
		"whole":                {whole, false, false},
		"damaged long ago":     {early, true, false},
		"damaged at its end":   {late, false, true},
		"damage of its header": {header, false, true},
		"cut within a record":  {whole[:len(whole)-3], false, true},
		"empty":                {nil, true, false},
		"another file":         {bytes.Repeat([]byte("text "), 32), true, true},
		"another store's":      {append(appendRecord(appendRecord(nil, 0, headerRecord()), 1, record{kind: kindOrigin, number: 4, id: 9}), whole[32:]...), true, false},
		"missing":              {nil, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &replica{missing: name == "missing"}
			if err := r.decode(test.b); err != nil {
				t.Fatal(err)
			}
			c := merge([copies]*replica{r, {missing: true}}, 0, position{})
			if (c.lost > 0) != test.lost || (len(c.findings) > 0) != test.findings || c.whole {
				t.Errorf("got %+v", c)
			}
			if !test.lost && name != "damaged at its end" && name != "cut within a record" && !maps.Equal(c.newest, replayed(records)) {
				t.Errorf("got %v", c.newest)
			}
		})
	}
}

// TestTornTailIsRepaired cuts one file of a journal: it is whole after opening.
func TestTornTailIsRepaired(t *testing.T) {
	whole := encode(sample()...)
	for _, cut := range []int{0, 5, recordSize, 2*recordSize + 1, len(whole) - 1} {
		f := faultfs.NewMemory()
		f.Put(testJournal, whole[:cut])
		f.Put(testCopy, whole)
		j, err := openTestJournal(f, 0)
		if err != nil {
			t.Fatal(err)
		}
		next := store.ReplayEntry{Src: 0x0100, IVIndex: 1, Seq: 2}
		if err := errors.Join(j.append([]store.ReplayEntry{next}), j.seal(), j.close()); err != nil {
			t.Fatal(err)
		}
		again, err := openTestJournal(f, 0)
		if err != nil || len(again.findings) > 0 {
			t.Errorf("cut at %d: still damaged after repair: %v, %v", cut, again.findings, err)
		}
		if got := again.newest[next.Src]; got != next {
			t.Errorf("cut at %d: appended %v, found %v", cut, next, got)
		}
		a, _ := f.Content(testJournal)
		b, _ := f.Content(testCopy)
		if !bytes.Equal(a, b) {
			t.Errorf("cut at %d: the files differ", cut)
		}
	}
}

func TestJournalOfAbsurdSize(t *testing.T) {
	if err := (&replica{}).decode(make([]byte, (recordLimit+1)*recordSize)); err == nil {
		t.Error("an endless journal was read")
	}
}

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
	info, err := os.Stat(s.journal.paths[0])
	if err != nil || info.Size() != int64(stats.JournalRecords)*recordSize {
		t.Errorf("the file has %d octets for %d records, %v", info.Size(), stats.JournalRecords, err)
	}
}

// TestOldEntriesAreNotWritten: a peer that repeats itself does not grow the
// file.
func TestOldEntriesAreNotWritten(t *testing.T) {
	f := faultfs.NewMemory()
	j, err := openTestJournal(f, compactSlots)
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
	f.Add(encodeBefore(sample()...))
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
			r := &replica{}
			if err := r.decode(b); err != nil {
				if !errors.Is(err, errFuture) {
					t.Fatal(err)
				}
				continue
			}
			c := merge([copies]*replica{r, {missing: true}}, r.id, position{})
			if c.lost+c.unsynced > int64(len(b)/recordSize)+1<<32 || c.slots > int64(len(b)/recordSize) {
				t.Fatalf("%d octets: %+v", len(b), c)
			}
			var records []record
			for src, e := range c.newest {
				if src != e.Src || store.CheckReplay([]store.ReplayEntry{e}) != nil {
					t.Fatalf("it accepted %v", e)
				}
				records = append(records, record{kind: kindEntry, entry: e})
			}
			whole := encode(records...)
			if again := both(t, whole, whole, position{}); !again.whole || !maps.Equal(again.newest, c.newest) {
				t.Fatalf("got %+v after writing %v", again, c.newest)
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
