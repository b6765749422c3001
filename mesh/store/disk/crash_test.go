package disk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/faultfs"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

const (
	testJournal = "dir/replay.journal"
	testCopy    = "dir/replay.copy"
)

// openTestJournal opens a journal of no store, or makes it.
func openTestJournal(f filesystem.System, compact int64) (*journal, error) {
	return openJournal([copies]string{testJournal, testCopy}, f, journalOptions{compact: compact, fresh: true})
}

// readRecords reads one file of a journal.
func readRecords(data []byte) (contents, error) {
	r := &replica{path: testJournal}
	err := r.decode(data)
	return merge([copies]*replica{r, {path: "copy", missing: true}}, 0, position{}), err
}

// promises is what a journal has acknowledged.
type promises struct {
	written map[mesh.Address]store.ReplayEntry // by append: survives a kill
	synced  map[mesh.Address]store.ReplayEntry // by sync: survives a power cut
	failed  int                                // calls that returned an error
}

func newPromises() *promises {
	return &promises{written: map[mesh.Address]store.ReplayEntry{}, synced: map[mesh.Address]store.ReplayEntry{}}
}

// work appends to the journal on f, with a sync now and then and a rewrite
// every few records, and records what it was promised. It continues after
// errors, as a node does.
func (p *promises) work(f *faultfs.Memory, steps int) {
	j, err := openTestJournal(f, 24)
	if err != nil {
		p.failed++
		return
	}
	for i := range steps {
		batch := []store.ReplayEntry{
			{Src: mesh.Address(1 + i%3), IVIndex: mesh.IVIndex(i / 40), Seq: mesh.SequenceNumber(i)},
			{Src: mesh.Address(4 + i%2), IVIndex: 7, Seq: mesh.SequenceNumber(i)},
		}
		if i%5 == 0 { // a source that occurs once and is not repeated later
			batch = append(batch, store.ReplayEntry{Src: mesh.Address(100 + i), Seq: 1})
		}
		if err := j.append(batch); err != nil {
			p.failed++
		} else {
			for _, e := range batch {
				p.written[e.Src] = e
			}
		}
		if i%5 == 4 {
			if err := j.sync(); err != nil {
				p.failed++
			} else {
				for src, e := range p.written {
					p.synced[src] = e
				}
			}
		}
	}
	_ = j.close()
}

// wantPromises opens the journal on f and compares.
func wantPromises(t *testing.T, f *faultfs.Memory, want map[mesh.Address]store.ReplayEntry) {
	t.Helper()
	f.Fail(false, nil)
	j, err := openTestJournal(f, compactSlots)
	if err != nil {
		t.Errorf("reopen: %v", err)
		return
	}
	for src, e := range want {
		if got, ok := j.newest[src]; !ok || e.Newer(got) {
			t.Errorf("source %v: promised %v, found %v", src, e, got)
		}
	}
	// And it works again.
	last := store.ReplayEntry{Src: 9, IVIndex: 0xFFFFFFFF, Seq: mesh.MaxSequenceNumber}
	if err := errors.Join(j.append([]store.ReplayEntry{last}), j.sync(), j.close()); err != nil {
		t.Error(err)
	}
	check(t, f, last)
}

// check reads a journal that must be undamaged.
func check(t *testing.T, f *faultfs.Memory, want store.ReplayEntry) {
	t.Helper()
	data, _ := f.Content(testJournal)
	c, err := readRecords(data)
	if err != nil || c.lost+c.unsynced > 0 || c.torn > 0 || c.newest[want.Src] != want {
		t.Errorf("after all: %+v, %v", c, err)
	}
}

// crashSteps ends the workload with several syncs after the last rewrite, which
// repairs what a wrong sync lost.
const crashSteps = 55

// callsOf counts the calls of the workload if nothing fails.
func callsOf(t *testing.T) int {
	t.Helper()
	f, p := faultfs.NewMemory(), newPromises()
	p.work(f, crashSteps)
	wantPromises(t, f, p.synced)
	if p.failed > 0 || len(p.synced) != 5+crashSteps/5 {
		t.Fatalf("the workload fails without a fault: %+v", p)
	}
	return f.Calls()
}

// TestKilledAtEveryCall stops everything before each call of the file system,
// and in the middle of each write: what append promised is there.
func TestKilledAtEveryCall(t *testing.T) {
	dead := errors.New("killed")
	calls := callsOf(t)
	for _, short := range []bool{false, true} {
		for n := 1; n <= calls; n++ {
			f, p := faultfs.NewMemory(), newPromises()
			f.Fail(short, func(c faultfs.Call) error {
				if c.Number >= n {
					return dead
				}
				return nil
			})
			p.work(f, crashSteps)
			wantPromises(t, f, p.written)
			if t.Failed() {
				t.Fatalf("killed at call %d of %d, short writes %v", n, calls, short)
			}
		}
	}
}

// TestPowerCutAtEveryCall does the same for the power: what sync promised is
// there, whichever part of the rest is.
func TestPowerCutAtEveryCall(t *testing.T) {
	dead := errors.New("no power")
	calls := callsOf(t)
	for n := 1; n <= calls; n++ {
		for seed := range uint64(8) {
			f, p := faultfs.NewMemory(), newPromises()
			f.Fail(false, func(c faultfs.Call) error {
				if c.Number >= n {
					return dead
				}
				return nil
			})
			// A failing sync is a cut before it. It must not count as one that
			// discarded its pages.
			p.work(f, crashSteps)
			wantPromises(t, f.CutPower(rand.New(rand.NewPCG(seed, uint64(n)))), p.synced)
			if t.Failed() {
				t.Fatalf("power cut at call %d of %d, seed %d", n, calls, seed)
			}
		}
	}
}

// TestOneFailureAtEveryCall makes one call fail and the next ones succeed: the
// journal recovers by itself, and its promises hold even after a power cut.
func TestOneFailureAtEveryCall(t *testing.T) {
	calls := callsOf(t)
	for _, short := range []bool{false, true} {
		for n := 1; n <= calls; n++ {
			f, p := faultfs.NewMemory(), newPromises()
			f.Fail(short, func(c faultfs.Call) error {
				if c.Number == n {
					return syscall.EIO
				}
				return nil
			})
			p.work(f, crashSteps)
			if p.failed > 3 {
				t.Errorf("one failure became %d", p.failed)
			}
			wantPromises(t, f.CutPower(rand.New(rand.NewPCG(1, uint64(n)))), p.synced)
			wantPromises(t, f, p.written)
			if t.Failed() {
				t.Fatalf("failure of call %d of %d, short writes %v", n, calls, short)
			}
		}
	}
}

func TestDiskFull(t *testing.T) {
	f := faultfs.NewMemory()
	j, err := openTestJournal(f, 24)
	if err != nil {
		t.Fatal(err)
	}
	first := store.ReplayEntry{Src: 1, Seq: 1}
	if err := j.append([]store.ReplayEntry{first}); err != nil {
		t.Fatal(err)
	}
	f.Fail(true, func(c faultfs.Call) error {
		if c.Op == faultfs.OpWrite || c.Op == faultfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	})
	second := store.ReplayEntry{Src: 1, Seq: 2}
	err = j.append([]store.ReplayEntry{second})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), testJournal) {
		t.Errorf("got %v, want ENOSPC and the path", err)
	}
	if got, _ := j.entries(); !slices.Equal(got, []store.ReplayEntry{first}) {
		t.Errorf("an entry that was not written is in the list: %v", got)
	}
	f.Fail(false, nil)
	if err := j.append([]store.ReplayEntry{second}); err != nil {
		t.Errorf("with free space: %v", err)
	}
	if s := j.counters(); s.Failures != 1 {
		t.Errorf("counted %d failures, want 1", s.Failures)
	}
	check(t, f, second)
}

// TestNoRoomToRewrite has a journal that should be rewritten and cannot be: it
// is synced unchanged.
func TestNoRoomToRewrite(t *testing.T) {
	f := faultfs.NewMemory()
	j, err := openTestJournal(f, 4)
	if err != nil {
		t.Fatal(err)
	}
	f.Fail(false, func(c faultfs.Call) error {
		if c.Op == faultfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	})
	for seq := range mesh.SequenceNumber(8) {
		if err := j.append([]store.ReplayEntry{{Src: 1, Seq: seq}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.sync(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	data, synced := f.Content(testJournal)
	if !bytes.Equal(data, synced) || len(synced) != 11*recordSize {
		t.Errorf("%d octets of %d are synced", len(synced), len(data))
	}
}

// TestAppendWhileRewriting appends while the new file is being synced: the
// entries must get into the new file.
func TestAppendWhileRewriting(t *testing.T) {
	f := faultfs.NewMemory()
	j, err := openTestJournal(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(from, to mesh.SequenceNumber) {
		for seq := from; seq < to; seq++ {
			if err := j.append([]store.ReplayEntry{{Src: 1, Seq: seq}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(0, 10)
	syncs := 0
	f.Fail(false, func(c faultfs.Call) error {
		if c.Op == faultfs.OpSync {
			if syncs++; syncs == 1 {
				f.Unlocked(func() {
					fill(10, 13)
					if err := j.forget([]mesh.Address{1}); err != nil {
						t.Error(err)
					}
					fill(5, 6)
				})
			}
		}
		return nil
	})
	if err := j.sync(); err != nil {
		t.Fatal(err)
	}
	if syncs != copies {
		t.Fatalf("%d syncs, want the %d of the rewriting", syncs, copies)
	}
	f.Fail(false, nil)
	check(t, f, store.ReplayEntry{Src: 1, Seq: 5})
	if s := j.counters(); s.JournalRecords != headerSlots+1+1+5 || s.Compactions != 2 {
		t.Errorf("got %+v, want 9 records after 2 compactions", s)
	}
	if j.mu.Lock(); !j.dirty {
		t.Error("entries appended meanwhile count as synced")
	}
	j.mu.Unlock()
}
