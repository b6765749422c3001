package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/fleet"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// A sleeping lamp is provisioned, used and listed while the service is its
// friend. It reports its state without a request and sends heartbeats.
func TestSleepingLamp(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	air := fleet.NewAir(t)
	lamp, adapter := air.NewLowPowerLamp(2*time.Second), air.NewAdapter()
	run := start(t, "run", "--mqtt.url", url, "--hci.adapters", adapter.Spec(), "--log.format", "json")
	listens(o, 0)
	uuid := lamp.UUID.String()

	o.NextMatch(0, base+"bridge/unprovisioned", "with "+uuid, func(payload []byte) bool { return strings.Contains(string(payload), uuid) })
	o.Send(base+"bridge/request/device/provision", fmt.Sprintf(`{"uuid":%q,"name":"sleeper"}`, uuid))
	o.Next(0, base+"bridge/event", `{"type":"friendship","data":{"friendly_name":"sleeper","established":true}}`)
	o.Next(0, base+"bridge/response/device/provision", `{"status":"ok"}`)
	o.AwaitLastMatch(base+"bridge/devices", "with a friendship", func(payload []byte) bool {
		return strings.Contains(string(payload), `"friendship":{"poll_timeout":60,`) && strings.Contains(string(payload), `"lpn":true`)
	})
	for order, on := range []bool{true, false, true} {
		state := map[bool]string{true: "ON", false: "OFF"}[on]
		mark := o.Mark()
		o.Send(base+"sleeper/set", fmt.Sprintf(`{"state":%q,"transaction":%d}`, state, order))
		o.Next(mark, base+"sleeper/set/response", fmt.Sprintf(`{"status":"ok","transaction":%d}`, order))
		o.AwaitLast(base+"sleeper", fmt.Sprintf(`{"state":%q}`, state))
		if lamp.IsOn() != on {
			t.Errorf("the bridge reports %s, the lamp itself does not", state)
		}
	}
	lamp.Toggle()
	o.AwaitLast(base+"sleeper", `{"state":"OFF"}`)
	o.AwaitLast(base+"sleeper/availability", `{"state":"online"}`)

	o.Send(base+"bridge/request/heartbeat/set", `{"id":"sleeper","period":1}`)
	o.Next(0, base+"bridge/response/heartbeat/set", `{"status":"ok","data":{"id":"sleeper","period":1,"ttl":127}}`)
	run.Stop()
}
