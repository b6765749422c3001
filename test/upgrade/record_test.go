package upgrade

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// UUIDs of the demo's devices and of the devices of the imported network.
const (
	plugUUID      = "62746d657368406480656d6f00000001"
	lampUUID      = "62746d657368406480656d6f00000002"
	colorLampUUID = "62746d657368406480656d6f00000003"
	sensorUUID    = "62746d657368406480656d6f00000004"
	buttonUUID    = "62746d657368406480656d6f00000005"
	keptUUID      = "0a0b0c0d0e0f40119213141516171819"
	removedUUID   = "0a0b0c0d0e0f4011921314151617181a"
)

// TestRecordUpgradeFixture writes a fixture with the current program. It runs
// only with -record. It imports a network of a phone app with two unreachable
// devices. The demo's devices join, are renamed and get further keys. Then one
// of them and one of the phone's devices are removed.
func TestRecordUpgradeFixture(t *testing.T) {
	if *record == "" {
		t.Skip("writes a fixture; run with -record VERSION")
	}
	h := newHome(t)
	h.importNetwork()
	demo, _ := h.demo()

	// New keys, which the phone's devices do not get.
	mark := h.o.Mark()
	h.ask("network/key_refresh", `{"exclude":["Garten/Laternen","gone for good"]}`)
	h.o.Next(mark, base+"bridge/event", `{"type":"key_refresh","data":{"phase":"done"}}`)

	for from, to := range map[string]string{
		"demo_plug": "Küche/Steckdose", "demo_lamp": "Bücherregal Lampe", "demo_color_lamp": "Über/den/Öfen",
	} {
		h.ask("device/rename", fmt.Sprintf(`{"from":%q,"to":%q}`, from, to))
	}
	h.ask("subnet/add", `{"net_key":1}`)
	h.ask("subnet/add", `{"net_key":1,"id":"Bücherregal Lampe"}`)
	h.ask("appkey/add", `{"app_key":9,"net_key":0}`)
	h.ask("appkey/add", `{"app_key":9,"net_key":0,"id":"Küche/Steckdose"}`)
	h.ask("heartbeat/set", `{"id":"Küche/Steckdose","period":64,"ttl":5}`)

	// One device is removed permanently. Another one is removed and joins
	// again, only in the other subnet.
	h.ask("device/remove", `{"id":"gone for good","force":true}`)
	h.ask("device/remove", `{"id":"demo_sensor"}`)
	mark = h.o.Mark()
	h.ask("scan", `{"time":60}`)
	h.o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"device_found","data":{"uuid":%q}}`, sensorUUID))
	h.ask("device/provision", fmt.Sprintf(`{"uuid":%q,"name":"Wohnzimmer Fühler","net_key":1}`, sensorUUID))

	h.set("Küche/Steckdose", `{"state":"ON","transaction":1}`)
	h.set("Bücherregal Lampe", `{"state":"ON","brightness":128,"color_temp":3000,"transaction":1}`)
	h.set("Über/den/Öfen", `{"state":"ON","brightness":200,"color":{"h":240,"s":100},"transaction":1}`)
	mark = h.o.Mark()
	demo.Press()
	h.o.NextMatch(mark, base+"demo_button/event", "of a press", func([]byte) bool { return true })

	f := &fixture{network: h.export()}
	info := h.o.AwaitLast(base+"bridge/info", `{}`)
	if err := json.Unmarshal(info, f); err != nil { // "version" and "go"
		t.Fatal(err)
	}
	gone, err := mesh.ParseUUID(removedUUID)
	if err != nil {
		t.Fatal(err)
	}
	f.Removed = []mesh.UUID{gone}
	h.o.AwaitLastMatch(base+"bridge/devices", "with every device reachable interviewed", func(payload []byte) bool {
		const reachable = 5
		return strings.Count(string(payload), `"interview_state":"successful"`) >= reachable
	})
	demo.Stop()
	h.o.AwaitLast(base+"bridge/state", `{"state":"offline"}`)
	f.Reserves = reserves(t, h.store)
	f.retained = retained(t, h.url)
	f.save(t, filepath.Join("testdata", *record), h.store)
}

// export returns the network with its keys.
func (h *home) export() json.RawMessage {
	h.t.Helper()
	var answer struct {
		Data struct {
			Network json.RawMessage `json:"network"`
		} `json:"data"`
	}
	if err := json.Unmarshal(h.ask("network/export", `{"keys":true}`), &answer); err != nil {
		h.t.Fatal(err)
	}
	return answer.Data.Network
}

// importNetwork imports the network of a phone app into the new store.
func (h *home) importNetwork() {
	h.t.Helper()
	const lamp = `{"UUID": %q, "name": %q, "unicastAddress": %q, "deviceKey": %q, "security": "insecure",
		"netKeys": [{"index": 0, "updated": false}], "appKeys": [{"index": 0, "updated": false}],
		"configComplete": true, "excluded": false, "cid": "0059", "pid": "0001", "vid": "0002", "crpl": "0028",
		"elements": [
			{"index": 0, "location": "0000", "models": [{"modelId": "0000", "bind": [], "subscribe": []},
				{"modelId": "1000", "bind": [0], "subscribe": ["C001"]}]},
			{"index": 1, "location": "0000", "models": [{"modelId": "1000", "bind": [0], "subscribe": []}]}]}`
	text := fmt.Sprintf(`{
		"$schema": "http://json-schema.org/draft-04/schema#",
		"id": "https://www.bluetooth.com/specifications/specs/mesh-cdb-1-0-1-schema.json#",
		"version": "1.0.1", "meshUUID": "6E1F7A52-0C61-4D0A-9B0E-3C5A9D1E7F01", "meshName": "Zu Hause",
		"timestamp": "2026-03-01T08:15:30Z", "partial": false,
		"netKeys": [{"name": "Primary", "index": 0, "key": "00112233445566778899AABBCCDDEEFF", "phase": 0,
			"minSecurity": "insecure", "timestamp": "2026-03-01T08:15:30Z"}],
		"appKeys": [{"name": "Lights", "index": 0, "boundNetKey": 0, "key": "AABBCCDDEEFF00112233445566778899"}],
		"provisioners": [{"provisionerName": "Phone", "UUID": "F3A0B0F1-74B0-4E0C-8F4B-2E44B7E2D001",
			"allocatedUnicastRange": [{"lowAddress": "0001", "highAddress": "00FF"}],
			"allocatedGroupRange": [{"lowAddress": "C000", "highAddress": "C0FF"}], "allocatedSceneRange": []}],
		"nodes": [%s, %s],
		"groups": [{"name": "Decke", "address": "C001", "parentAddress": "0000"}], "scenes": []
	}`,
		fmt.Sprintf(lamp, dashed(keptUUID), "Garten/Laternen", "0005", "22222222222222222222222222222222"),
		fmt.Sprintf(lamp, dashed(removedUUID), "gone for good", "0007", "33333333333333333333333333333333"))
	path := filepath.Join(h.t.TempDir(), "phone.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if out, err := h.command("network", "import", path, "--iv-index", "5").CombinedOutput(); err != nil {
		h.t.Fatalf("%v: %s", err, out)
	}
}

// dashed formats a UUID as in a Mesh Configuration Database.
func dashed(uuid string) string {
	u := strings.ToUpper(uuid)
	return strings.Join([]string{u[:8], u[8:12], u[12:16], u[16:20], u[20:]}, "-")
}
