package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// servingPlug makes a plug with a Remote Provisioning Server that answers.
func servingPlug(id mesh.UUID, status *remoteprovisioning.Status) *fake.Node {
	d := fake.Composed(id, []mesh.ModelID{foundation.RemoteProvisioningServerID, generic.OnOffServerID})
	d.Answer = func(m fake.Message) (access.Message, bool) {
		switch m.Opcode {
		case remoteprovisioning.OpScanStart, remoteprovisioning.OpScanStop:
			return &remoteprovisioning.ScanStatus{Status: *status}, true
		case remoteprovisioning.OpExtendedScanStart:
			var q remoteprovisioning.ExtendedScanStart
			if access.Decode(m.Params, &q) != nil {
				return nil, true
			}
			return &remoteprovisioning.ExtendedScanReport{
				Status: *status, UUID: q.UUID, HasOOBInformation: *status == 0, OOBInformation: 0x20,
				ADStructures: []byte("\x05\x09Lamp\x05\x24\x17//x\x03\x19\x01\x02\x00"),
			}, true
		}
		return nil, false
	}
	return d
}

// remoteHousehold runs a test with a household and a device that scans for the
// bridge.
func remoteHousehold(t *testing.T, f func(t *testing.T, w *world, server, lamp *fake.Node, status *remoteprovisioning.Status)) {
	t.Helper()
	inBubble(t, func(t *testing.T, w *world) {
		status := remoteprovisioning.Success
		server, lamp := servingPlug(uuid(1), &status), fake.Lamp(uuid(2))
		w.start()
		w.join(map[string]*fake.Node{"attic": server, "lamp": lamp})
		f(t, w, server, lamp, &status)
	})
}

func TestRemoteScan(t *testing.T) {
	remoteHousehold(t, func(t *testing.T, w *world, server, lamp *fake.Node, status *remoteprovisioning.Status) {
		r := w.request("scan", `{"time":300,"remote":["attic"]}`)
		if r["status"] != "ok" || fmt.Sprint(r["data"]) != "map[remote:map[attic:map[time:255]] time:300]" {
			t.Errorf("got %v", r)
		}
		w.svc.Report(node.DeviceHeard{UUID: uuid(9), OOB: 0x20, RSSI: -70, Via: server.Address()})
		w.svc.Report(node.DeviceHeard{UUID: uuid(8), RSSI: -50})
		w.svc.Report(node.DeviceHeard{UUID: uuid(8), RSSI: -60, Via: server.Address()})
		w.svc.Report(node.DeviceHeard{UUID: uuid(7), RSSI: -60, Via: 0x7123}) // from an unknown node
		pass(2 * time.Second)
		listed := w.listed("unprovisioned")
		for _, part := range []string{
			`"bearers":["pb-remote"],"rssi":-70,"oob_info":32`, `"via":[{"device":"attic","rssi":-70}]`,
			`"bearers":["pb-adv","pb-remote"],"rssi":-50`, `"via":[{"device":"attic","rssi":-60}]`,
		} {
			if !strings.Contains(listed, part) {
				t.Errorf("%s is not in %s", part, listed)
			}
		}
		if strings.Contains(listed, uuid(7).String()) {
			t.Error("a device reported by an unknown node is listed")
		}
		if events := w.out.take("b/bridge/event"); len(events) != 3 || !strings.Contains(events[0], `"via":"attic"`) {
			t.Errorf("events %v", events)
		}
		// A request without a path uses the path by which the device was found.
		near, distant := fake.Plug(uuid(8)), fake.Plug(uuid(9))
		w.net.Place(near, distant)
		for _, d := range []*fake.Node{near, distant} {
			w.send("b/bridge/request/device/provision", `{"uuid":"`+d.UUID.String()+`"}`)
		}
		pass(time.Minute)
		if w.net.How(near.UUID).Via != mesh.Unassigned || w.net.How(distant.UUID).Via != server.Address() {
			t.Errorf("via %v and %v", w.net.How(near.UUID).Via, w.net.How(distant.UUID).Via)
		}
		w.svc.Report(node.DeviceHeard{UUID: uuid(10), OOB: 0x20, RSSI: -70, Via: server.Address()})
		// A server reports a device once: the device stays listed until the
		// scan ends.
		pass(150 * time.Second)
		if listed := w.out.value("b/bridge/unprovisioned"); !strings.Contains(listed, uuid(10).String()) {
			t.Error("the device was removed before the scan ended")
		}
		pass(200 * time.Second)
		w.expect("b/bridge/unprovisioned", `[]`)

		*status = remoteprovisioning.InvalidState
		w.refused("scan", `{"remote":["attic"]}`, "failed")
		server.SetSilent(true)
		w.refused("scan", `{"time":0,"remote":["attic"]}`, "no_response")
		w.refused("scan", `{"remote":["lamp"]}`, "bad_value")
		w.refused("scan", `{"remote":["nobody"]}`, "unknown_device")
	})
}

func TestRemoteDetails(t *testing.T) {
	remoteHousehold(t, func(t *testing.T, w *world, server, lamp *fake.Node, status *remoteprovisioning.Status) {
		id := uuid(9).String()
		r := w.request("scan", `{"uuid":"`+id+`","time":5,"remote":["attic"]}`)
		want := "map[ad_structures:03190102 name:Lamp oob_info:32 uri:\x17//x]"
		if r["status"] != "ok" || fmt.Sprint(r["data"].(map[string]any)["remote"].(map[string]any)["attic"]) != want {
			t.Errorf("got %v", r)
		}
		*status = remoteprovisioning.LimitedResources
		w.refused("scan", `{"uuid":"`+id+`","remote":["attic"]}`, "failed")
		w.refused("scan", `{"uuid":"x"}`, "bad_value")
		w.refused("scan", `{"uuid":"x","remote":["attic"]}`, "bad_value")
	})
}

func TestRefresh(t *testing.T) {
	remoteHousehold(t, func(t *testing.T, w *world, server, lamp *fake.Node, status *remoteprovisioning.Status) {
		before := server.Address()
		if r := w.request("device/refresh", `{"id":"attic","what":"device_key"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		if events := w.out.take("b/bridge/event"); len(events) != 1 || !strings.Contains(events[0], `"device_refreshed"`) {
			t.Errorf("events %v", events)
		}
		r := w.request("device/refresh", `{"id":"attic","what":"address"}`)
		if r["status"] != "ok" || r["data"].(map[string]any)["address"] != server.Address().String() || server.Address() == before {
			t.Errorf("got %v", r)
		}
		if devices := w.listed("devices"); !strings.Contains(devices, `"address":"`+server.Address().String()+`"`) || strings.Contains(devices, `"address":"`+before.String()+`"`) {
			t.Errorf("devices %s", devices)
		}
		w.send("b/attic/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/attic", `{"state":"ON"}`)
		if r := w.request("device/refresh", `{"id":"attic","what":"composition"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		w.refused("device/refresh", `{"id":"attic","what":"soul"}`, "bad_value")
		w.refused("device/refresh", `{"id":"lamp","what":"device_key"}`, "bad_value")
		w.refused("device/refresh", `{"id":"nobody","what":"device_key"}`, "unknown_device")
		w.net.Refuse(server.UUID, node.ErrUncertain)
		w.refused("device/refresh", `{"id":"attic","what":"device_key"}`, "failed")
	})
}
