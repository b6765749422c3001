package bridge_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// slowFailing is a store with slow writes; one in a number of writes fails.
type slowFailing struct {
	store.Store
	takes time.Duration
	every int64 // one of this many writes fails; 0 for none
	count atomic.Int64
}

func (s *slowFailing) Apply(changes ...store.Change) error {
	time.Sleep(s.takes)
	if s.every > 0 && s.count.Add(1)%s.every == 0 {
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
		"very slow": {takes: 20 * time.Second},
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
		if got := w.out.value("b/bridge/devices"); strings.Contains(got, "plug") {
			t.Error(got)
		}
	})
}
