package writer

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// disk is a store that counts what it is given, and can be slow and broken.
type disk struct {
	store.Store
	mu      sync.Mutex
	applied [][]store.Change
	broken  error
	slow    time.Duration
}

func (d *disk) Apply(changes ...store.Change) error {
	d.mu.Lock()
	slow, broken := d.slow, d.broken
	d.mu.Unlock()
	time.Sleep(slow)
	d.mu.Lock()
	d.applied = append(d.applied, slices.Clone(changes))
	d.mu.Unlock()
	if broken != nil {
		return broken
	}
	return d.Store.Apply(changes...)
}

func (d *disk) set(broken error, slow time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken, d.slow = broken, slow
}

func (d *disk) batches() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.applied)
}

// world is a writer whose loop is the test itself.
type world struct {
	*Writer
	disk     *disk
	watched  *watch.Store
	reported []error
	posted   chan func()
	stop     context.CancelFunc
	ended    chan error
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{disk: &disk{Store: store.NewMemory()}, posted: make(chan func(), 100), ended: make(chan error, 1)}
	w.watched = watch.New(w.disk, "/store")
	w.watched.Watch(func(err error) { w.reported = append(w.reported, err) })
	w.Writer = New(w.watched, func(f func()) { w.posted <- f })
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() { w.ended <- w.Run(ctx) }()
	return w
}

// turn is one turn of the loop: it hands changes over and runs what was posted.
func (w *world) turn(d time.Duration) {
	w.Flush()
	time.Sleep(d)
	synctest.Wait()
	for {
		select {
		case f := <-w.posted:
			f()
		default:
			return
		}
	}
}

func (w *world) save(t *testing.T, key, value string) {
	t.Helper()
	if err := w.Save(change(key, value)); err != nil {
		t.Fatal(err)
	}
}

func change(key, value string) store.Change {
	return store.Change{Table: "t", Key: key, Value: []byte(value)}
}

func (w *world) expect(t *testing.T, key, value string) {
	t.Helper()
	got, err := w.disk.Get("t", key)
	if errors.Is(err, store.ErrNotFound) {
		got, err = nil, nil
	}
	if err != nil || string(got) != value {
		t.Errorf("%s is %q, %v, expected %q", key, got, err, value)
	}
}

func TestWaitingChangesAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		w.disk.set(nil, time.Second)
		w.save(t, "a", "1")
		w.turn(0) // the disk is busy with this one
		for _, v := range []string{"2", "3", "4"} {
			w.save(t, "a", v)
			w.save(t, "b", v)
			w.turn(0)
		}
		w.turn(5 * time.Second)
		w.expect(t, "a", "4")
		w.expect(t, "b", "4")
		if got := w.disk.batches(); got != 2 {
			t.Errorf("%d batches were applied, expected 2", got)
		}
		if got := len(w.disk.applied[1]); got != 2 {
			t.Errorf("%d changes in the second batch, expected one for each key", got)
		}
		w.stop()
		<-w.ended
	})
}

// What waits for a slow store does not grow with the number of changes.
func TestQueueIsBoundedByTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		w.disk.set(nil, time.Hour)
		w.save(t, "a", "0")
		w.turn(0) // the disk is busy with this one
		for i := range 10_000 {
			w.save(t, strconv.Itoa(i%10), strconv.Itoa(i))
			w.turn(0)
		}
		w.mu.Lock()
		waiting := len(w.queue.saved)
		w.mu.Unlock()
		if waiting > 1000 {
			t.Errorf("%d changes of 10 keys wait", waiting)
		}
		w.disk.set(nil, 0)
		w.turn(2 * time.Hour)
		w.expect(t, "9", "9999")
		w.stop()
		<-w.ended
	})
}

func TestSavedChangesAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		full := errors.New("no space left on device")
		w.disk.set(full, 0)
		w.save(t, "a", "1")
		w.turn(3 * time.Second)
		w.save(t, "a", "2") // newer than what is tried again
		w.turn(3 * time.Second)
		if len(w.reported) != 1 || !errors.Is(w.reported[0], full) {
			t.Errorf("reported %v, expected the failure once", w.reported)
		}
		w.disk.set(nil, 0)
		w.turn(2 * time.Second)
		w.expect(t, "a", "2")
		if len(w.reported) != 2 || w.reported[1] != nil {
			t.Errorf("reported %v, expected that it works again", w.reported)
		}
		w.stop()
		if err := <-w.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestCommitTellsWhatCameOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		full := errors.New("no space left on device")
		var outcomes []error
		done := func(err error) { outcomes = append(outcomes, err) }
		w.Commit(done, change("a", "1"))
		if w.turn(0); len(outcomes) != 1 || outcomes[0] != nil {
			t.Fatalf("outcomes %v, expected success", outcomes)
		}
		w.disk.set(full, 0)
		w.Commit(done, change("a", "2"))
		w.turn(0)
		w.disk.set(nil, 0)
		w.turn(5 * time.Second)
		if len(outcomes) != 2 || !errors.Is(outcomes[1], full) {
			t.Errorf("outcomes %v, expected the failure", outcomes)
		}
		w.expect(t, "a", "1") // it is not tried again
		w.Commit(done, store.Change{Table: "t", Key: strings.Repeat("x", store.MaxKeySize+1)})
		if w.turn(0); len(outcomes) != 3 || !errors.Is(outcomes[2], store.ErrInvalid) {
			t.Errorf("outcomes %v, expected one outside the limits", outcomes)
		}
		w.stop()
		<-w.ended
	})
}

// After waits for what was saved before, and does not wait when there is nothing.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		w.turn(0)
		ran := 0
		w.After(func() { ran++ })
		if ran != 1 {
			t.Error("it waited for nothing")
		}
		w.disk.set(nil, time.Second)
		w.save(t, "a", "1")
		w.After(func() { ran++; w.expect(t, "a", "1") })
		w.turn(0)
		w.After(func() { ran++ }) // the disk is still busy
		if ran != 1 {
			t.Error("it did not wait")
		}
		if w.turn(3 * time.Second); ran != 3 {
			t.Errorf("%d functions ran, expected 3", ran)
		}
		w.disk.set(errors.New("broken"), 0)
		w.save(t, "a", "2")
		w.After(func() { ran++ })
		if w.turn(0); ran != 4 {
			t.Error("it waits for a store that has failed")
		}
		w.disk.set(nil, 0)
		w.turn(2 * time.Second)
		w.stop()
		<-w.ended
	})
}

// Finish is for the end: nothing that was handed over is lost, and what the store
// did not take is told.
func TestFinish(t *testing.T) {
	for _, broken := range []error{nil, errors.New("no space left on device")} {
		synctest.Test(t, func(t *testing.T) {
			w := start(t)
			w.disk.set(broken, time.Second)
			for _, v := range []string{"1", "2", "3"} {
				w.save(t, v, v)
				w.turn(0)
			}
			if !w.Finish(t.Context()) {
				t.Error("it was given up")
			}
			w.stop()
			err := <-w.ended
			if !errors.Is(err, broken) || (err == nil) != (broken == nil) {
				t.Errorf("got %v, expected %v", err, broken)
			}
			if broken != nil {
				if !strings.Contains(err.Error(), "3 changes") {
					t.Errorf("got %v, expected how much is lost", err)
				}
				return
			}
			for _, v := range []string{"1", "2", "3"} {
				w.expect(t, v, v)
			}
		})
	}
}

func TestSaveRefusesWhatCannotBeStored(t *testing.T) {
	w := New(store.NewMemory(), nil)
	if err := w.Save(store.Change{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("got %v, expected a change outside the limits", err)
	}
	if w.Flush() {
		t.Error("it would be tried")
	}
}

// While the store hangs, who waits for an outcome gets one in the end, and later ones
// at once. Who waits for its turn still does.
func TestHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		w.disk.set(nil, time.Hour)
		var committed, stored, later []error
		ordered := false
		w.Commit(func(err error) { committed = append(committed, err) }, change("a", "1"))
		w.turn(0)
		w.save(t, "b", "1")
		w.Stored(func(err error) { stored = append(stored, err) })
		w.After(func() { ordered = true })
		w.turn(0)
		for range 20 {
			w.turn(time.Second)
			w.GiveUp()
		}
		for name, got := range map[string][]error{"Commit": committed, "Stored": stored} {
			if len(got) != 1 || !errors.Is(got[0], watch.ErrTrouble) {
				t.Errorf("%s: %v, expected one error", name, got)
			}
		}
		w.Stored(func(err error) { later = append(later, err) })
		if len(later) != 1 || !errors.Is(later[0], watch.ErrTrouble) {
			t.Errorf("Stored of a store that hangs: %v, expected an error at once", later)
		}
		w.Commit(func(err error) { later = append(later, err) }, change("a", "2"))
		if w.turn(0); len(later) != 2 || !errors.Is(later[1], watch.ErrTrouble) {
			t.Errorf("Commit to a store that hangs: %v, expected an error at once", later)
		}
		if ordered || w.Waiting() != 1 {
			t.Errorf("ordered: %t, %d wait, expected the one that waits for its turn", ordered, w.Waiting())
		}
		if got := w.Unwritten()["t"]; got != 2 {
			t.Errorf("%d changes are not written, expected 2", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if w.Finish(ctx) {
			t.Error("it finished")
		}
		w.disk.set(nil, 0)
		w.turn(2 * time.Hour)
		w.expect(t, "a", "1") // it was given to the store before
		w.expect(t, "b", "1")
		if !ordered || len(committed) != 1 || len(stored) != 1 || w.Waiting() != 0 || len(w.Unwritten()) != 0 {
			t.Errorf("ordered: %t, committed %v, stored %v, %d wait, unwritten %v", ordered, committed, stored, w.Waiting(), w.Unwritten())
		}
		w.stop()
		<-w.ended
	})
}

// At the end everybody who waits is told, also who begins to wait because of that.
func TestAbandon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		w.disk.set(nil, time.Hour)
		ended := errors.New("ended")
		var told []error
		w.Commit(func(err error) {
			told = append(told, err)
			w.Stored(func(err error) { told = append(told, err) })
		}, change("a", "1"))
		w.turn(0)
		w.Abandon(ended)
		if !slices.Equal(told, []error{ended, ended}) {
			t.Errorf("told %v", told)
		}
		w.turn(2 * time.Hour)
		w.stop()
		<-w.ended
	})
}
