package watch

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// disk is a store whose operations fail, take a time, or hang.
type disk struct {
	store.Store
	mu    sync.Mutex
	err   error
	takes time.Duration
}

func (d *disk) set(err error, takes time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.takes = err, takes
}

func (d *disk) do() error {
	d.mu.Lock()
	err, takes := d.err, d.takes
	d.mu.Unlock()
	time.Sleep(takes)
	return err
}

func (d *disk) Tables() ([]store.Table, error) {
	if err := d.do(); err != nil {
		return nil, err
	}
	return d.Store.Tables()
}

func (d *disk) Apply(changes ...store.Change) error {
	if err := d.do(); err != nil {
		return err
	}
	return d.Store.Apply(changes...)
}

func (d *disk) AppendReplay(e []store.ReplayEntry) error {
	if err := d.do(); err != nil {
		return err
	}
	return d.Store.AppendReplay(e)
}

func (d *disk) Sync() error  { return d.do() }
func (d *disk) Close() error { return d.do() }

// bench is a watched disk and what was told about it.
type bench struct {
	*Store
	disk *disk
	told []string
}

func start() *bench {
	b := &bench{disk: &disk{Store: store.NewMemory()}}
	b.Store = New(b.disk, "/store")
	b.Watch(func(err error) { b.told = append(b.told, fmt.Sprint(err)) })
	return b
}

// expect expects what was told since the last time; each text contains its word.
func (b *bench) expect(t *testing.T, words ...string) {
	t.Helper()
	synctest.Wait()
	ok := len(b.told) == len(words)
	for i, word := range words {
		ok = ok && strings.Contains(b.told[i], word)
	}
	if !ok {
		t.Errorf("told %q, expected %q", b.told, words)
	}
	b.told = nil
	if bad := b.Trouble() != nil; len(words) > 0 && bad != (words[len(words)-1] != "nil") {
		t.Errorf("the trouble is %v", b.Trouble())
	}
}

func change() store.Change { return store.Change{Table: "t", Key: "k", Value: []byte{1}} }

// A failure that somebody tries again is told once, and ends when that succeeds.
func TestFailureThatIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start()
		if err := b.Apply(change()); err != nil {
			t.Fatal(err)
		}
		b.expect(t)
		b.disk.set(syscall.ENOSPC, 0)
		for range 30 {
			if err := b.AppendReplay(nil); !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		b.expect(t, "free some space")
		if err := b.Trouble(); !errors.Is(err, ErrTrouble) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/store") {
			t.Errorf("the trouble is %v", err)
		}
		b.disk.set(nil, 0)
		if err := b.AppendReplay(nil); err != nil {
			t.Fatal(err)
		}
		b.expect(t, "nil")
	})
}

// A failure that nobody tries again ends when the store works: it is tried here.
func TestFailureThatNobodyTriesAgain(t *testing.T) {
	for name, operation := range map[string]func(b *bench) error{
		"read":  func(b *bench) error { _, err := b.Tables(); return err },
		"write": func(b *bench) error { return b.Apply(change()) },
		"sync":  func(b *bench) error { return b.Sync() },
		"background": func(b *bench) error {
			ended := b.Syncing()
			err := b.disk.do()
			ended(err)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start()
				b.disk.set(syscall.EIO, 0)
				if err := operation(b); !errors.Is(err, syscall.EIO) {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				b.expect(t, "kernel log")
				b.disk.set(nil, 0)
				time.Sleep(5 * time.Second)
				b.expect(t, "nil")
			})
		})
	}
}

// An error that says nothing about the disk is no trouble.
func TestHarmlessErrors(t *testing.T) {
	b := start()
	for _, err := range []error{store.ErrNotFound, store.ErrInvalid, store.ErrClosed} {
		b.disk.set(err, 0)
		if got := b.Apply(change()); !errors.Is(got, err) || b.Trouble() != nil {
			t.Errorf("%v: %v, %v", err, got, b.Trouble())
		}
	}
}

// An operation that takes seconds is told while it runs. The store counts as slow until
// it has kept the time for a while.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start()
		b.disk.set(nil, Late-1)
		for range 10 {
			_ = b.Apply(change()) // in time
		}
		b.expect(t)
		b.disk.set(nil, time.Hour)
		go func() { _ = b.AppendReplay(nil) }()
		time.Sleep(Late + glance)
		b.expect(t, "a write of the replay journal takes more than 2s")
		time.Sleep(time.Hour)
		b.expect(t)
		time.Sleep(calm + again)
		b.expect(t, "nil")
		b.disk.set(nil, 5*time.Second)
		for range 5 {
			_ = b.Apply(change())
			time.Sleep(time.Second)
		}
		b.expect(t, "too slow") // once
		b.disk.set(syscall.EIO, 5*time.Second)
		_ = b.Apply(change())
		b.expect(t, "input/output error") // is the better reason
	})
}

// Who comes late is told about the trouble that there is.
func TestWatchDuringTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start()
		b.disk.set(syscall.EROFS, 0)
		_ = b.Apply(change())
		var told error
		b.Watch(func(err error) { told = err })
		if !errors.Is(told, syscall.EROFS) {
			t.Errorf("told %v", told)
		}
		if err := b.Close(); err == nil {
			t.Error("no error")
		}
	})
}

// Close does not wait for a store that hangs.
func TestCloseOfAStoreThatHangs(t *testing.T) {
	for _, known := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := start()
			b.disk.set(nil, time.Hour)
			go func() { _ = b.Apply(change()) }()
			patience := closing
			if known {
				time.Sleep(time.Minute)
				patience = closingLate
			}
			synctest.Wait()
			began := time.Now()
			if err := b.Close(); err == nil || !strings.Contains(err.Error(), "/store") {
				t.Errorf("got %v", err)
			}
			if d := time.Since(began); d != patience {
				t.Errorf("it took %s", d)
			}
			time.Sleep(2 * time.Hour)
		})
	}
}

// Watching allocates nothing.
func TestWatchingAllocatesNothing(t *testing.T) {
	s := New(store.NewMemory(), "")
	_ = s.Sync()
	if n := testing.AllocsPerRun(1000, func() { _ = s.Sync() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWatch(b *testing.B) {
	memory := store.NewMemory()
	for name, s := range map[string]store.Store{"alone": memory, "watched": New(memory, "")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = s.Sync()
			}
		})
	}
}
