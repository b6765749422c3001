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

	began bool          // the tests have written a line
	quiet time.Duration // since the guest wrote anything, on the console or as a test
	idle  time.Duration // since the tests wrote a line
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
func (w *watch) console() { w.quiet = 0 }

// line notes a line of the tests.
func (w *watch) line() { w.began, w.quiet, w.idle = true, 0, 0 }

// pass notes that time has passed, and says what is wrong if that was too much.
func (w *watch) pass(d time.Duration) error {
	w.quiet += d
	w.idle += d
	switch {
	case !w.began && w.quiet >= w.boot:
		return fmt.Errorf("the guest hangs at boot: nothing on its console for %s", w.boot)
	case w.quiet >= w.life:
		return fmt.Errorf("the guest has died: no heartbeat of its init for %s", w.life)
	case w.idle >= w.part && w.began:
		return fmt.Errorf("the guest lives and its tests do not get on: no line of them for %s", w.part)
	case w.idle >= w.part:
		return fmt.Errorf("the guest lives and its tests do not begin: no line of them for %s", w.part)
	}
	return nil
}

// ownTime measures the time that a process had for itself: what passes on the
// clock, less what its most delayed thread spent runnable without a CPU.
type ownTime struct {
	last  time.Time
	delay map[string]time.Duration // by thread
}

// since returns the time since the last call, of a process with this folder in
// /proc. Where the kernel does not tell delays it is the time on the clock.
func (o *ownTime) since(now time.Time, folder string) time.Duration {
	delays := map[string]time.Duration{}
	threads, _ := filepath.Glob(filepath.Join(folder, "task", "*", "schedstat")) // the pattern is well-formed
	for _, path := range threads {
		// Nanoseconds on a CPU, nanoseconds waiting for one, number of turns
		// (Linux, Documentation/scheduler/sched-stats.rst).
		text, err := os.ReadFile(path)
		fields := strings.Fields(string(text))
		if err != nil || len(fields) != 3 {
			continue // the thread has ended
		}
		if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			delays[path] = time.Duration(n)
		}
	}
	passed, most := time.Duration(0), time.Duration(0)
	if !o.last.IsZero() {
		passed = now.Sub(o.last)
	}
	for path, d := range delays {
		if before, known := o.delay[path]; known {
			most = max(most, d-before)
		}
	}
	o.last, o.delay = now, delays
	return max(0, passed-most)
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
		{"says nothing", func(*watch, int) {}, boot, "hangs at boot"},
		{"stops at boot", func(w *watch, at int) {
			if at <= 100 {
				w.console()
			}
		}, 100 + boot - 1, "hangs at boot"},
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
		{"never begins", func(w *watch, _ int) { w.console() }, part, "do not begin"},
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
		}, 1000 + part - 1, "do not get on"},
		{"dies in a test", func(w *watch, at int) {
			if at <= 1000 {
				w.line()
			}
		}, 1000 + life - 1, "has died"},
	} {
		w, ended, said := newWatch(), 0, ""
		for at := 1; at < 20_000 && ended == 0; at++ {
			tt.does(w, at)
			if err := w.pass(second); err != nil {
				ended, said = at, err.Error()
			}
		}
		if ended != tt.ends || !strings.Contains(said, tt.says) {
			t.Errorf("a guest that %s: after %d s %q, expected %q after %d s", tt.name, ended, said, tt.says, tt.ends)
		}
	}
}

// TestOwnTime gives a process two threads, of which one waits for a CPU.
func TestOwnTime(t *testing.T) {
	folder := t.TempDir()
	set := func(thread, schedstat string) {
		t.Helper()
		put := filepath.Join(folder, "task", thread)
		if err := os.MkdirAll(put, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(put, "schedstat"), []byte(schedstat+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var o ownTime
	now := time.Unix(1000, 0)
	set("1", "5000000000 7000000000 3")
	if d := o.since(now, folder); d != 0 {
		t.Errorf("at first: %s", d)
	}
	set("1", "5000000000 7600000000 4")
	set("2", "100 9000000000 1") // a new one
	now = now.Add(time.Second)
	if d := o.since(now, folder); d != 400*time.Millisecond {
		t.Errorf("one second less 600 ms without a CPU: %s", d)
	}
	set("1", "5000000000 7700000000 5")
	set("2", "100 9900000000 2")
	now = now.Add(time.Second)
	if d := o.since(now, folder); d != 100*time.Millisecond {
		t.Errorf("one second, of which the later thread waited 900 ms: %s", d)
	}
	now = now.Add(time.Second)
	if d := o.since(now, filepath.Join(folder, "gone")); d != time.Second {
		t.Errorf("one second, nothing known of threads: %s", d)
	}
}
