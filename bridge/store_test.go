package bridge_test

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// sick is a store that can fail, be slow, or hang in every write.
type sick struct {
	store.Store
	mu     sync.Mutex
	broken error
	slow   time.Duration
	hangs  chan struct{}
}

func (s *sick) fall(broken error, slow time.Duration, hangs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.slow = broken, slow
	if hangs {
		s.hangs = make(chan struct{})
	}
}

func (s *sick) recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.slow = nil, 0
	if s.hangs != nil {
		close(s.hangs)
		s.hangs = nil
	}
}

func (s *sick) Apply(changes ...store.Change) error {
	s.mu.Lock()
	broken, slow, hangs := s.broken, s.slow, s.hangs
	s.mu.Unlock()
	time.Sleep(slow)
	if hangs != nil {
		<-hangs
	}
	if broken != nil {
		return fmt.Errorf("write mesh.db: %w", broken)
	}
	return s.Store.Apply(changes...)
}

type sickness struct {
	broken error
	slow   time.Duration
	hangs  bool

	state  string // in bridge/health
	remedy string
	works  bool // requests succeed all the same
}

func sicknesses() map[string]sickness {
	return map[string]sickness{
		"EIO":         {broken: syscall.EIO, state: "failing", remedy: "replace it"},
		"ENOSPC":      {broken: syscall.ENOSPC, state: "failing", remedy: "free some space"},
		"read-only":   {broken: syscall.EROFS, state: "failing", remedy: "mount its file system for writing"},
		"5 s a write": {slow: 5 * time.Second, state: "slow", remedy: "check the disk", works: true},
		"hangs":       {hangs: true, state: "slow", remedy: "check the disk"},
	}
}

// While the store fails, is slow, or hangs, every request is answered, and health and
// logging name the store, the cause and the remedy. Both tell when it works again.
func TestStoreInTrouble(t *testing.T) {
	requests := []struct{ name, payload string }{
		{"device/rename", `{"from":"plug","to":"socket"}`},
		{"network/key_refresh", `{}`},
		{"device/remove", `{"id":"lamp","key_refresh":true}`},
		{"network/backup", `{}`},
	}
	for name, fault := range sicknesses() {
		for _, r := range requests {
			t.Run(name+" "+r.name, func(t *testing.T) {
				backups := t.TempDir()
				inBubble(t, func(t *testing.T, w *world) {
					disk := &sick{Store: w.store}
					defer disk.recover()
					w.cfg.Store, w.cfg.Backups = watch.New(disk, "/srv/mesh"), backups
					w.start()
					w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1)), "lamp": fake.Lamp(uuid(2))})
					if got := w.health()["state"]; got != "ok" {
						t.Errorf("the state of the store is %v", got)
					}
					disk.fall(fault.broken, fault.slow, fault.hangs)
					w.send("b/bridge/request/device/rename", `{"from":"lamp","to":"lamp2"}`) // keeps the store busy
					w.send("b/bridge/request/device/rename", `{"from":"lamp2","to":"lamp"}`)
					w.send("b/bridge/request/"+r.name, r.payload)
					pass(21 * time.Second)
					if r.name == "network/key_refresh" {
						pass(4 * fault.slow) // several writes come one after the other
					}
					answers := w.out.take("b/bridge/response/" + r.name)
					want := 1
					if r.name == "device/rename" {
						want = 3
					}
					if len(answers) != want {
						t.Fatalf("responses %v, expected %d", answers, want)
					}
					if got := strings.Contains(answers[want-1], `"status":"ok"`); got != fault.works && r.name != "network/backup" {
						t.Errorf("got %s", answers[want-1])
					}
					if fault.hangs && !strings.Contains(answers[want-1], "/srv/mesh") {
						t.Errorf("got %s, expected what is wrong with the store", answers[want-1])
					}
					h := w.health()
					text, _ := h["error"].(string)
					if h["state"] != fault.state || !strings.Contains(text, "/srv/mesh") || !strings.Contains(text, fault.remedy) || h["since"] == nil {
						t.Errorf("health tells %v", h)
					}
					w.expectLogged("error", "/srv/mesh", fault.remedy)

					disk.recover()
					pass(time.Minute)
					w.out.take("b/bridge/response/device/rename")
					if h := w.health(); h["state"] != "ok" || h["error"] != nil {
						t.Errorf("health tells %v after the end", h)
					}
					w.expectLogged("info", "works again", "")
					if r := w.request("device/rename", `{"from":"plug","to":"outlet"}`); r["status"] != "ok" && r["code"] != "unknown_device" {
						t.Errorf("got %v", r)
					}
				})
			})
		}
	}
}

// health is what bridge/health says about the store.
func (w *world) health() map[string]any {
	w.t.Helper()
	about, _ := object(w.t, w.out.value("b/bridge/health"))["store"].(map[string]any)
	return about
}

// expectLogged expects that one message of a level was published, with these words.
func (w *world) expectLogged(level, word, other string) {
	w.t.Helper()
	var found []string
	for _, l := range w.out.take("b/bridge/logging") {
		if strings.Contains(l, `"level":"`+level+`"`) {
			found = append(found, l)
		}
	}
	if len(found) != 1 || !strings.Contains(found[0], word) || !strings.Contains(found[0], other) {
		w.t.Errorf("logged %v, expected one %s with %q and %q", found, level, word, other)
	}
}

// The service stops in time although the store hangs, answers who waits, and tells what
// is lost.
func TestStopWhileTheStoreHangs(t *testing.T) {
	for _, after := range []time.Duration{0, time.Minute} {
		inBubble(t, func(t *testing.T, w *world) {
			disk := &sick{Store: w.store}
			defer disk.recover()
			w.cfg.Store = watch.New(disk, "/srv/mesh")
			w.start()
			w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
			disk.fall(nil, 0, true)
			w.send("b/bridge/request/device/rename", `{"from":"plug","to":"socket"}`)
			w.send("b/bridge/request/network/key_refresh", `{}`)
			pass(after)
			began := time.Now()
			w.stop()
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("it took %s", d)
			}
			for _, name := range []string{"device/rename", "network/key_refresh"} {
				if got := w.out.take("b/bridge/response/" + name); len(got) != 1 || !strings.Contains(got[0], `"status":"error"`) {
					t.Errorf("%s: responses %v", name, got)
				}
			}
			if logs := w.logs.String(); !strings.Contains(logs, "the last changes are lost") || !strings.Contains(logs, `"changes_of_devices":1`) {
				t.Error("the log does not tell what is lost")
			}
			disk.recover()
			synctest.Wait()
		})
	}
}
