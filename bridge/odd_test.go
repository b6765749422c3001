package bridge_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// odd are payloads that are no payload of any request.
func odd() map[string]string {
	return map[string]string{
		"null": `null`, "true": `true`, "number": `7`, "text": `"x"`, "list": `[]`, "list of objects": `[{}]`, "NaN": `NaN`, "Infinity": `{"a":-Infinity}`,
		"half": `{"a":`, "two": `{}{}`, "behind": `{} x`, "octets": "\xff\xfe", "octets in text": "{\"a\":\"\xff\"}", "UTF-16": "{\x00}\x00", "NUL": "\x00",
		"field twice": `{"id":"plug","id":"lamp"}`, "field twice with escapes": `{"id":"plug","\u0069d":"lamp"}`,
		"field twice in another case": `{"id":"plug","ID":"lamp"}`, "transaction twice": `{"transaction":1,"transaction":2}`,
		"surrogate": `{"id":"\ud800"}`, "surrogate in a name": `{"\udc00":1}`, "deep lists": strings.Repeat("[", 200000),
		"deep objects": strings.Repeat(`{"id":`, 5000) + "1" + strings.Repeat("}", 5000), "deep transaction": `{"transaction":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		"long text": `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, "long name": `{"` + strings.Repeat("x", 1<<20) + `":1}`,
		"many fields": manyFields(), "unknown field": `{"no_such_field_exists":1}`, "comment": `{/**/}`, "single quotes": `{'id':1}`, "trailing comma": `{"a":1,}`,
	}
}

func manyFields() string {
	var b strings.Builder
	b.WriteString("{")
	for n := range 5000 {
		fmt.Fprintf(&b, `"f%d":1,`, n)
	}
	return strings.TrimSuffix(b.String(), ",") + "}"
}

// values are those that a field gets, whatever it is for.
func values() []string {
	return []string{
		`null`, `true`, `-1`, `0`, `1e999`, `-1e308`, `0.5`, `18446744073709551616`, `1E2`, `""`, `" "`, `"\u0000"`, `"\u202e"`, `"\ufffd"`, `"x"`, `[]`, `{}`,
		`[[[]]]`, `[null]`, `{"x":null}`, `"` + strings.Repeat("7", 1000) + `"`, strings.Repeat("9", 400), `["plug","plug"]`, `"0x0000"`, `"0xffff"`,
	}
}

// Every request answers whatever it is sent, once, and briefly: an odd payload with an
// error that says what is wrong with it. The bridge goes on.
func TestOddPayloadsOfRequests(t *testing.T) {
	table, err := bridge.Requests()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range table.Names() {
		definition, _ := table.Lookup(name)
		t.Run(name, func(t *testing.T) {
			household(t, func(t *testing.T, w *world, _, _ *fake.Node) {
				ask := func(payload string) map[string]any {
					t.Helper()
					w.out.take()
					w.svc.Handle(mqtt.Message{Topic: "b/bridge/request/" + name, Payload: []byte(payload)})
					var answers []string
					for waited := 0; len(answers) == 0 && waited < 600; waited++ {
						pass(time.Second)
						answers = w.out.take("b/bridge/response/" + name)
					}
					pass(time.Second)
					answers = append(answers, w.out.take("b/bridge/response/"+name)...)
					const longest = 64 << 10
					if len(answers) != 1 || len(answers[0]) > longest || !json.Valid([]byte(answers[0])) {
						t.Fatalf("%.200s: %d answers, %.300q", payload, len(answers), answers)
					}
					return object(t, answers[0])
				}
				for what, payload := range odd() {
					answer := ask(payload)
					text, _ := answer["error"].(string)
					if code := answer["code"]; code != "bad_json" && code != "bad_value" && code != "bad_transaction" || text == "" || len(text) > 1000 {
						t.Errorf("%s: %v", what, answer)
					}
				}
				fields := definition.Input().PropertyOrder
				for _, field := range fields {
					for _, value := range values() {
						answer := ask(fmt.Sprintf(`{%q:%s}`, field, value))
						if text, _ := answer["error"].(string); answer["status"] != "ok" && (text == "" || strings.Contains(text, "json:") || strings.Contains(text, "Go ")) {
							t.Errorf("%s: %s: %v", field, value, answer)
						}
					}
				}
				for _, list := range []string{"devices", "info", "unprovisioned", "health"} {
					if !json.Valid([]byte(w.out.value("b/bridge/" + list))) {
						t.Errorf("bridge/%s is not valid JSON", list)
					}
				}
			})
		})
	}
}

// The same for everything that a device takes.
func TestOddPayloadsOfCommands(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		topics := []string{"plug/set", "plug/get", "plug/0/set", "plug/switch/set", "plug/0/get", "hall/lamp/set", "hall/lamp/light/set"}
		attributes := []string{"state", "brightness", "color_temp", "color", "transition", "delay", "transaction", "no_such", ""}
		for _, a := range []string{"state", "brightness", "color_temp", "transition"} {
			topics = append(topics, "plug/set/"+a, "hall/lamp/set/"+a, "hall/lamp/0/set/"+a)
		}
		refused := func(topic, what, payload string) {
			t.Helper()
			w.out.take()
			w.svc.Handle(mqtt.Message{Topic: "b/" + topic, Payload: []byte(payload)})
			pass(time.Minute)
			warnings := w.out.take("b/bridge/logging")
			if len(warnings) != 1 || len(warnings[0]) > 2000 || !json.Valid([]byte(warnings[0])) {
				t.Errorf("%s, %s: %d warnings, %.300q", topic, what, len(warnings), warnings)
			}
		}
		for _, topic := range topics {
			for what, payload := range odd() {
				if isValue := what == "true" || what == "number" || what == "text"; isValue && strings.Contains(topic, "/set/") {
					continue // an attribute can have it
				}
				refused(topic, what, payload)
			}
		}
		sets := []mesh.Opcode{generic.OpOnOffSet, light.OpLightnessSet, light.OpCTLSet}
		if sent := slices.Concat(plug.Received(sets...), lamp.Received(sets...)); len(sent) != 0 {
			t.Errorf("messages were sent: %v", sent)
		}
		for _, topic := range []string{"plug/set", "hall/lamp/set", "hall/lamp/light/set", "plug/get", "hall/lamp/get"} {
			for _, attribute := range attributes {
				for _, value := range values() {
					w.out.take()
					w.svc.Handle(mqtt.Message{Topic: "b/" + topic, Payload: fmt.Appendf(nil, `{%q:%s}`, attribute, value)})
					pass(time.Minute)
					for _, text := range w.out.take("b/bridge/logging") {
						if len(text) > 2000 || !json.Valid([]byte(text)) || strings.Contains(text, "json:") {
							t.Errorf("%s {%q:%.50s}: %.300q", topic, attribute, value, text)
						}
					}
				}
			}
		}
		// All is well.
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/plug", `{"state":"ON"}`)
	})
}

// A byte-order mark before a payload does no harm.
func TestByteOrderMark(t *testing.T) {
	household(t, func(t *testing.T, w *world, _, _ *fake.Node) {
		for _, topic := range []string{"b/plug/set", "b/plug/set/state"} {
			w.send("b/plug/set", `{"state":"OFF"}`)
			pass(time.Second)
			payload := map[string]string{"b/plug/set": "\uFEFF" + `{"state":"ON"}`, "b/plug/set/state": "\uFEFFON"}[topic]
			w.send(topic, payload)
			pass(time.Second)
			w.expect("b/plug", `{"state":"ON"}`)
		}
		if answer := w.request("scan", "\uFEFF"+`{"time":1}`); answer["status"] != "ok" {
			t.Error(answer)
		}
	})
	if schema.Strict([]byte("\uFEFF{}")) != nil {
		t.Error("the reader says what is wrong, not this check")
	}
}
