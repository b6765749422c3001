package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// hasKeysOf fails the test unless a node has the same keys of subnet 0 as the
// bridge, in normal operation.
func hasKeysOf(t *testing.T, w *world, name string, d *fake.Node) {
	t.Helper()
	if !sameKeys(w, d) {
		t.Errorf("%s does not have the bridge's keys: %+v, %+v", name, d.Keys().Subnets, d.Keys().AppKeys)
	}
}

func sameKeys(w *world, d *fake.Node) bool {
	own, other := w.net.Own(), d.Keys()
	k, app := other.Subnet(0), other.AppKey(0)
	return k != nil && app != nil && k.Phase == state.NormalOperation && k.Key.Equal(own.Subnet(0).Key) &&
		app.Key.Equal(own.AppKey(0).Key) && !app.Updated && own.Subnet(0).Phase == state.NormalOperation
}

// refreshInfo returns the key refresh in bridge/info; nil for none.
func (w *world) refreshInfo() map[string]any {
	w.t.Helper()
	network, _ := object(w.t, w.out.value("b/bridge/info"))["network"].(map[string]any)
	info, _ := network["key_refresh"].(map[string]any)
	return info
}

// phase waits until a key refresh reaches a phase; empty for none.
func (w *world) phase(limit time.Duration, want string) {
	w.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); pass(time.Second) {
		info := w.refreshInfo()
		if is, _ := info["phase"].(string); is == want {
			return
		}
	}
	w.t.Fatalf("after %s the key refresh is %v, want %q", limit, w.refreshInfo(), want)
}

func TestKeyRefresh(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		before := w.net.Own().Subnet(0).Key
		r := w.request("network/key_refresh", `{"net_key":0}`)
		if data, _ := r["data"].(map[string]any); r["status"] != "ok" || data["phase"] != "distributing" {
			t.Fatalf("got %v", r)
		}
		w.refused("network/key_refresh", `{}`, "busy")
		w.refused("subnet/add", `{}`, "busy")
		w.phase(time.Minute, "")
		if w.net.Own().Subnet(0).Key.Equal(before) {
			t.Error("the keys have not changed")
		}
		if w.net.Own().AppKey(0).Key.Equal(appKey) {
			t.Error("the AppKey has not changed")
		}
		hasKeysOf(t, w, "plug", plug)
		hasKeysOf(t, w, "lamp", lamp)
		var phases []string
		for _, e := range w.out.take("b/bridge/event") {
			if data, _ := object(t, e)["data"].(map[string]any); strings.Contains(e, `"key_refresh"`) {
				phases = append(phases, fmt.Sprint(data["phase"]))
			}
		}
		if got := strings.Join(phases, " "); got != "distributing switching revoking done" {
			t.Errorf("events: %s", got)
		}
		// A device that joins after the refresh gets the new keys.
		late := fake.Plug(uuid(7))
		w.join(map[string]*fake.Node{"late": late})
		hasKeysOf(t, w, "late", late)
	})
}

// One device sleeps and returns, another never returns. The service restarts in
// every phase.
func TestKeyRefreshContinuesAfterRestarts(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		gone := fake.Plug(uuid(7))
		w.join(map[string]*fake.Node{"gone": gone})
		gone.SetSilent(true)
		plug.SetSilent(true)
		if r := w.request("network/key_refresh", ``); r["status"] != "ok" {
			t.Fatal(r)
		}
		pass(time.Hour)
		if got := fmt.Sprint(w.refreshInfo()["missing"]); got != "[gone plug]" {
			t.Fatalf("missing: %s", got)
		}
		w.restart()
		pass(time.Minute)
		if info := w.refreshInfo(); info["phase"] != "distributing" || fmt.Sprint(info["missing"]) != "[gone plug]" {
			t.Fatalf("after a restart: %v", info)
		}
		// The plug wakes up and sends a message: the bridge sends it the keys
		// without waiting for the next attempt.
		pass(time.Hour)
		plug.SetSilent(false)
		w.report(plug, 0, &configuration.DefaultTTLStatus{})
		pass(time.Minute) // a request to it can be in progress
		if got := fmt.Sprint(w.refreshInfo()["missing"]); got != "[gone]" {
			t.Errorf("missing after the plug woke up: %s", got)
		}
		plug.SetSilent(true)
		w.request("network/key_refresh", `{"finish":true}`)
		w.phase(time.Minute, "switching")
		w.restart()
		w.phase(time.Minute, "switching")
		plug.SetSilent(false)
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			in := fake.Decode[configuration.KeyRefreshPhaseSet](m)
			return nil, m.Opcode == configuration.OpKeyRefreshPhaseSet && in.Transition == 3
		}
		w.report(plug, 0, &configuration.DefaultTTLStatus{})
		w.phase(time.Minute, "revoking")
		w.restart()
		w.phase(time.Minute, "revoking")
		plug.Answer = nil
		w.report(plug, 0, &configuration.DefaultTTLStatus{})
		w.phase(20*time.Minute, "")
		hasKeysOf(t, w, "plug", plug)
		hasKeysOf(t, w, "lamp", lamp)
		if sameKeys(w, gone) {
			t.Error("the absent device has the new keys")
		}
		if devices := w.listed("devices"); strings.Count(devices, `"left_behind":true`) != 1 {
			t.Errorf("devices: %s", devices)
		}
		w.refused("network/key_refresh", `{"finish":true}`, "not_running")
		// The next refresh does not wait for it, and provisioning adds it
		// again.
		w.request("network/key_refresh", ``)
		w.phase(time.Minute, "")
		gone.SetSilent(false)
		w.net.Place(gone)
		w.request("device/provision", `{"uuid":"`+gone.UUID.String()+`"}`)
		hasKeysOf(t, w, "gone", gone)
		if devices := w.listed("devices"); strings.Contains(devices, `"left_behind"`) {
			t.Errorf("devices: %s", devices)
		}
	})
}

// An excluded device is no longer part of the network until it is provisioned
// again.
func TestKeyRefreshThatExcludes(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.refused("network/key_refresh", `{"exclude":["plug","lump"]}`, "unknown_device")
		w.refused("network/key_refresh", `{"net_key":4096}`, "bad_value")
		w.request("network/key_refresh", `{"exclude":["plug"]}`)
		w.phase(time.Minute, "")
		hasKeysOf(t, w, "lamp", lamp)
		if sameKeys(w, plug) {
			t.Error("the plug has the new keys")
		}
		if devices := w.listed("devices"); strings.Count(devices, `"left_behind":true`) != 1 {
			t.Errorf("devices: %s", devices)
		}
	})
}

func TestKeyRefreshPatience(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.stop()
		w.cfg.RefreshPatience = 24 * time.Hour
		w.start()
		plug.SetSilent(true)
		lamp.SetSilent(true)
		w.request("network/key_refresh", ``)
		pass(72 * time.Hour)
		if info := w.refreshInfo(); info["phase"] != "distributing" {
			t.Fatalf("if no device answers, none must be reported as missing: %v", info)
		}
		lamp.SetSilent(false)
		w.report(lamp, 0, &configuration.DefaultTTLStatus{})
		w.phase(time.Hour, "")
		hasKeysOf(t, w, "lamp", lamp)
		if sameKeys(w, plug) {
			t.Error("the plug has the new keys")
		}
	})
}

func TestRemovalWithKeyRefresh(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.SetSilent(true)
		w.refused("device/remove", `{"id":"plug","key_refresh":true}`, "no_response")
		pass(time.Hour)
		if w.refreshInfo() != nil || w.net.Own().Subnet(0).Phase != state.NormalOperation {
			t.Fatal("a refused removal changed the keys")
		}
		r := w.request("device/remove", `{"id":"plug","force":true,"key_refresh":true}`)
		if data, _ := r["data"].(map[string]any); r["status"] != "ok" || data["key_refresh"] != "begun" || data["reset"] != false {
			t.Fatalf("got %v", r)
		}
		w.phase(time.Minute, "")
		hasKeysOf(t, w, "lamp", lamp)
		if sameKeys(w, plug) {
			t.Error("the removed plug has the new keys")
		}
		if w.net.Own().AppKey(0).Key.Equal(appKey) {
			t.Error("the AppKey has not changed")
		}
	})
}

// The service is killed in the middle of a removal.
func TestRemovalContinuesAfterARestart(t *testing.T) {
	for _, after := range []time.Duration{0, 10 * time.Second, fake.Silence + time.Millisecond, fake.Silence + time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
				plug.SetSilent(true)
				w.send("b/bridge/request/device/remove", `{"id":"plug","force":true,"key_refresh":true}`)
				pass(after)
				w.restart()
				pass(2 * time.Minute)
				if w.net.Knows(plug.UUID) || strings.Contains(w.out.value("b/bridge/devices"), `"plug"`) {
					t.Error("the plug is still listed")
				}
				if w.refreshInfo() != nil || w.net.Own().AppKey(0).Key.Equal(appKey) {
					t.Errorf("the keys were not refreshed: %v", w.refreshInfo())
				}
				hasKeysOf(t, w, "lamp", lamp)
				if sameKeys(w, plug) {
					t.Error("the removed plug has the new keys")
				}
			})
		})
	}
}

// The removal of a device that already has the new keys needs another refresh.
// A device without them is left out of the running refresh.
func TestRemovalDuringKeyRefresh(t *testing.T) {
	for _, has := range []bool{true, false} {
		t.Run(fmt.Sprint(has), func(t *testing.T) {
			household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
				third := fake.Plug(uuid(7))
				w.join(map[string]*fake.Node{"third": third})
				third.SetSilent(true) // keeps the refresh running
				plug.SetSilent(!has)
				w.request("network/key_refresh", ``)
				pass(time.Minute)
				plug.SetSilent(true)
				first := w.net.Own().Subnet(0).NewKey
				r := w.request("device/remove", `{"id":"plug","force":true,"key_refresh":true}`)
				if data, _ := r["data"].(map[string]any); data["key_refresh"] != "queued" {
					t.Fatalf("got %v", r)
				}
				third.SetSilent(false)
				w.report(third, 0, &configuration.DefaultTTLStatus{})
				pass(20 * time.Minute)
				if w.refreshInfo() != nil {
					t.Fatalf("the refresh has not ended: %v", w.refreshInfo())
				}
				if again := !w.net.Own().Subnet(0).Key.Equal(first); again != has {
					t.Errorf("refreshed a second time: %t", again)
				}
				hasKeysOf(t, w, "third", third)
				if sameKeys(w, plug) {
					t.Error("the removed plug has the new keys")
				}
			})
		})
	}
}

// A device that joins while the old keys are in use gets the new keys too.
func TestJoiningDuringKeyRefresh(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.SetSilent(true)
		w.request("network/key_refresh", ``)
		pass(time.Minute)
		late := fake.Plug(uuid(7))
		w.join(map[string]*fake.Node{"late": late})
		pass(time.Minute)
		if got := fmt.Sprint(w.refreshInfo()["missing"]); got != "[plug]" {
			t.Errorf("missing: %s", got)
		}
		plug.SetSilent(false)
		w.report(plug, 0, &configuration.DefaultTTLStatus{})
		w.phase(time.Minute, "")
		hasKeysOf(t, w, "late", late)
		hasKeysOf(t, w, "plug", plug)
	})
}

// The service is killed while a device joins.
func TestJoiningDuringKeyRefreshAndARestart(t *testing.T) {
	for _, after := range []time.Duration{0, fake.Joining + time.Millisecond, fake.Joining + 2*fake.Latency} {
		t.Run(after.String(), func(t *testing.T) {
			household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
				plug.SetSilent(true)
				w.request("network/key_refresh", `{"exclude":["hall/lamp"]}`)
				pass(time.Minute)
				late := fake.Plug(uuid(7))
				w.net.Place(late)
				w.send("b/bridge/request/device/provision", `{"uuid":"`+late.UUID.String()+`","name":"late"}`)
				pass(after)
				w.restart()
				pass(time.Minute)
				if w.net.Knows(late.UUID) {
					if r := w.request("device/interview", `{"id":"`+late.UUID.String()+`"}`); r["status"] != "ok" {
						t.Errorf("interview: %v", r)
					}
				}
				// The interview of an excluded device does not include it
				// again.
				w.request("device/interview", `{"id":"hall/lamp"}`)
				plug.SetSilent(false)
				w.report(plug, 0, &configuration.DefaultTTLStatus{})
				w.phase(20*time.Minute, "")
				hasKeysOf(t, w, "plug", plug)
				if w.net.Knows(late.UUID) {
					hasKeysOf(t, w, "late", late)
				}
				if sameKeys(w, lamp) {
					t.Error("the excluded lamp has the new keys")
				}
				// Provisioning includes it again, also during a refresh.
				plug.SetSilent(true)
				w.request("network/key_refresh", ``)
				w.net.Place(lamp)
				w.out.take() // including the answer to the interrupted request
				if r := w.request("device/provision", `{"uuid":"`+lamp.UUID.String()+`"}`); r["status"] != "ok" {
					t.Fatal(r)
				}
				plug.SetSilent(false)
				w.report(plug, 0, &configuration.DefaultTTLStatus{})
				w.phase(20*time.Minute, "")
				hasKeysOf(t, w, "lamp", lamp)
			})
		})
	}
}

func TestKeyRefreshOfAnotherProvisioner(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.net.Own().Subnets[0].Phase = state.FirstPhase
		w.svc.Report(node.KeyRefreshChanged{NetKey: 0, Phase: state.FirstPhase})
		pass(time.Second)
		if got := w.out.take("b/bridge/event"); len(got) != 1 || got[0] != `{"data":{"net_key":0,"phase":"distributing"},"type":"key_refresh"}` {
			t.Errorf("events %v", got)
		}
		if info := w.out.value("b/bridge/info"); !strings.Contains(info, `"key_refresh_phase":1`) {
			t.Errorf("info %s", info)
		}
		w.refused("network/key_refresh", ``, "busy")
	})
}

func TestIVUpdateRequest(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.refused("network/iv_update", ``, "too_early")
		w.refused("network/iv_update", `{"to":"normal"}`, "wrong_state")
		w.refused("network/iv_update", `{"to":"sideways"}`, "bad_value")
		r := w.request("network/iv_update", `{"test_mode":true}`)
		if data, _ := r["data"].(map[string]any); r["status"] != "ok" || data["iv_index"] != 6.0 || data["in_progress"] != true {
			t.Errorf("got %v", r)
		}
		w.refused("network/iv_update", `{}`, "wrong_state")
		if info := w.out.value("b/bridge/info"); !strings.Contains(info, `"iv_index":6,"iv_update":true`) ||
			!strings.Contains(info, `"change_possible":true,"test_mode":true`) {
			t.Errorf("info %s", info)
		}
		if r := w.request("network/iv_update", `{"to":"normal","test_mode":false}`); r["code"] != "too_early" {
			t.Errorf("got %v", r)
		}
	})
}

func TestSubnets(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.refused("device/provision", `{"uuid":"`+uuid(7).String()+`","net_key":1}`, "unknown_subnet")
		w.refused("subnet/remove", `{}`, "bad_value")
		w.refused("subnet/remove", `{"net_key":0}`, "in_use")
		w.refused("subnet/remove", `{"net_key":1}`, "unknown_subnet")
		w.refused("subnet/remove", `{"net_key":0,"id":"plug"}`, "in_use")
		w.refused("subnet/add", `{"net_key":5000}`, "bad_value")
		w.refused("subnet/add", `{"id":"lump"}`, "unknown_device")
		w.refused("appkey/remove", `{"app_key":0}`, "in_use")
		w.refused("appkey/remove", `{"app_key":0,"id":"plug"}`, "in_use")
		w.refused("appkey/remove", `{"app_key":9}`, "unknown_app_key")

		r := w.request("subnet/add", `{"id":"plug"}`)
		if got := fmt.Sprint(r["data"]); r["status"] != "ok" || got != "map[app_keys:[1] net_key:1]" {
			t.Fatalf("got %v", r)
		}
		own, its := w.net.Own(), plug.Keys()
		if its.Subnet(1) == nil || !its.Subnet(1).Key.Equal(own.Subnet(1).Key) || !its.AppKey(1).Key.Equal(own.AppKey(1).Key) {
			t.Errorf("the plug has %+v", its.Subnets)
		}
		w.refused("subnet/remove", `{"net_key":1}`, "in_use")
		w.refused("appkey/remove", `{"app_key":1}`, "in_use")

		// A device that is only in that subnet gets messages with its AppKey.
		alone := fake.Plug(uuid(7))
		w.net.Place(alone)
		if r := w.request("device/provision", `{"uuid":"`+alone.UUID.String()+`","name":"alone","net_key":1}`); r["status"] != "ok" {
			t.Fatal(r)
		}
		if alone.Keys().AppKey(1) == nil || alone.Keys().AppKey(0) != nil {
			t.Errorf("it has the AppKeys %+v", alone.Keys().AppKeys)
		}
		w.send("b/alone/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/alone", `{"state":"ON"}`)
		w.restart()
		w.refused("subnet/remove", `{"net_key":1,"id":"alone"}`, "in_use")

		// A refresh of one subnet does not change the other.
		before := own.Subnet(0).Key
		w.request("network/key_refresh", `{"net_key":1}`)
		w.phase(time.Minute, "")
		if !own.Subnet(0).Key.Equal(before) {
			t.Error("the keys of the primary subnet have changed")
		}
		for name, d := range map[string]*fake.Node{"plug": plug, "alone": alone} {
			if !d.Keys().Subnet(1).Key.Equal(own.Subnet(1).Key) || !d.Keys().AppKey(1).Key.Equal(own.AppKey(1).Key) {
				t.Errorf("%s does not have the keys of subnet 1", name)
			}
		}
		// A removed device knows the keys of both subnets.
		subnet := own.Subnet(1).Key
		w.request("device/remove", `{"id":"plug","key_refresh":true}`)
		pass(5 * time.Minute)
		if own.Subnet(0).Key.Equal(before) || own.Subnet(1).Key.Equal(subnet) || w.refreshInfo() != nil {
			t.Error("not all keys of the removed device were refreshed")
		}
		w.request("device/remove", `{"id":"alone"}`)
		if r := w.request("subnet/remove", `{"net_key":1}`); r["status"] != "ok" || own.Subnet(1) != nil || own.AppKey(1) != nil {
			t.Errorf("got %v", r)
		}
	})
}

func TestAppKeys(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		r := w.request("appkey/add", `{"id":"plug"}`)
		if got := fmt.Sprint(r["data"]); r["status"] != "ok" || got != "map[app_key:1 net_key:0]" {
			t.Fatalf("got %v", r)
		}
		if !plug.Keys().AppKey(1).Key.Equal(w.net.Own().AppKey(1).Key) {
			t.Error("the plug has another key")
		}
		w.refused("appkey/add", `{"app_key":1,"net_key":3}`, "unknown_subnet")
		if devices := w.listed("devices"); !strings.Contains(devices, `"app_keys":[0,1]`) {
			t.Errorf("devices %s", devices)
		}
		w.refused("appkey/remove", `{"app_key":1}`, "in_use")
		if r := w.request("appkey/remove", `{"app_key":1,"id":"plug"}`); r["status"] != "ok" || plug.Keys().AppKey(1) != nil {
			t.Errorf("got %v", r)
		}
		if r := w.request("appkey/remove", `{"app_key":1}`); r["status"] != "ok" || w.net.Own().AppKey(1) != nil {
			t.Errorf("got %v", r)
		}
		lamp.SetSilent(true)
		w.refused("appkey/add", `{"app_key":2,"id":"hall/lamp"}`, "no_response")
	})
}

// In test mode an update ends when the devices have followed. A device that has not is
// named, and the update goes on unless the user insists.
func TestIVUpdateWaitsForDevices(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		if r := w.request("network/iv_update", `{"test_mode":true}`); r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		lamp.SetSilent(true)
		w.send("b/bridge/request/network/iv_update", `{"to":"normal"}`)
		pass(30 * time.Second)
		if got := w.out.take("b/bridge/response/network/iv_update"); len(got) != 0 {
			t.Fatalf("got %v", got)
		}
		pass(time.Minute)
		got := w.out.take("b/bridge/response/network/iv_update")
		if len(got) != 1 || !strings.Contains(got[0], `"code":"not_followed"`) || !strings.Contains(got[0], "hall/lamp") || strings.Contains(got[0], "plug") {
			t.Fatalf("got %v", got)
		}
		if !w.net.Own().IVUpdate {
			t.Fatal("the update has ended")
		}
		lamp.SetSilent(false)
		if r := w.request("network/iv_update", `{"to":"normal"}`); r["status"] != "ok" || w.net.Own().IVUpdate {
			t.Errorf("got %v", r)
		}
	})
}

// A key refresh that somebody else has begun on the bridge, and does not go on with, can
// be given up. Then the bridge can refresh the keys itself.
func TestForeignKeyRefreshIsGivenUp(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.refused("network/key_refresh", `{"give_up":true}`, "not_running")
		if err := w.net.Keys(t.Context(), func(keys configuration.Keys) error {
			if err := keys.UpdateNetKey(0, crypto.Key{7}).Err(); err != nil {
				return err
			}
			return keys.UpdateAppKey(0, 0, crypto.Key{8}).Err()
		}); err != nil {
			t.Fatal(err)
		}
		if r := w.request("network/key_refresh", `{"give_up":true}`); r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		own := w.net.Own()
		if own.Subnet(0).Phase != state.NormalOperation || own.AppKey(0).Updated {
			t.Errorf("the subnet is in phase %v", own.Subnet(0).Phase)
		}
		before := own.Subnet(0).Key
		if r := w.request("network/key_refresh", `{}`); r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		pass(5 * time.Minute)
		if now := w.net.Own().Subnet(0).Key; now.Equal(before) || !plug.Keys().Subnet(0).Key.Equal(now) || !lamp.Keys().Subnet(0).Key.Equal(now) {
			t.Error("the keys were not refreshed")
		}
	})
}

// An AppKey that the network has lost is made again by appkey/add, and its devices get
// the new one: they work again. One that is out of reach gets it with its next interview.
func TestLostAppKeyIsRepaired(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		former := w.net.Own().AppKey(0).Key
		if err := w.net.Keys(t.Context(), func(keys configuration.Keys) error { return keys.DeleteAppKey(0, 0).Err() }); err != nil {
			t.Fatal(err)
		}
		lamp.SetSilent(true)
		if r := w.request("appkey/add", `{"app_key":0}`); r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		pass(5 * time.Minute)
		now := w.net.Own().AppKey(0).Key
		if now.Equal(former) || !plug.Keys().AppKey(0).Key.Equal(now) {
			t.Error("the plug does not have the new key")
		}
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/plug", `{"state":"ON"}`)
		if got := w.out.take("b/bridge/logging"); len(got) < 2 || !strings.Contains(strings.Join(got, "\n"), "hall/lamp") {
			t.Errorf("logging %v", got)
		}
		lamp.SetSilent(false)
		if r := w.request("device/interview", `{"id":"hall/lamp"}`); r["status"] != "ok" || !lamp.Keys().AppKey(0).Key.Equal(now) {
			t.Errorf("got %v", r)
		}
	})
}

// Who has asked for the devices, or exports them, is not disturbed by later changes.
func TestListedDevicesDoNotChange(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for range 2 {
			if r := w.request("subnet/add", `{"id":"plug"}`); r["status"] != "ok" {
				t.Fatal(r)
			}
		}
		listed, err := w.svc.Devices(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := keysOf(listed)
		for _, r := range []map[string]any{
			w.request("subnet/remove", `{"id":"plug","net_key":1}`), w.request("appkey/remove", `{"id":"plug","app_key":2}`),
		} {
			if r["status"] != "ok" {
				t.Error(r)
			}
		}
		if after := keysOf(listed); after != before || !strings.Contains(after, "[1 2]") {
			t.Errorf("the list was %s, and is %s", before, after)
		}
	})
}

// keysOf is the further keys of all devices.
func keysOf(list []device.Record) string {
	text := ""
	for i := range list {
		text += fmt.Sprint(list[i].NetKeys, list[i].AppKeys, " ")
	}
	return text
}
