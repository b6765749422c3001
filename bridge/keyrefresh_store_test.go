package bridge_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// slowFailing is a store with slow writes; one in a number of writes fails, without a
// period that what is tried again could fall into.
type slowFailing struct {
	store.Store
	takes time.Duration
	every int64 // one of this many writes fails; 0 for none

	mu     sync.Mutex
	random *rand.Rand
}

func (s *slowFailing) fails() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random == nil {
		s.random = rand.New(rand.NewPCG(1, 2))
	}
	return s.every > 0 && s.random.Int64N(s.every) == 0
}

func (s *slowFailing) Apply(changes ...store.Change) error {
	time.Sleep(s.takes)
	if s.fails() {
		return store.ErrClosed
	}
	return s.Store.Apply(changes...)
}

// A key refresh waits for the store in every phase and has the same result as
// with a fast store. The service restarts during it.
func TestKeyRefreshWithASlowStore(t *testing.T) {
	for name, disk := range map[string]*slowFailing{
		"slow":      {takes: 3 * time.Second},
		"failing":   {takes: time.Millisecond, every: 4},
		"both":      {takes: 700 * time.Millisecond, every: 3},
		"very slow": {takes: 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
				w.stop()
				disk.Store, w.cfg.Store = w.store, disk
				w.start()
				pass(time.Minute)
				begun := false
				for range 20 { // a failed write is reported, and the request can be repeated
					if begun = w.request("network/key_refresh", `{}`)["status"] == "ok"; begun {
						break
					}
				}
				if !begun {
					t.Fatal("the key refresh was never begun")
				}
				pass(2 * time.Second)
				w.restart()
				w.phase(time.Hour, "")
				hasKeysOf(t, w, "plug", plug)
				hasKeysOf(t, w, "lamp", lamp)
				if w.net.Own().AppKey(0).Key.Equal(appKey) {
					t.Error("the AppKey has not changed")
				}
				w.send("b/plug/set", `{"state":"ON"}`)
				pass(time.Minute)
				w.expect("b/plug", `{"state":"ON"}`)
				w.stop()
				pass(time.Minute) // a write that was given up goes on for as long as the disk takes
			})
		})
	}
}

// A removal with a key refresh does not begin if it cannot be stored.
func TestRemovalThatCannotBeStored(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &failing{Store: w.store}
		w.cfg.Store = disk
		plug := fake.Plug(uuid(1))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug})
		disk.broken.Store(true)
		w.refused("device/remove", `{"id":"plug","key_refresh":true}`, "failed")
		if got := plug.Received(configuration.OpNodeReset); len(got) != 0 {
			t.Error("the plug was reset")
		}
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/plug", `{"state":"ON"}`)
		disk.broken.Store(false)
		pass(2 * time.Second)
		if r := w.request("device/remove", `{"id":"plug","key_refresh":true}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		w.phase(time.Minute, "")
		if got := w.listed("devices"); strings.Contains(got, "plug") {
			t.Error(got)
		}
	})
}

// picky is a store that does not take the beginning of a key refresh while it is
// broken, after some time.
type picky struct {
	store.Store
	broken  atomic.Bool
	takes   atomic.Int64 // time.Duration for the beginning of a key refresh
	refused atomic.Int64
}

func (s *picky) Apply(changes ...store.Change) error {
	for _, c := range changes {
		if c.Table == "refresh" && c.Key == "current" && c.Value != nil {
			time.Sleep(time.Duration(s.takes.Load()))
			if s.broken.Load() {
				s.refused.Add(1)
				return errors.New("no space left on device")
			}
		}
	}
	return s.Store.Apply(changes...)
}

// A removed device does not keep valid keys because the store did not take the key
// refresh without it: that is begun when the store works again.
func TestKeyRefreshWithoutARemovedDeviceIsBegunLater(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &picky{Store: w.store}
		w.cfg.Store = disk
		plug, lamp := fake.Plug(uuid(1)), fake.Lamp(uuid(2))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug, "lamp": lamp})
		before := w.net.Own().Subnet(0).Key
		disk.broken.Store(true)
		if r := w.request("device/remove", `{"id":"plug","key_refresh":true}`); r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		pass(time.Minute)
		if disk.refused.Load() == 0 {
			t.Fatal("the key refresh was not tried")
		}
		if got := len(w.out.take("b/bridge/logging")); got > 10 {
			t.Errorf("%d warnings in a minute", got)
		}
		disk.broken.Store(false)
		pass(2 * time.Minute)
		w.phase(time.Minute, "")
		if w.net.Own().Subnet(0).Key.Equal(before) {
			t.Error("the removed device still has the keys of the network")
		}
		hasKeysOf(t, w, "lamp", lamp)
	})
}

// The same when the removal has joined a key refresh that somebody had asked for, and
// that was just being stored.
func TestRemovalDuringTheBeginningOfAKeyRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &picky{Store: w.store}
		w.cfg.Store = disk
		plug, lamp := fake.Plug(uuid(1)), fake.Lamp(uuid(2))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug, "lamp": lamp})
		before := w.net.Own().Subnet(0).Key
		plug.SetSilent(true)
		w.send("b/bridge/request/device/remove", `{"id":"plug","key_refresh":true,"force":true}`)
		pass(time.Millisecond)
		disk.broken.Store(true)
		disk.takes.Store(int64(10 * time.Minute))
		w.send("b/bridge/request/network/key_refresh", `{}`)
		pass(5 * time.Minute) // the device did not answer, and was removed
		if got := w.out.value("b/bridge/devices"); strings.Contains(got, "plug") {
			t.Fatal("the plug is not removed yet")
		}
		disk.takes.Store(0)
		pass(6 * time.Minute)
		disk.broken.Store(false)
		if got := w.out.take("b/bridge/response/network/key_refresh"); len(got) != 1 || !strings.Contains(got[0], `"error"`) {
			t.Errorf("responses %v", got)
		}
		pass(2 * time.Minute)
		w.phase(time.Minute, "")
		if w.net.Own().Subnet(0).Key.Equal(before) {
			t.Error("the removed device still has the keys of the network")
		}
		hasKeysOf(t, w, "lamp", lamp)
	})
}

// A removal that failed, or that was refused because the store did not take it, does
// not go on after the next start.
func TestRemovalThatFailedIsForgotten(t *testing.T) {
	t.Run("failed", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			disk := &failing{Store: w.store}
			w.cfg.Store = disk
			plug := fake.Plug(uuid(1))
			w.start()
			w.join(map[string]*fake.Node{"plug": plug})
			plug.SetSilent(true)
			w.send("b/bridge/request/device/remove", `{"id":"plug","key_refresh":true}`)
			disk.broken.Store(true)
			for range 300 { // the device does not answer
				if pass(time.Second); len(w.out.take("b/bridge/response/device/remove")) > 0 {
					break
				}
			}
			pass(time.Minute)
			disk.broken.Store(false)
			pass(time.Minute)
			plug.SetSilent(false)
			w.restart()
			pass(5 * time.Minute)
			if got := w.listed("devices"); !strings.Contains(got, "plug") {
				t.Error("the plug was removed after the start")
			}
		})
	})
	t.Run("refused", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			disk := &weak{Store: w.store}
			w.cfg.Store = disk
			plug, lamp := fake.Plug(uuid(1)), fake.Lamp(uuid(2))
			w.start()
			w.join(map[string]*fake.Node{"plug": plug, "lamp": lamp})
			lamp.SetSilent(true)
			disk.takes.Store(int64(2 * time.Second))
			disk.broken.Store(true)
			w.send("b/bridge/request/device/remove", `{"id":"plug","key_refresh":true}`)
			pass(time.Second)
			w.send("b/bridge/request/device/remove", `{"id":"lamp","key_refresh":true}`)
			pass(1500 * time.Millisecond) // the first write has failed, the second is under way
			disk.broken.Store(false)
			pass(5 * time.Second)
			if got := w.out.take("b/bridge/response/device/remove"); len(got) != 1 || !strings.Contains(got[0], `"error"`) {
				t.Fatalf("responses %v", got)
			}
			// While the lamp is being removed:
			got, err := w.store.Get("refresh", "removals")
			if err != nil || !strings.Contains(string(got), uuid(2).String()) || strings.Contains(string(got), uuid(1).String()) {
				t.Errorf("stored as under way: %s, %v; expected the lamp only", got, err)
			}
		})
	})
}

// weak is a store that takes its time and fails, as long as it is told to.
type weak struct {
	store.Store
	takes  atomic.Int64 // time.Duration
	broken atomic.Bool
}

func (s *weak) Apply(changes ...store.Change) error {
	time.Sleep(time.Duration(s.takes.Load()))
	if s.broken.Load() {
		return errors.New("no space left on device")
	}
	return s.Store.Apply(changes...)
}

// While the store fails a device is removed, and the service is killed soon after the
// store works again. After the next start the keys are refreshed without the device.
func TestKillAfterARemovalWithAFailingStore(t *testing.T) {
	for _, killed := range []time.Duration{0, 1500 * time.Millisecond, 2500 * time.Millisecond, 5 * time.Second, 20 * time.Second} {
		inBubble(t, func(t *testing.T, w *world) {
			disk := &weak{Store: w.store}
			w.cfg.Store = disk
			plug, lamp := fake.Plug(uuid(1)), fake.Lamp(uuid(2))
			w.start()
			w.join(map[string]*fake.Node{"plug": plug, "lamp": lamp})
			before := w.net.Own().Subnet(0).Key
			plug.SetSilent(true)
			w.send("b/bridge/request/device/remove", `{"id":"plug","key_refresh":true,"force":true}`)
			pass(time.Second)
			disk.broken.Store(true)
			for range 300 { // the device does not answer
				if pass(time.Second); strings.Contains(w.out.value("b/bridge/devices"), "plug") {
					continue
				}
				break
			}
			pass(5 * time.Second)
			disk.broken.Store(false)
			pass(killed)
			disk.broken.Store(true) // nothing of the old process is stored any more
			w.halt()
			<-w.ended
			w.halt = nil
			disk.broken.Store(false)
			w.start()
			pass(time.Minute)
			w.phase(time.Minute, "")
			if w.net.Own().Subnet(0).Key.Equal(before) {
				t.Errorf("killed after %s: the removed device still has the keys of the network", killed)
			}
			hasKeysOf(t, w, "lamp", lamp)
		})
	}
}

// The same when the store does not even take the request.
func TestRemovalDuringARequestThatCannotBeStored(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &weak{Store: w.store}
		w.cfg.Store = disk
		plug, lamp := fake.Plug(uuid(1)), fake.Lamp(uuid(2))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug, "lamp": lamp})
		before := w.net.Own().Subnet(0).Key
		plug.SetSilent(true)
		w.send("b/bridge/request/device/remove", `{"id":"plug","key_refresh":true,"force":true}`)
		pass(time.Millisecond)
		disk.broken.Store(true)
		disk.takes.Store(int64(10 * time.Minute))
		w.send("b/bridge/request/network/key_refresh", `{}`)
		pass(5 * time.Minute) // the device did not answer, and was removed
		if got := w.out.value("b/bridge/devices"); strings.Contains(got, "plug") {
			t.Fatal("the plug is not removed yet")
		}
		disk.takes.Store(int64(time.Second))
		pass(5*time.Minute + 500*time.Millisecond)
		disk.broken.Store(false)
		disk.takes.Store(0)
		pass(2 * time.Minute)
		if got := w.out.take("b/bridge/response/network/key_refresh"); len(got) != 1 || !strings.Contains(got[0], `"error"`) {
			t.Errorf("responses %v", got)
		}
		w.phase(time.Minute, "")
		if w.net.Own().Subnet(0).Key.Equal(before) {
			t.Error("the removed device still has the keys of the network")
		}
		hasKeysOf(t, w, "lamp", lamp)
	})
}

// A key refresh takes no step while a device is interviewed: the device was given the
// keys of the time before.
func TestKeyRefreshWaitsForAnInterview(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		lamp.SetLatency(5 * time.Second)
		w.send("b/bridge/request/device/interview", `{"id":"hall/lamp"}`)
		if r := w.request("network/key_refresh", `{}`); r["status"] != "ok" {
			t.Fatal(r)
		}
		pass(2 * time.Second)
		if got := w.listed("devices"); !strings.Contains(got, "in_progress") {
			t.Fatal("the interview has ended already")
		}
		if got := plug.Received(configuration.OpNetKeyUpdate); len(got) != 0 {
			t.Error("the plug was given a new key")
		}
		lamp.SetLatency(fake.Latency)
		pass(2 * time.Minute)
		w.phase(time.Hour, "")
		hasKeysOf(t, w, "plug", plug)
		hasKeysOf(t, w, "hall/lamp", lamp)
	})
}
