package service

import (
	"fmt"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/fleet"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// The service does not hear a lamp that displays a number for authentication.
// Another device finds it, it is provisioned through that device with the
// number, and it is switched. Then the other device gets a new device key and
// new addresses.
func TestLockedLampFarAway(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	air := fleet.NewAir(t)
	adapter, outpost := air.NewAdapter(), air.NewRemoteServer()
	run := start(t, "run", "--mqtt.url", url, "--hci.adapters", adapter.Spec(), "--log.format", "json")
	listens(o, 0)
	request := func(what, payload, want string) {
		t.Helper()
		mark := o.Mark()
		o.Send(base+"bridge/request/"+what, payload)
		o.Next(mark, base+"bridge/response/"+what, want)
	}
	request("device/provision", fmt.Sprintf(`{"uuid":%q,"name":"attic"}`, outpost), `{"status":"ok"}`)
	lamp := air.NewLockedLamp(adapter)
	uuid := lamp.UUID.String()

	mark := o.Mark()
	request("scan", `{"time":60,"remote":["attic"]}`, `{"status":"ok","data":{"remote":{"attic":{"time":60}}}}`)
	o.NextMatch(mark, base+"bridge/unprovisioned", "with "+uuid, func(payload []byte) bool {
		return strings.Contains(string(payload), uuid) && strings.Contains(string(payload), `"via":[{"device":"attic"`)
	})

	// The lamp cannot be provisioned without the number, or with another one.
	request("device/provision", fmt.Sprintf(`{"uuid":%q,"oob":{"method":"none"}}`, uuid), `{"status":"error","code":"auth_method"}`)
	mark = o.Mark()
	o.Send(base+"bridge/request/device/provision", fmt.Sprintf(`{"uuid":%q,"name":"lamp"}`, uuid))
	o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"device_provisioning","data":{"uuid":%q,"step":"oob_wanted","action":"numeric","size":6}}`, uuid))
	number := <-lamp.Shown
	request("device/oob", fmt.Sprintf(`{"uuid":%q,"value":"not a number"}`, uuid), `{"status":"error","code":"bad_value"}`)
	request("device/provision_cancel", fmt.Sprintf(`{"uuid":%q}`, uuid), `{"status":"ok"}`)
	o.Next(mark, base+"bridge/response/device/provision", `{"status":"error","code":"aborted"}`)

	mark = o.Mark()
	o.Send(base+"bridge/request/device/provision", fmt.Sprintf(`{"uuid":%q,"name":"lamp","via":"attic"}`, uuid))
	o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"device_provisioning","data":{"uuid":%q,"step":"oob_wanted"}}`, uuid))
	if again := <-lamp.Shown; again == number {
		t.Error("it displays the same number again")
	} else {
		number = again
	}
	request("device/oob", fmt.Sprintf(`{"uuid":%q,"value":%q}`, uuid, number), `{"status":"ok"}`)
	o.Next(mark, base+"bridge/response/device/provision", `{"status":"ok","data":{"name":"lamp"}}`)
	o.Send(base+"lamp/set", `{"state":"ON","brightness":50}`)
	o.AwaitLast(base+"lamp", `{"state":"ON","brightness":50}`)
	if !lamp.IsOn() {
		t.Error("the bridge reports ON, the lamp itself is off")
	}

	request("device/refresh", `{"id":"attic","what":"device_key"}`, `{"status":"ok"}`)
	request("device/refresh", `{"id":"attic","what":"address"}`, `{"status":"ok","data":{"name":"attic"}}`)
	o.Send(base+"attic/set", `{"state":"ON"}`)
	o.AwaitLast(base+"attic", `{"state":"ON"}`)
	request("device/refresh", `{"id":"attic","what":"composition"}`, `{"status":"error"}`)
	run.Stop()
}

// If devices without authentication are forbidden, none is provisioned.
func TestNoOOBIsForbidden(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	air := fleet.NewAir(t)
	lamp := air.NewLamp()
	start(t, "run", "--mqtt.url", url, "--hci.adapters", air.NewAdapter().Spec(), "--mesh.provision.allow_no_oob=false", "--log.level", "error")
	listens(o, 0)
	for oob, code := range map[string]string{`{}`: "auth_method", `{"method":"auto"}`: "auth_method", `{"method":"none"}`: "bad_value"} {
		mark := o.Mark()
		o.Send(base+"bridge/request/device/provision", fmt.Sprintf(`{"uuid":%q,"oob":%s}`, lamp.UUID, oob))
		o.Next(mark, base+"bridge/response/device/provision", fmt.Sprintf(`{"status":"error","code":%q}`, code))
	}
}
