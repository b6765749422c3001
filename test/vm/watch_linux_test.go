package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watch tells a guest that hangs from one that is slow. It is told what the guest
// does and how much time passes. Its limits are silences: a guest may take as
// long as it likes while it shows that it gets on. And they count only the time
// that the emulator had for itself (see ownTime), so that they stretch on a busy
// machine.
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
		part: 30 * time.Minute,
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

// moment is a time, and what each thread of a process had until then.
type moment struct {
	at      time.Time
	threads map[string]share
}

// share is the time that a thread was on a CPU, and that it waited for one.
type share struct{ ran, waited time.Duration }

// momentOf is a moment of a process with this folder in /proc. Where the kernel
// does not tell of threads it is the time alone.
func momentOf(at time.Time, folder string) moment {
	m := moment{at: at, threads: map[string]share{}}
	files, _ := filepath.Glob(filepath.Join(folder, "task", "*", "schedstat")) // the pattern is well-formed
	for _, path := range files {
		// Nanoseconds on a CPU, nanoseconds waiting for one, number of turns
		// (Linux, Documentation/scheduler/sched-stats.rst). A wait counts when
		// it has ended.
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		var s share
		if _, err := fmt.Sscan(string(text), &s.ran, &s.waited); err == nil {
			m.threads[path] = s
		}
	}
	return m
}

// ownTime is the time that a process had for itself between two moments: on CPUs,
// or on the clock without any of its threads waiting for a CPU, whichever is
// more. The first finds a guest that spins, the second one that sleeps.
func ownTime(from, to moment) time.Duration {
	var ran, waited time.Duration
	for thread, s := range to.threads {
		ran += s.ran - from.threads[thread].ran
		waited += s.waited - from.threads[thread].waited
	}
	return max(0, ran, to.at.Sub(from.at)-waited)
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

// TestOwnTime has the two threads of a process sleep, spin and wait for a CPU.
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
	const second = time.Second
	set("1", "5000000000 7000000000 3")
	from := momentOf(start, folder)
	for _, tt := range []struct {
		what          string
		first, second string // of two threads, of which the second is new
		passed, want  time.Duration
	}{
		{"sleeps", "5000000000 7000000000 3", "0 0 0", 10 * second, 10 * second},
		{"both wait", "5100000000 11000000000 4", "100000000 5000000000 1", 10 * second, second},
		{"both wait longer than there is time", "5100000000 16000000000 4", "100000000 9000000000 1", 10 * second, 200 * time.Millisecond},
		{"spins on two CPUs", "15000000000 7000000000 4", "10000000000 0 1", 10 * second, 20 * second},
		{"spins on half a CPU", "9000000000 13000000000 9", "1000000000 9000000000 9", 10 * second, 5 * second},
	} {
		set("1", tt.first)
		set("2", tt.second)
		if d := ownTime(from, momentOf(start.Add(tt.passed), folder)); d != tt.want {
			t.Errorf("%s: %s, expected %s", tt.what, d, tt.want)
		}
	}
	if d := ownTime(from, momentOf(start.Add(second), filepath.Join(folder, "gone"))); d != second {
		t.Errorf("one second, nothing known of threads: %s", d)
	}
}
