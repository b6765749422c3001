package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// lowPowerPlug is a plug that is a Low Power node; the bridge is its Friend
// node.
func (w *world) lowPowerPlug() *fake.Node {
	w.t.Helper()
	plug := fake.Plug(uuid(1))
	plug.Composition.Features = configuration.FeatureLowPower
	w.join(map[string]*fake.Node{"plug": plug})
	w.friendship(plug, true, "")
	return plug
}

func (w *world) friendship(d *fake.Node, established bool, reason friend.Reason) {
	w.t.Helper()
	link := friend.Link{LPN: d.Address(), Friend: 1}
	if established {
		w.net.SetFriendships(friend.Status{Link: link, PollTimeout: time.Minute, Queued: 2})
	} else {
		w.net.SetFriendships()
	}
	w.svc.Report(node.FriendshipChanged{LPN: link.LPN, Friend: link.Friend, Established: established, Reason: string(reason)})
	synctest.Wait()
}

// A sleeping device is online as long as it polls, whether it answers requests
// or not.
func TestSleepingDeviceIsOnline(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		plug := w.lowPowerPlug()
		w.expect("b/plug/availability", online)
		if list := w.listed("devices"); !strings.Contains(list, `"friendship":{"poll_timeout":60,"queued":2,"subscriptions":0}`) {
			t.Errorf("the friendship is not listed: %s", list)
		}
		plug.SetSilent(true)
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(2 * silence)
		w.expect("b/plug/availability", online)
		if n := len(plug.Received(configuration.OpDefaultTTLGet)); n > 0 {
			t.Errorf("%d probes of a sleeping device", n)
		}

		// It requests a friendship again, or moves to another Friend node: it
		// is still online.
		w.friendship(plug, false, friend.Requested)
		w.friendship(plug, true, "")
		w.friendship(plug, false, friend.Cleared)
		w.expect("b/plug/availability", online)
		pass(time.Second)
		if list := w.listed("devices"); strings.Contains(list, "friendship") {
			t.Errorf("an ended friendship is still listed: %s", list)
		}

		// It has not polled for the whole PollTimeout: it is offline.
		w.friendship(plug, true, "")
		w.out.take()
		w.friendship(plug, false, friend.PollTimeout)
		w.expect("b/plug/availability", offline)
		event := object(t, w.out.take("b/bridge/event")[0])
		data := event["data"].(map[string]any)
		if event["type"] != "friendship" || data["friendly_name"] != "plug" || data["established"] != false || data["reason"] != "poll_timeout" {
			t.Errorf("event %v", event)
		}
		plug.SetSilent(false)
		w.friendship(plug, true, "")
		w.expect("b/plug/availability", online)
		w.svc.Report(node.FriendshipChanged{LPN: 0x7000, Established: true}) // unknown device
		synctest.Wait()
	})
}

func TestHeartbeatRequest(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		response := w.request("heartbeat/set", `{"id":"plug","period":50,"ttl":7,"transaction":3}`)
		data, ok := response["data"].(map[string]any)
		if !ok || response["status"] != "ok" || data["id"] != "plug" || data["period"] != 64.0 || data["ttl"] != 7.0 {
			t.Errorf("response %v", response)
		}
		sets := plug.Received(configuration.OpHeartbeatPublicationSet)
		if len(sets) != 1 {
			t.Fatalf("%d messages", len(sets))
		}
		want := configuration.HeartbeatPublicationSet{Destination: 1, CountLog: 0xFF, PeriodLog: 7, TTL: 7, Features: 0x000F}
		if got := fake.Decode[configuration.HeartbeatPublicationSet](sets[0]); *got != want {
			t.Errorf("sent %+v, want %+v", *got, want)
		}
		for _, hops := range []uint8{3, 1, 2} {
			w.svc.Report(node.HeartbeatReceived{Src: plug.Address(), Dst: 1, Hops: hops, Features: 0x0005, RSSI: -70})
		}
		w.svc.Report(node.HeartbeatReceived{Src: 0x7000, Dst: 1, Hops: 1}) // unknown device
		pass(2 * time.Minute)
		health := w.out.value("b/bridge/health")
		if !strings.Contains(health, `"heartbeats":{"plug":{"hops":2,"min_hops":1,"max_hops":3,"count":3,"rssi":-70,`) ||
			!strings.Contains(health, `"features":["relay","friend"]`) {
			t.Errorf("health: %s", health)
		}
		w.request("heartbeat/set", `{"id":"plug","period":0}`)
		pass(2 * time.Minute)
		if health := w.out.value("b/bridge/health"); strings.Contains(health, "heartbeats") {
			t.Errorf("health: %s", health)
		}
		for payload, code := range map[string]string{
			`{"id":"plug","period":-1}`:    "bad_value",
			`{"id":"plug","period":70000}`: "bad_value",
			`{"id":"plug","ttl":128}`:      "bad_value",
			`{"id":"nobody"}`:              "unknown_device",
			`{}`:                           "bad_value",
		} {
			w.refused("heartbeat/set", payload, code)
		}
		plug.SetSilent(true)
		w.refused("heartbeat/set", `{"id":"plug"}`, "no_response")
	})
}
