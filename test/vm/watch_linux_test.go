package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watch tells a guest that hangs from one that is slow. It is told what the guest
// does and how much time passes. Its limits are silences: a guest may take as
// long as it likes while it shows that it gets on. And they count only time in
// which the emulator had a CPU when it wanted one (see ownTime), so that they
// stretch on a busy machine.
type watch struct {
	boot time.Duration // most without anything on the console, until the tests begin
	life time.Duration // most without a heartbeat of the guest's init, from then on
	part time.Duration // most without a line of the tests

	began  bool // the tests have written a line
	wrote  bool // the guest has written something since the last look
	tested bool // its tests have
	// Since when nothing was written, on the console or by a test, and by a test.
	quiet, idle moment
}

func newWatch() *watch {
	return &watch{
		boot: 15 * time.Second, // a good boot is silent for two seconds at most
		life: time.Minute,
		// More than any wait within a test, so that the test can say itself what
		// did not come.
		part: 10 * time.Minute,
	}
}

// console notes that the kernel or the guest's init wrote something.
func (w *watch) console() { w.wrote = true }

// line notes a line of the tests.
func (w *watch) line() { w.began, w.wrote, w.tested = true, true, true }

// look is called now and then, and says what is wrong if a silence is too long.
func (w *watch) look(now moment) error {
	if w.wrote || w.quiet.at.IsZero() {
		w.quiet = now
	}
	if w.tested || w.idle.at.IsZero() {
		w.idle = now
	}
	w.wrote, w.tested = false, false
	quiet, idle := ownTime(w.quiet, now), ownTime(w.idle, now)
	switch {
	case !w.began && quiet >= w.boot:
		return fmt.Errorf("the guest hangs at boot: nothing on its console for %s", w.boot)
	case quiet >= w.life:
		return fmt.Errorf("the guest has died: no heartbeat of its init for %s", w.life)
	case idle >= w.part && w.began:
		return fmt.Errorf("the guest lives and its tests do not get on: no line of them for %s", w.part)
	case idle >= w.part:
		return fmt.Errorf("the guest lives and its tests do not begin: no line of them for %s", w.part)
	}
	return nil
}

// moment is a time, and how long each thread of a process had been waiting for a
// CPU until then, since it began.
type moment struct {
	at     time.Time
	waited map[string]time.Duration // by thread
}

// momentOf is now, of a process with this folder in /proc. Where the kernel does
// not tell who waits it is the time alone.
func momentOf(at time.Time, folder string) moment {
	m := moment{at: at, waited: map[string]time.Duration{}}
	threads, _ := filepath.Glob(filepath.Join(folder, "task", "*", "schedstat")) // the pattern is well-formed
	for _, path := range threads {
		// Nanoseconds on a CPU, nanoseconds waiting for one, number of turns
		// (Linux, Documentation/scheduler/sched-stats.rst). A wait counts when
		// it has ended.
		text, err := os.ReadFile(path)
		fields := strings.Fields(string(text))
		if err != nil || len(fields) != 3 {
			continue // the thread has ended
		}
		if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			m.waited[path] = time.Duration(n)
		}
	}
	return m
}

// ownTime is the time that a process had for itself between two moments: what
// passed on the clock, less what its most delayed thread spent waiting for a CPU.
func ownTime(from, to moment) time.Duration {
	most := time.Duration(0)
	for thread, waited := range to.waited {
		most = max(most, waited-from.waited[thread])
	}
	return max(0, to.at.Sub(from.at)-most)
}

// TestWatch has guests get on slowly, hang and die.
func TestWatch(t *testing.T) {
	const second = time.Second
	limits := newWatch()
	boot, life, part := int(limits.boot/second), int(limits.life/second), int(limits.part/second)
	for _, tt := range []struct {
		name string
		does func(w *watch, at int) // in each second
		ends int                    // the second in which the watch complains, 0 for never
		says string
	}{
		{"says nothing", func(*watch, int) {}, 1 + boot, "hangs at boot"},
		{"stops at boot", func(w *watch, at int) {
			if at <= 100 {
				w.console()
			}
		}, 100 + boot, "hangs at boot"},
		{"boots slowly", func(w *watch, at int) {
			if at%14 == 0 {
				w.console()
			}
			if at == 500 {
				w.line()
			}
			if at > 500 && at%59 == 0 {
				w.line()
			}
		}, 0, ""},
		{"never begins", func(w *watch, _ int) { w.console() }, 1 + part, "do not begin"},
		{"tests for hours", func(w *watch, at int) {
			w.console()
			if at%599 == 0 || at == 1 {
				w.line()
			}
		}, 0, ""},
		{"a test hangs", func(w *watch, at int) {
			w.console()
			if at <= 1000 {
				w.line()
			}
		}, 1000 + part, "do not get on"},
		{"dies in a test", func(w *watch, at int) {
			if at <= 1000 {
				w.line()
			}
		}, 1000 + life, "has died"},
	} {
		w, ended, said := newWatch(), 0, ""
		for at := 1; at < 20_000 && ended == 0; at++ {
			tt.does(w, at)
			if err := w.look(moment{at: time.Unix(int64(at), 0)}); err != nil {
				ended, said = at, err.Error()
			}
		}
		if ended != tt.ends || !strings.Contains(said, tt.says) {
			t.Errorf("a guest that %s: after %d s %q, expected %q after %d s", tt.name, ended, said, tt.says, tt.ends)
		}
	}
}

// TestOwnTime has the threads of a process wait for a CPU.
func TestOwnTime(t *testing.T) {
	folder := t.TempDir()
	set := func(thread, schedstat string) {
		t.Helper()
		where := filepath.Join(folder, "task", thread)
		if err := os.MkdirAll(where, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(where, "schedstat"), []byte(schedstat+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Unix(1000, 0)
	set("1", "5000000000 7000000000 3")
	from := momentOf(start, folder)
	for _, tt := range []struct {
		first, second string // of two threads, of which the second is new
		passed, want  time.Duration
	}{
		{"5000000000 7000000000 3", "100 200000000 1", time.Second, 800 * time.Millisecond},
		{"5000000000 7600000000 4", "100 200000000 1", time.Second, 400 * time.Millisecond},
		// A long wait that counts when it has ended is not lost.
		{"5000000000 16000000000 5", "100 200000000 1", 10 * time.Second, time.Second},
		{"5000000000 16000000000 5", "100 200000000 1", 9 * time.Second, 0},
	} {
		set("1", tt.first)
		set("2", tt.second)
		if d := ownTime(from, momentOf(start.Add(tt.passed), folder)); d != tt.want {
			t.Errorf("%q and %q after %s: %s, expected %s", tt.first, tt.second, tt.passed, d, tt.want)
		}
	}
	if d := ownTime(from, momentOf(start.Add(time.Second), filepath.Join(folder, "gone"))); d != time.Second {
		t.Errorf("one second, nothing known of threads: %s", d)
	}
}
