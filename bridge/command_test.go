package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// household runs a test with an interviewed plug and lamp.
func household(t *testing.T, f func(t *testing.T, w *world, plug, lamp *fake.Node)) {
	t.Helper()
	inBubble(t, func(t *testing.T, w *world) {
		plug, lamp := fake.Plug(uuid(1)), fake.Lamp(uuid(2))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug, "hall/lamp": lamp})
		f(t, w, plug, lamp)
	})
}

func TestSetEndsInTheStateThatTheNodeReports(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.expect("b/plug", `{"state":"OFF"}`)
		w.send("b/plug/set", `{"state":"ON"}`)
		w.expect("b/plug", `{"state":"OFF"}`) // only the reported state is published
		pass(fake.Latency)
		w.expect("b/plug", `{"state":"ON"}`)

		w.send("b/hall/lamp/set", `{"state":"ON","brightness":128,"color_temp":3000}`)
		pass(time.Second)
		w.expect("b/hall/lamp", `{"brightness":128,"color_mode":"color_temp","color_temp":3000,"state":"ON"}`)
		if events := w.out.take(); len(events) != 0 {
			t.Errorf("events %v, expected none", events)
		}
	})
}

func TestSetOfOneAttributeTakesABareValue(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for _, tt := range []struct{ topic, payload, state, expected string }{
			{"b/plug/set/state", `ON`, "b/plug", `{"state":"ON"}`},
			{"b/plug/set/state", `"off"`, "b/plug", `{"state":"OFF"}`},
			{"b/plug/set/state", `true`, "b/plug", `{"state":"ON"}`},
			{"b/hall/lamp/set/color_temp", `2700`, "", ""},
			{"b/hall/lamp/set/brightness", `255`, "b/hall/lamp", `{"brightness":255,"color_mode":"color_temp","color_temp":2700,"state":"ON"}`},
			{"b/hall/lamp/set/state", `TOGGLE`, "b/hall/lamp", `{"brightness":255,"color_mode":"color_temp","color_temp":2700,"state":"OFF"}`},
		} {
			w.send(tt.topic, tt.payload)
			pass(time.Second)
			if tt.state != "" {
				w.expect(tt.state, tt.expected)
			}
		}
		if events := w.out.take(); len(events) != 0 {
			t.Errorf("events %v, expected none", events)
		}
	})
}

func TestElementsAndIdentifiersInTopics(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		double := fake.Composed(uuid(9), []mesh.ModelID{generic.OnOffServerID}, []mesh.ModelID{generic.OnOffServerID})
		w.join(map[string]*fake.Node{"double": double})
		w.expect("b/double", `{"state":"OFF","state_2":"OFF"}`)
		for _, topic := range []string{"b/double/1/set", "b/double/switch_2/set"} {
			before := len(double.Received(generic.OpOnOffSet))
			w.send(topic, `{"state":"ON"}`)
			pass(time.Second)
			sets := double.Received(generic.OpOnOffSet)
			if len(sets) != before+1 || sets[before].Element != 1 {
				t.Errorf("%s: received %v", topic, sets)
			}
		}
		for i, id := range []string{plug.UUID.String(), plug.Address().String()} {
			w.send("b/"+id+"/set", `{"state":"TOGGLE"}`)
			pass(time.Second)
			w.expect("b/plug", []string{`{"state":"ON"}`, `{"state":"OFF"}`}[i])
		}
		w.out.take()
		w.send("b/double/7/set", `{"state":"ON"}`)
		if got := w.out.take("b/double/set/response"); len(got) != 1 || !strings.Contains(got[0], "0 to 1") {
			t.Errorf("an unknown element: %v", got)
		}
	})
}

func TestTransactionIsAnswered(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		answer := func(topic, payload string, after time.Duration) string {
			t.Helper()
			w.send(topic, payload)
			pass(after)
			got := w.out.take("b/plug/set/response")
			if len(got) != 1 {
				t.Fatalf("%d answers to %s", len(got), payload)
			}
			return got[0]
		}
		if got := answer("b/plug/set", `{"state":"ON","transaction":"t1"}`, time.Second); got !=
			`{"transaction":"t1","status":"ok","attempts":1,"rtt_ms":50}` {
			t.Error(got)
		}
		if got := answer("b/plug/get", `{"state":"","transaction":{"a":[1]}}`, time.Second); got !=
			`{"transaction":{"a":[1]},"status":"ok","attempts":1,"rtt_ms":50}` {
			t.Error(got)
		}
		plug.SetSilent(true)
		got := object(t, answer("b/plug/set", `{"state":"OFF","transaction":7}`, fake.Silence))
		if got["status"] != "timeout" || got["code"] != "no_response" || got["transaction"] != 7.0 || got["attempts"] != 8.0 || got["rtt_ms"] != nil {
			t.Error(got)
		}
		for payload, code := range map[string]string{
			`{"state":"MAYBE","transaction":1}`:                               "bad_attribute",
			`{"volume":1,"transaction":1}`:                                    "bad_attribute",
			`{"transaction":1}`:                                               "bad_attribute",
			`{"transition":1e9,"transaction":1}`:                              "bad_attribute",
			`{"brightness":"\u0000","state":"ON"}`:                            "bad_attribute",
			`{"state":"ON","transaction":"` + strings.Repeat("x", 300) + `"}`: "bad_transaction",
			`{"state":`: "bad_json",
			`[]`:        "bad_json",
			`null`:      "bad_json",
			``:          "bad_json",
			"\xff\xfe":  "bad_json",
			`ON`:        "bad_json",
		} {
			got := object(t, answer("b/plug/set", payload, 0))
			if got["status"] != "error" || got["code"] != code || got["error"] == nil {
				t.Errorf("%.60s: %v, expected code %s", payload, got, code)
			}
			if logged := w.out.take("b/bridge/logging"); len(logged) != 1 || !strings.Contains(logged[0], "plug") {
				t.Errorf("%.60s: logged %v", payload, logged)
			}
		}
	})
}

func TestCommandsForUnknownDevices(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		requests := w.net.Requests()
		w.send("b/lump/set", `{"state":"ON","transaction":3}`)
		if got := w.out.take("b/lump/set/response"); len(got) != 1 || object(t, got[0])["code"] != "unknown_device" {
			t.Errorf("got %v", got)
		}
		for _, topic := range []string{"b/lump/set/state", "b/lump/get", "b/set", "b//set", "b/0x7fff/set"} {
			w.out.take()
			w.send(topic, `{"state":"ON"}`)
			if got := w.out.take(); len(got) != 1 || !strings.Contains(got[0], `"level":"warning"`) {
				t.Errorf("%s: %v, expected one warning", topic, got)
			}
		}
		// The broker can send the bridge its own publications; they are not
		// commands.
		for _, topic := range []string{"b/plug", "b/plug/availability", "b/plug/set/response", "b/bridge/state", "b/lump"} {
			w.send(topic, `{"state":"ON"}`)
		}
		if got := w.out.take(); len(got) != 0 {
			t.Errorf("own topics: %v", got)
		}
		if w.net.Requests() != requests {
			t.Error("something was sent")
		}
	})
}

func TestRetainedCommandsAreIgnored(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		requests := w.net.Requests()
		for _, topic := range []string{"b/plug/set", "b/plug/get", "b/lump/set", "b/bridge/request/scan"} {
			w.svc.Handle(mqtt.Message{Topic: topic, Payload: []byte(`{"state":"ON"}`), Retained: true})
		}
		pass(time.Minute + time.Second)
		if w.net.Requests() != requests || len(w.out.take()) != 0 {
			t.Error("a retained command was carried out or answered")
		}
		health := object(t, w.out.value("b/bridge/health"))
		if health["retained_commands_ignored"] != 4.0 {
			t.Errorf("health: %v", health)
		}
	})
}

func TestFloodIsMergedAndTheLastCommandWins(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		const flood = 10_000
		before := len(lamp.Received())
		for i := range flood {
			w.svc.Handle(mqtt.Message{Topic: "b/hall/lamp/set", Payload: fmt.Appendf(nil, `{"brightness":%d,"color_temp":3000}`, 1+i%200)})
		}
		w.send("b/hall/lamp/set", `{"brightness":77,"transaction":"last"}`)
		pass(time.Second)
		sent := lamp.Received()[before:]
		if len(sent) > 20 {
			t.Errorf("%d messages were sent", len(sent))
		}
		w.expect("b/hall/lamp", `{"brightness":77,"color_mode":"color_temp","color_temp":3000,"state":"ON"}`)
		if got := w.out.take("b/hall/lamp/set/response"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("answer %v", got)
		}
	})
}

// A lamp ignores a second message with the same transaction identifier. However
// many commands are merged between two messages, the second message needs
// another identifier.
func TestMergedCommandsDoNotUseUpTransactionIdentifiers(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.send("b/plug/set", `{"state":"ON"}`)
		for range 255 {
			w.svc.Handle(mqtt.Message{Topic: "b/plug/set", Payload: []byte(`{"state":"OFF"}`)})
		}
		pass(time.Second)
		sets := plug.Received(generic.OpOnOffSet)
		if len(sets) != 2 {
			t.Fatalf("%d sets, expected 2", len(sets))
		}
		first, second := fake.Decode[generic.OnOffSet](sets[0]), fake.Decode[generic.OnOffSet](sets[1])
		if second.TID != first.TID+1 || second.OnOff {
			t.Errorf("first %+v, then %+v", first, second)
		}
	})
}

func TestMergedTransactionsAreAllAnswered(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		const flood, remembered = 1500, 1000
		w.send("b/plug/set", `{"state":"ON"}`)
		for i := range flood {
			w.svc.Handle(mqtt.Message{Topic: "b/plug/set", Payload: fmt.Appendf(nil, `{"state":"OFF","transaction":%d}`, i)})
		}
		pass(time.Second)
		count := map[any]int{}
		got := w.out.take("b/plug/set/response")
		for i, g := range got {
			o := object(t, g)
			count[fmt.Sprint(o["status"], o["code"])]++
			if o["transaction"] != float64(i) {
				t.Fatalf("answer %d is %s", i, g)
			}
		}
		if count["ok<nil>"] != remembered || count["errorsuperseded"] != flood-remembered {
			t.Errorf("answers %v", count)
		}
	})
}

func TestOrderOfMergedCommands(t *testing.T) {
	tests := map[string]struct {
		commands []string
		state    string
		messages int // after the one in progress
	}{
		"off after brightness":          {[]string{`{"brightness":200}`, `{"state":"OFF"}`}, `"OFF"`, 1},
		"brightness after off":          {[]string{`{"state":"OFF"}`, `{"brightness":200}`}, `"ON"`, 1},
		"toggle":                        {[]string{`{"state":"TOGGLE"}`}, `"OFF"`, 1}, // the first command switched it on
		"toggled twice":                 {[]string{`{"state":"TOGGLE"}`, `{"state":"TOGGLE"}`}, `"ON"`, 0},
		"off and toggled":               {[]string{`{"state":"OFF"}`, `{"state":"TOGGLE"}`}, `"ON"`, 1},
		"invalid command in the middle": {[]string{`{"state":"OFF"}`, `{"state":"ON","brightness":300}`}, `"OFF"`, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
				w.send("b/hall/lamp/set", `{"state":"ON"}`) // in progress while the others arrive
				before := len(lamp.Received())
				for i, c := range tt.commands {
					w.send("b/hall/lamp/set", strings.TrimSuffix(c, "}")+fmt.Sprintf(`,"transaction":%d}`, i))
				}
				pass(time.Second)
				if state := w.out.value("b/hall/lamp"); !strings.HasSuffix(state, `"state":`+tt.state+`}`) {
					t.Errorf("state %s, expected %s", state, tt.state)
				}
				if sent := lamp.Received()[before:]; len(sent) != tt.messages {
					t.Errorf("sent %v, expected %d messages", sent, tt.messages)
				}
				if got := w.out.take("b/hall/lamp/set/response"); len(got) != len(tt.commands) {
					t.Errorf("answers %v", got)
				}
			})
		})
	}
}

func TestQueriesAreMerged(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for _, tt := range []struct {
			queries []string
			opcodes []mesh.Opcode
		}{
			{[]string{`{"state":""}`, `{"color_temp":""}`, `{"state":""}`}, []mesh.Opcode{light.OpCTLGet}},
			{[]string{``, `{"state":""}`}, []mesh.Opcode{light.OpCTLGet}}, // the first query asks for everything
			{[]string{`{"state":""}`}, []mesh.Opcode{light.OpLightnessGet}},
		} {
			w.send("b/hall/lamp/set", `{"state":"ON"}`)
			before := len(lamp.Received())
			for _, q := range tt.queries {
				w.send("b/hall/lamp/get", q)
			}
			pass(time.Second)
			var got []mesh.Opcode
			for _, m := range lamp.Received()[before:] {
				got = append(got, m.Opcode)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.opcodes) {
				t.Errorf("%v: sent %v, expected %v", tt.queries, got, tt.opcodes)
			}
		}
		w.send("b/plug/get", `{"nonsense":""}`)
		w.send("b/plug/get", `nonsense`)
		if got := w.out.take("b/plug/set/response"); len(got) != 2 {
			t.Errorf("answers %v", got)
		}
	})
}

func TestUnexpectedStatusIsNotTheAnswer(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			return &generic.LevelStatus{}, m.Opcode == generic.OpOnOffSet // a status that does not answer the message
		}
		w.send("b/plug/set", `{"state":"ON","transaction":1}`)
		pass(fake.Silence + time.Second)
		if got := w.out.take("b/plug/set/response"); len(got) != 1 || !strings.Contains(got[0], `"timeout"`) {
			t.Errorf("answers %v", got)
		}
		w.expect("b/plug", `{"state":"OFF"}`)
	})
}

// A status has the state of the plug, but not the message that it answers: an
// OFF state does not acknowledge an ON command.
func TestOldStatusIsNotTheAnswer(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			return &generic.OnOffStatus{}, m.Opcode == generic.OpOnOffSet
		}
		w.send("b/plug/set", `{"state":"ON","transaction":1}`)
		pass(fake.Silence + time.Second)
		if got := w.out.take("b/plug/set/response"); len(got) != 1 || !strings.Contains(got[0], `"timeout"`) {
			t.Errorf("response %v, expected a timeout", got)
		}
		w.expect("b/plug", `{"state":"OFF"}`)
	})
}

func TestUnknownMessagesArePublished(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.svc.Report(node.MessageReceived{Src: lamp.Address() + 1, Dst: 1, Opcode: 0xC105F1, Params: []byte{1, 0xAB}})
		w.svc.Report(node.MessageReceived{Src: 0x7000, Dst: 1, Opcode: 0xC105F1})
		synctest.Wait()
		want := fmt.Sprintf(`{"source":"%s","element":1,"opcode":"c105f1","hex":"01ab"}`, lamp.Address()+1)
		if got := w.out.take("b/hall/lamp/message"); len(got) != 1 || got[0] != want {
			t.Errorf("got %v, expected %s", got, want)
		}
		if got := w.out.take(); len(got) != 0 {
			t.Errorf("further events %v", got)
		}
	})
}

// An element can be named in many ways. What waits for a device is bounded all the same.
func TestCommandsForManyElementsAreBounded(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		plug.SetLatency(5 * time.Second)
		w.send("b/plug/set", `{"state":"ON"}`) // the others wait for this one
		busy, answered := 0, 0
		for n := range 100 {
			w.send("b/plug/"+strings.Repeat("0", n+1)+"/set", `{"state":"OFF","transaction":1}`)
		}
		count := func() {
			for _, r := range w.out.take("b/plug/set/response") {
				answered++
				if strings.Contains(r, `"busy"`) {
					busy++
				}
			}
		}
		if count(); busy != 100-64 {
			t.Errorf("%d commands were refused, expected %d", busy, 100-64)
		}
		pass(time.Hour)
		if count(); answered != 100 {
			t.Errorf("%d commands were answered, expected all", answered)
		}
	})
}
