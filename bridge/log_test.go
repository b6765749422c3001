package bridge_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// line is a line of the log.
type line map[string]any

// logged returns the log of a stopped world.
func (w *world) logged() []line {
	w.t.Helper()
	var all []line
	for scanner := bufio.NewScanner(bytes.NewReader(w.logs.Bytes())); scanner.Scan(); {
		all = append(all, object(w.t, scanner.Text()))
	}
	return all
}

// expectLine expects a line with at least these values, as JSON, and these
// additional keys.
func (w *world) expectLine(values string, keys ...string) {
	w.t.Helper()
	want := object(w.t, values)
	for _, l := range w.logged() {
		found := true
		for key, value := range want {
			got, _ := json.Marshal(l[key])
			expected, _ := json.Marshal(value)
			found = found && bytes.Equal(got, expected)
		}
		for _, key := range keys {
			_, has := l[key]
			found = found && has
		}
		if found {
			return
		}
	}
	w.t.Errorf("expected a line with %s and the keys %v in\n%s", values, keys, w.logs)
}

func TestDebugLog(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		plug := fake.Plug(uuid(1))
		w.start()
		w.svc.Report(node.DeviceHeard{UUID: uuid(1), RSSI: -60})
		w.join(map[string]*fake.Node{"plug": plug})
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(fake.Latency)
		w.report(plug, 0, &generic.OnOffStatus{PresentOnOff: true})
		src := plug.Address()
		for _, in := range []node.MessageReceived{
			{Src: src, Dst: 1, Opcode: generic.OpOnOffStatus, Params: []byte{1, 2, 3, 4, 5}, RSSI: -70, TTL: 9},
			{Src: src, Dst: 1, Opcode: 0xC105F1, Params: []byte{0xAB}},
			{Src: src, Dst: 1, Opcode: configuration.OpAppKeyAdd, Params: append([]byte{0}, appKey.Reveal()...), DeviceKey: true},
			{Src: 0x0777, Dst: 0xC000, Opcode: generic.OpOnOffGet},
		} {
			w.svc.Report(in)
		}
		w.send("b/plug/set", `{"stat":"ON"}`)
		plug.SetSilent(true)
		w.send("b/plug/get", ``)
		pass(2 * fake.Silence)
		w.stop()

		at := `"device":"plug","element":0,"level":"debug",`
		w.expectLine(`{"level":"debug","message":"an unprovisioned device was heard","uuid":"` + uuid(1).String() + `","adapter":"hci0","rssi":-60}`)
		w.expectLine(`{"level":"debug","message":"request","request":"device/provision","payload":{"uuid":"` + uuid(1).String() + `","name":"plug"}}`)
		w.expectLine(`{"device":"plug","level":"debug","message":"provisioning","step":"link_open","uuid":"` + uuid(1).String() + `"}`)
		w.expectLine(`{"device":"plug","level":"debug","message":"interview","status":"in_progress","step":"app_key","done":2}`)
		w.expectLine(`{`+at+`"message":"sent","access_message":"Config AppKey Add","opcode":"00","key":"device","attempts":1,"outcome":"ok"}`, "fields", "rtt_ms")
		w.expectLine(`{`+at+`"message":"received","access_message":"Config AppKey Status","key":"device","dst":"0x0001"}`, "fields", "src")
		w.expectLine(`{"device":"plug","level":"debug","message":"command","topic":"b/plug/set","payload":"{\"state\":\"ON\"}"}`)
		w.expectLine(`{`+at+`"message":"sent","access_message":"Generic OnOff Set","key":"app","attempts":1,"rtt_ms":50,"outcome":"ok"}`, "fields", "dst")
		w.expectLine(`{` + at + `"message":"received","access_message":"Generic OnOff Status","opcode":"8204","fields":{"present_onoff":true}}`)
		w.expectLine(`{` + at + `"message":"received","access_message":"Generic OnOff Status","hex":"0102030405","rssi":-70,"ttl":9}`)
		w.expectLine(`{` + at + `"message":"received","opcode":"c105f1","hex":"ab","access_message":null}`)
		w.expectLine(`{` + at + `"message":"received","access_message":"Config AppKey Add","octets":17}`)
		w.expectLine(`{"level":"debug","message":"received","access_message":"Generic OnOff Get","src":"0x0777","dst":"0xc000","fields":{}}`)
		w.expectLine(`{"level":"warn","device":"plug","message":"a command for plug was refused: translate: unknown attribute \"stat\": expected state, transition, delay"}`)
		w.expectLine(`{`+at+`"message":"sent","access_message":"Generic OnOff Get","attempts":8,"rtt_ms":24000,"outcome":"no_response"}`, "error")
		if text := w.logs.String(); strings.Contains(text, "63616e617279") || strings.Contains(text, "canary") {
			t.Error("a key is in the log")
		}
	})
}

// TestInfoLogIsQuiet: routine events are not in the log.
func TestInfoLogIsQuiet(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.Logger = w.cfg.Logger.Level(zerolog.InfoLevel)
		plug := fake.Plug(uuid(1))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug})
		w.request("scan", ``)
		w.send("b/plug/set", `{"state":"ON"}`)
		w.svc.Report(node.MessageReceived{Src: mesh.Address(0x0777), Dst: 1, Opcode: generic.OpOnOffGet})
		w.request("device/rename", `{"from":"plug","to":"socket"}`)
		w.stop()

		var said []string
		for _, l := range w.logged() {
			text, _ := l["message"].(string)
			said = append(said, text)
		}
		want := "provisioning a device; a device joined the network; the device is configured; the device was renamed"
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
