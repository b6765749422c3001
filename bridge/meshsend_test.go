package bridge_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// answers expects a request to succeed and returns its data.
func answers(w *world, what, payload string) map[string]any {
	w.t.Helper()
	r := w.request(what, payload)
	data, _ := r["data"].(map[string]any)
	if r["status"] != "ok" || data == nil {
		w.t.Fatalf("%s %s: %v", what, payload, r)
	}
	return data
}

func TestMessageByName(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for payload, want := range map[string]string{
			`{"dst":"plug","message":"Generic OnOff Set","fields":{"onoff":true,"tid":7}}`:                  "on",
			`{"dst":"plug","message":"generic_onoff_get"}`:                                                  "on",
			`{"dst":"` + plug.Address().String() + `","opcode":"8201"}`:                                     "on",
			`{"dst":"` + plug.UUID.String() + `","opcode":"0x8201","hex":"","response":"8204"}`:             "on",
			`{"dst":"plug","message":"Generic OnOff Get","response":"Generic OnOff Status","ttl":0}`:        "on",
			`{"dst":"plug","element":0,"message":"Generic OnOff Get","key":"app","attempts":3,"timeout":5}`: "on",
		} {
			plug.Answer = func(m fake.Message) (access.Message, bool) {
				return &generic.OnOffStatus{PresentOnOff: true}, m.Opcode == generic.OpOnOffGet
			}
			data := answers(w, "mesh/send", payload)
			response, _ := data["response"].(map[string]any)
			fields, _ := response["fields"].(map[string]any)
			if data["name"] != "plug" || data["element"] != 0.0 || data["acknowledged"] != true || data["attempts"] != 1.0 ||
				data["rtt_ms"] != float64(fake.Latency.Milliseconds()) {
				t.Errorf("%s: %v", payload, data)
			}
			if response["message"] != "Generic OnOff Status" || response["opcode"] != "8204" || response["hex"] != "01" ||
				response["source"] != plug.Address().String() || fields["present_onoff"] != true {
				t.Errorf("%s: response %v, expected %s", payload, response, want)
			}
		}
		sets := plug.Received(generic.OpOnOffSet)
		if len(sets) != 1 || *fake.Decode[generic.OnOffSet](sets[0]) != (generic.OnOffSet{OnOff: true, TID: 7}) {
			t.Errorf("sets %v", sets)
		}
	})
}

// The answer to a manual request updates the state, too.
func TestAnswerOfAMessageIsState(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.expect("b/plug", `{"state":"OFF"}`)
		answers(w, "mesh/send", `{"dst":"plug","message":"Generic OnOff Set","fields":{"onoff":true,"tid":1}}`)
		w.expect("b/plug", `{"state":"ON"}`)
	})
}

func TestMessageToAnElement(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for _, dst := range []string{
			`"dst":"hall/lamp","element":1`,
			`"dst":"` + (lamp.Address() + 1).String() + `"`,
			`"dst":"` + (lamp.Address() + 1).String() + `","element":1`,
			`"dst":"` + lamp.Address().String() + `","element":1`,
		} {
			before := len(lamp.Received())
			data := answers(w, "mesh/send", `{`+dst+`,"opcode":"8264","hex":"00000a00000009","response":"none"}`)
			sent := lamp.Received()[before:]
			if len(sent) != 1 || sent[0].Element != 1 || data["element"] != 1.0 || data["dst"] != (lamp.Address()+1).String() {
				t.Errorf("%s: sent %v, %v", dst, sent, data)
			}
			if _, has := data["response"]; has || data["acknowledged"] != false {
				t.Errorf("%s: %v", dst, data)
			}
		}
	})
}

func TestMessageWithTheDeviceKey(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		var asked node.Request
		w.net.Asked = func(r node.Request) { asked = r }
		data := answers(w, "mesh/send", `{"dst":"plug","key":"device","message":"Config Default TTL Get"}`)
		response, _ := data["response"].(map[string]any)
		if fmt.Sprint(response["fields"]) != "map[ttl:5]" || asked.Key.Device != plug.Address() {
			t.Errorf("%v with the key %+v", response, asked.Key)
		}
	})
}

// Messages to a group are not acknowledged.
func TestMessageToAGroup(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		var asked []node.Request
		w.net.Asked = func(r node.Request) { asked = append(asked, r) }
		for _, dst := range []string{"0xc000", "0xffff"} {
			data := answers(w, "mesh/send", `{"dst":"`+dst+`","message":"Generic OnOff Get"}`)
			if data["dst"] != dst || data["acknowledged"] != false || data["name"] != nil || data["element"] != nil || data["response"] != nil {
				t.Errorf("%v", data)
			}
		}
		if len(asked) != 2 || asked[0].Dst != 0xC000 || asked[0].Respond != 0 || asked[1].Dst != mesh.AllNodes {
			t.Errorf("sent %+v", asked)
		}
	})
}

// The longest vendor message is sent and received, also unsolicited.
func TestLongestVendorMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const call, answer mesh.Opcode = 0xC105F1, 0xC205F1
		params := bytes.Repeat([]byte{0xA5}, access.MaxPayload-call.Size())
		vendor := fake.Composed(uuid(4), []mesh.ModelID{mesh.VendorModel(0xF105, 1)})
		vendor.Answer = func(m fake.Message) (access.Message, bool) {
			return &access.Raw{Code: answer, Params: m.Params}, m.Opcode == call
		}
		w.start()
		w.join(map[string]*fake.Node{"vendor": vendor})
		text := hex.EncodeToString(params)
		data := answers(w, "mesh/send", `{"dst":"vendor","opcode":"c105f1","hex":"`+text+`","response":"c205f1"}`)
		response, _ := data["response"].(map[string]any)
		if response["hex"] != text || response["opcode"] != "c205f1" || response["message"] != nil || response["fields"] != nil {
			t.Errorf("%v", response)
		}
		if got := vendor.Received(call); len(got) != 1 || !bytes.Equal(got[0].Params, params) {
			t.Errorf("the node received %v", got)
		}
		w.out.take()
		w.svc.Report(node.MessageReceived{Src: vendor.Address(), Dst: 1, Opcode: answer, Params: params})
		synctest.Wait()
		want := fmt.Sprintf(`{"source":"%s","element":0,"opcode":"c205f1","hex":"%s"}`, vendor.Address(), text)
		if got := w.out.take("b/vendor/message"); len(got) != 1 || got[0] != want {
			t.Errorf("got %v", got)
		}
	})
}

func TestWrongMessagesAreRefused(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		const get = `"message":"Generic OnOff Get"`
		inside := (lamp.Address() + 1).String()
		tests := []struct{ payload, code, says string }{
			{`{}`, "bad_value", `expected "message"`},
			{`{"dst":"plug"}`, "bad_value", `expected "message"`},
			{`{"dst":"plug","fields":{}}`, "bad_value", `expected "message"`},
			{`{"dst":"plug","hex":"00"}`, "bad_value", "opcode: expected"},
			{`{"dst":"plug",` + get + `,"hex":"00"}`, "bad_value", "some of both"},
			{`{"dst":"plug","message":"Generic OnOf Get"}`, "unknown_message", "did you mean Generic OnOff Get"},
			{`{"dst":"plug","message":"get light hsl"}`, "unknown_message", "Light HSL Get"},
			{`{"dst":"plug","message":"\u0000 qqq"}`, "unknown_message", `\x00 qqq`},
			{`{"dst":"plug","message":"Generic OnOff Set"}`, "bad_fields", `onoff is missing; expected fields like {"onoff":false,"tid":0`},
			{`{"dst":"plug","message":"Generic OnOff Set","fields":{"onoff":"maybe","tid":1}}`, "bad_fields", "onoff: expected true or false, got a string"},
			{`{"dst":"plug","message":"Generic OnOff Set","fields":{"onoff":true,"tid":256}}`, "bad_fields", "tid: expected a whole number from 0 to 255"},
			{`{"dst":"plug",` + get + `,"fields":{"on":1}}`, "bad_fields", `unknown field "on"`},
			{`{"dst":"plug",` + get + `,"fields":[]}`, "bad_fields", "expected an object"},
			{`{"dst":"plug","message":"Config Default TTL Set","fields":{"ttl":1}}`, "bad_fields", "ttl"},
			{`{"dst":"plug","opcode":"82"}`, "bad_value", "two, four or six"},
			{`{"dst":"plug","opcode":"7f"}`, "bad_value", "opcode: expected"},
			{`{"dst":"plug","opcode":"xyz"}`, "bad_value", `got "xyz"`},
			{`{"dst":"plug","opcode":8201}`, "bad_json", "opcode: expected a text, got number"},
			{`{"dst":"plug","opcode":"8201","hex":"0"}`, "bad_value", "hex: expected"},
			{`{"dst":"plug","opcode":"c105f1","hex":"` + strings.Repeat("00", 378) + `"}`, "too_long", "at most 377 octets with an opcode of 3, got 378"},
			{`{"dst":"plug","opcode":"00","hex":"` + strings.Repeat("00", 380) + `"}`, "too_long", "at most 379"},
			{`{"dst":"","message":"Generic OnOff Get"}`, "bad_value", "dst: expected the name"},
			{`{"dst":"plugg",` + get + `}`, "unknown_device", "plugg"},
			{`{"dst":"0x0777",` + get + `}`, "unknown_device", "0x0777"},
			{`{"dst":"0x8001",` + get + `}`, "bad_value", "virtual address"},
			{`{"dst":"0x0000",` + get + `}`, "bad_value", "group address"},
			{`{"dst":5,` + get + `}`, "bad_json", "dst: expected a text"},
			{`{"dst":"plug","element":1,` + get + `}`, "bad_value", "elements 0 to 0"},
			{`{"dst":"plug","element":-1,` + get + `}`, "bad_json", "element: expected a whole number from 0 to 255"},
			{`{"dst":"` + inside + `","element":0,` + get + `}`, "bad_value", "give one of the two"},
			{`{"dst":"0xc000","element":0,` + get + `}`, "bad_value", "no elements"},
			{`{"dst":"plug","key":"net",` + get + `}`, "bad_value", `expected "app" or "device"`},
			{`{"dst":"0xc000","key":"device",` + get + `}`, "bad_value", "no device key"},
			{`{"dst":"plug","key":"device","app_key":1,` + get + `}`, "bad_value", "app_key"},
			{`{"dst":"plug","app_key":3,` + get + `}`, "bad_value", "[0], got 3"},
			{`{"dst":"plug","app_key":70000,` + get + `}`, "bad_json", "0 to 65535"},
			{`{"dst":"plug","response":"Generic Onof Status",` + get + `}`, "unknown_message", "response: there is no message"},
			{`{"dst":"0xc000","response":"8204",` + get + `}`, "bad_value", "not acknowledged"},
			{`{"dst":"plug","ttl":1,` + get + `}`, "bad_value", "ttl"},
			{`{"dst":"plug","ttl":128,` + get + `}`, "bad_value", "ttl"},
			{`{"dst":"plug","timeout":-1,` + get + `}`, "bad_value", "timeout"},
			{`{"dst":"plug","timeout":301,` + get + `}`, "bad_value", "timeout"},
			{`{"dst":"plug","attempts":51,` + get + `}`, "bad_value", "attempts"},
			{`{"dst":"plug","attempt":5,` + get + `}`, "bad_json", "unknown field"},
		}
		requests := w.net.Requests()
		for _, tt := range tests {
			r := w.request("mesh/send", tt.payload)
			says, _ := r["error"].(string)
			if r["status"] != "error" || r["code"] != tt.code || !strings.Contains(says, tt.says) {
				t.Errorf("%.100s: %v, expected code %s and %q", tt.payload, r, tt.code, tt.says)
			}
		}
		if w.net.Requests() != requests {
			t.Error("something was sent")
		}
	})
}

func TestMessageWithoutAnswer(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.SetSilent(true)
		began := time.Now()
		r := w.request("mesh/send", `{"dst":"plug","message":"Generic OnOff Get","timeout":2,"transaction":4}`)
		if r["code"] != "timeout" || r["transaction"] != 4.0 || time.Since(began) > 3*time.Second {
			t.Errorf("after %s: %v", time.Since(began), r)
		}
		r = w.request("mesh/send", `{"dst":"plug","message":"Generic OnOff Get"}`)
		data, _ := r["data"].(map[string]any)
		if r["code"] != "no_response" || data["attempts"] != 8.0 || data["name"] != "plug" {
			t.Errorf("%v", r)
		}
		// The device may not support the message: a missing answer does not
		// make it offline.
		w.expect("b/plug/availability", `{"state":"online"}`)
	})
}

// Keys can be sent but are never repeated: not if they are valid, not if they
// are in the wrong field, and not if a node sends them.
func TestKeysInMessagesAreNotRepeated(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		const key = "00112233445566778899aabbccddeeff"
		octets, err := hex.DecodeString(key)
		if err != nil {
			t.Fatal(err)
		}
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			if m.Opcode != configuration.OpNetKeyAdd {
				return nil, false
			}
			return &configuration.NetKeyStatus{NetKeyIndex: 3}, true
		}
		for _, payload := range []string{
			`{"dst":"plug","key":"device","message":"Config NetKey Add","fields":{"net_key_index":3,"net_key":"` + key + `"}}`,
			`{"dst":"plug","key":"device","opcode":"8040","hex":"0300` + key + `"}`,
		} {
			data := answers(w, "mesh/send", payload)
			if response, _ := data["response"].(map[string]any); response["message"] != "Config NetKey Status" || response["hex"] != "000300" {
				t.Errorf("%v", data)
			}
		}
		added := plug.Received(configuration.OpNetKeyAdd)
		if len(added) != 2 || !bytes.Equal(added[0].Params[2:], octets) || !bytes.Equal(added[1].Params[2:], octets) {
			t.Errorf("the node received %v", added)
		}
		for _, payload := range []string{
			`{"dst":"plug","key":"device","message":"Config NetKey Add","fields":{"net_key_index":3,"net_key":"` + key + `0"}}`,
			`{"dst":"plug","key":"device","message":"Config NetKey Add","fields":{"net_key":"` + key + `"}}`,
			`{"dst":"plug","key":"device","message":"Config NetKey Add","fields":"` + key + `"}`,
			`{"dst":"plug","key":"` + key + `","message":"Config NetKey Add","fields":{}}`,
			`{"dst":"plug","key":"device","opcode":"80400300` + key + `"}`,
			`{"dst":"plug","key":"device","message":"` + key + `"}`,
			`{"dst":"plug","key":"device","message":"Config NetKey Get","response":"` + key + `"}`,
			`{"dst":"plug","key":"device","opcode":"8040","hex":"0300` + key + `z"}`,
		} {
			if r := w.request("mesh/send", payload); r["status"] != "error" {
				t.Errorf("%s: %v", payload, r)
			}
		}
		// A node that answers with a key.
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			return &access.Raw{Code: configuration.OpNetKeyAdd, Params: append([]byte{3, 0}, octets...)}, true
		}
		data := answers(w, "mesh/send", `{"dst":"plug","key":"device","message":"Config NetKey Get","response":"8040"}`)
		response, _ := data["response"].(map[string]any)
		if _, has := response["hex"]; has || !strings.Contains(fmt.Sprint(response["fields"]), "net_key:[key]") {
			t.Errorf("%v", response)
		}
		// A node that sends a key to all nodes.
		w.svc.Report(node.MessageReceived{Src: plug.Address(), Dst: 1, Opcode: configuration.OpNetKeyAdd, Params: append([]byte{3, 0}, octets...)})
		w.svc.Report(node.MessageReceived{Src: plug.Address(), Dst: 1, Opcode: configuration.OpAppKeyAdd, Params: octets})
		synctest.Wait()
		w.stop()
		for _, m := range w.out.all {
			if strings.Contains(m.payload, key) || strings.Contains(m.payload, string(octets)) {
				t.Errorf("%s: %s", m.topic, m.payload)
			}
		}
		if log := w.logs.String(); strings.Contains(log, key) || !strings.Contains(log, "Config NetKey Add") {
			t.Errorf("the log:\n%s", log)
		}
	})
}
