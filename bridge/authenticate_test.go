package bridge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// stepData finds the event of a provisioning step.
func (w *world) stepData(step string) map[string]any {
	w.t.Helper()
	for _, e := range w.out.take("b/bridge/event") {
		if data := object(w.t, e)["data"].(map[string]any); data["step"] == step {
			return data
		}
	}
	w.t.Fatalf("no event with step %s", step)
	return nil
}

func TestProvisionWithOutputOOB(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		d := fake.Plug(uuid(1))
		w.net.Place(d)
		w.net.Offer(d.UUID, provision.Capabilities{Elements: 1, OutputActions: provision.ActionsOf(provision.OutputNumeric), OutputSize: 4})
		id := d.UUID.String()
		w.refused("device/oob", `{"uuid":"`+id+`","value":4711}`, "not_provisioning")
		w.send("b/bridge/request/device/provision", `{"uuid":"`+id+`","name":"plug","oob":{"method":"auto"}}`)
		pass(2 * fake.Joining)
		got := w.stepData("oob_wanted")
		if got["method"] != "output_oob" || got["action"] != "numeric" || got["size"] != 4.0 || got["value_type"] != "number" ||
			got["value"] != nil || !strings.Contains(got["instruction"].(string), "enter the number") {
			t.Errorf("event %v", got)
		}
		w.refused("device/oob", `{"uuid":"`+id+`"}`, "bad_value")
		w.refused("device/oob", `{"uuid":"`+id+`","value":""}`, "bad_value")
		w.refused("device/oob", `{"uuid":"`+id+`","value":[1]}`, "bad_value")
		w.refused("device/oob", `{"uuid":"`+uuid(9).String()+`","value":"1"}`, "not_provisioning")
		if r := w.request("device/oob", `{"uuid":"`+id+`","value":4711}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		pass(2 * fake.Joining)
		if got := w.out.take("b/bridge/response/device/provision"); len(got) != 1 || !strings.Contains(got[0], `"status":"ok"`) {
			t.Errorf("got %v", got)
		}
	})
}

// TestProvisioningSteps: events report the methods that a device offers and the
// chosen one.
func TestProvisioningSteps(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		w.svc.Report(node.ProvisioningStep{UUID: uuid(1), Step: "capabilities", Offers: &provision.Capabilities{
			Elements: 2, OutputActions: provision.ActionsOf(provision.Blink, provision.OutputNumeric), OutputSize: 6,
		}})
		w.svc.Report(node.ProvisioningStep{UUID: uuid(1), Step: "start", Start: &provision.Start{Algorithm: provision.HMAC, Method: provision.OutputOOB}})
		pass(time.Second)
		events := w.out.take("b/bridge/event")
		for i, want := range []string{
			`{"elements":2,"offers":"no_oob, output_oob (blink, numeric; up to 6)","step":"capabilities","uuid":"` + uuid(1).String() + `"}`,
			`{"algorithm":"BTM_ECDH_P256_HMAC_SHA256_AES_CCM","method":"output_oob","public_key_oob":false,"step":"start","uuid":"` + uuid(1).String() + `"}`,
		} {
			if len(events) != 2 || !strings.Contains(events[i], want) {
				t.Errorf("events %v, want %s", events, want)
			}
		}
	})
}

func TestProvisionWithInputOOBAndCancel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		d := fake.Plug(uuid(1))
		w.net.Place(d)
		w.net.Offer(d.UUID, provision.Capabilities{Elements: 1, InputActions: provision.ActionsOf(provision.InputAlphanumeric), InputSize: 4})
		id := d.UUID.String()
		w.refused("device/provision_cancel", `{"uuid":"`+id+`"}`, "not_provisioning")
		w.send("b/bridge/request/device/provision", `{"uuid":"`+id+`","name":"plug","oob":{"method":"input","action":"alphanumeric","size":4}}`)
		pass(2 * fake.Joining)
		got := w.stepData("oob_shown")
		if got["method"] != "input_oob" || got["value"] != fake.Shown || got["value_type"] != "text" || !strings.Contains(got["instruction"].(string), fake.Shown) {
			t.Errorf("event %v", got)
		}
		if r := w.request("device/provision_cancel", `{"uuid":"`+id+`"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		pass(fake.Joining)
		if got := w.out.take("b/bridge/response/device/provision"); len(got) != 1 || !strings.Contains(got[0], `"code":"aborted"`) {
			t.Errorf("got %v", got)
		}
		if logged := w.logs.String(); strings.Contains(logged, fake.Shown) {
			t.Error("the value is in the log")
		}
	})
}

// TestProvisionPolicies: the methods that a request allows, by default and
// explicitly.
func TestProvisionPolicies(t *testing.T) {
	all := []provision.AuthMethod{provision.NoOOB, provision.StaticOOB, provision.OutputOOB, provision.InputOOB}
	for _, tt := range []struct {
		oob         string
		require     bool
		allowed     []provision.AuthMethod
		leastEffort bool
		code        string
	}{
		{``, false, all, true, ""},
		{``, true, all[1:], true, ""},
		{`{"static":"0102"}`, false, all[1:2], false, ""},
		{`{"method":"auto"}`, false, all, false, ""},
		{`{"method":"auto"}`, true, all[1:], false, ""},
		{`{"method":"none"}`, false, all[:1], false, ""},
		{`{"method":"none"}`, true, nil, false, "bad_value"},
		{`{"method":"output","action":"blink","size":2}`, false, all[2:3], false, ""},
		{`{"method":"input"}`, false, all[3:], false, ""},
		{`{"method":"static"}`, false, nil, false, "bad_value"},
		{`{"method":"telepathy"}`, false, nil, false, "bad_value"},
		{`{"method":"output","action":"push"}`, false, nil, false, "bad_value"},
		{`{"action":"blink"}`, false, nil, false, "bad_value"},
		{`{"size":3}`, false, nil, false, "bad_value"},
		{`{"method":"output","size":9}`, false, nil, false, "bad_value"},
		{`{"static":"xx"}`, false, nil, false, "bad_value"},
		{`{"public_key":"01"}`, false, nil, false, "bad_value"},
	} {
		inBubble(t, func(t *testing.T, w *world) {
			w.cfg.RequireOOB = tt.require
			w.start()
			d := fake.Plug(uuid(1))
			w.net.Place(d)
			payload := `{"uuid":"` + d.UUID.String() + `"`
			if tt.oob != "" {
				payload += `,"oob":` + tt.oob
			}
			payload += `}`
			if tt.code != "" {
				w.refused("device/provision", payload, tt.code)
				return
			}
			if r := w.request("device/provision", payload); r["status"] != "ok" {
				t.Fatalf("%s: %v", tt.oob, r)
			}
			p := w.net.How(d.UUID).Policy
			if p.Allowed != provision.MethodsOf(tt.allowed...) || p.LeastEffort != tt.leastEffort {
				t.Errorf("%s: allowed %v, least effort %t", tt.oob, p, p.LeastEffort)
			}
		})
	}
}

// TestProvisionIdentities: tags, public keys, certificates and the via option.
func TestProvisionIdentities(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		tag := "d1013f55046d6573682e6578616d706c652e636f6d2f6f6d623f757569643d62303964633834372d353430382d343063632d396335342d306665386338373432396537"
		tagged := fake.Plug([16]byte{0xb0, 0x9d, 0xc8, 0x47, 0x54, 0x08, 0x40, 0xcc, 0x9c, 0x54, 0x0f, 0xe8, 0xc8, 0x74, 0x29, 0xe7})
		w.net.Place(tagged)
		key := crypto.PublicKey{1: 7}
		r := w.request("device/provision", `{"ndef":"`+tag+`","via":"plug","oob":{"public_key":"00070000`+strings.Repeat("00", 60)+`"}}`)
		if r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		if how := w.net.How(tagged.UUID); how.Via != plug.Address() || *how.Policy.PublicKey != key {
			t.Errorf("%+v", how)
		}
		for payload, code := range map[string]string{
			`{"ndef":"` + tag + `","uuid":"` + uuid(1).String() + `"}`: "bad_value",
			`{"ndef":"zz"}`:   "bad_value",
			`{"ndef":"d101"}`: "bad_value",
			`{"uuid":"` + uuid(7).String() + `","via":"nobody"}`:      "unknown_device",
			`{"uuid":"` + uuid(7).String() + `","certificate":true}`:  "bad_value",
			`{"uuid":"` + uuid(7).String() + `","certificate":"abc"}`: "bad_value",
			`{"uuid":"` + uuid(7).String() + `","certificate":5}`:     "bad_value",
		} {
			w.refused("device/provision", payload, code)
		}
	})
}

func TestProvisionWithCertificate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.TrustAnchors = &provision.TrustAnchors{}
		w.start()
		d := fake.Plug(uuid(1))
		for certificate, want := range map[string]*node.Certificate{
			`true`: {Anchors: w.cfg.TrustAnchors}, `false`: nil, `null`: nil,
		} {
			w.net.Place(d)
			if r := w.request("device/provision", `{"uuid":"`+d.UUID.String()+`","certificate":`+certificate+`}`); r["status"] != "ok" {
				t.Fatalf("got %v", r)
			}
			got := w.net.How(d.UUID).Certificate
			if (got == nil) != (want == nil) || want != nil && (got.Anchors != want.Anchors || got.Records != nil) {
				t.Errorf("%s: %+v", certificate, got)
			}
		}
		text, err := json.Marshal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
		if err != nil {
			t.Fatal(err)
		}
		w.net.Place(d)
		if r := w.request("device/provision", `{"uuid":"`+d.UUID.String()+`","certificate":`+string(text)+`}`); r["status"] != "ok" {
			t.Fatalf("got %v", r)
		}
		if got := w.net.How(d.UUID).Certificate; len(got.Records[provision.RecordDeviceCertificate]) != 3 {
			t.Errorf("%+v", got)
		}
	})
}

// A value that somebody put into the wrong field of oob is not repeated in the log.
func TestOOBInTheWrongFieldIsNotRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		const value = "c0ffee00deadbeefc0ffee00deadbeef"
		for _, field := range []string{"action", "method", "static", "public_key"} {
			r := w.request("device/provision", `{"uuid":"00000000000000000000000000000009","oob":{"method":"output","`+field+`":"`+value+`z"}}`)
			if r["status"] != "error" || strings.Contains(fmt.Sprint(r), value) {
				t.Errorf("%s: got %v", field, r)
			}
		}
		w.stop()
		if strings.Contains(w.logs.String(), value) {
			t.Error("the value is in the log")
		}
	})
}
