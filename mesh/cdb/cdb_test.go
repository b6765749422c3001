package cdb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

func file(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/network.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// changed is the network with a change to its JSON.
func changed(t testing.TB, change func(network map[string]any)) []byte {
	t.Helper()
	var network map[string]any
	if err := json.Unmarshal(file(t), &network); err != nil {
		t.Fatal(err)
	}
	change(network)
	data, err := json.Marshal(network)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// at returns what is below objects and lists.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(map[string]any)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v
}

func TestParse(t *testing.T) {
	d, err := cdb.Parse(file(t))
	if err != nil {
		t.Fatal(err)
	}
	lamp := d.Nodes[1]
	publish := lamp.Elements[0].Models[1].Publish
	label, err := mesh.ParseUUID("a1a2a3a4b1b2c1c2d1d2e1e2e3e4e5e6")
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]any{
		"name":         {d.Name, "Workshop"},
		"time":         {d.Timestamp.UTC().String(), "2026-03-01 07:15:30 +0000 UTC"},
		"phase":        {d.NetKeys[1].Phase, uint8(1)},
		"range":        {d.Provisioners[0].Unicast[0], cdb.AddressRange{Low: 1, High: 0x199A}},
		"scenes":       {d.Provisioners[0].Scene[0], cdb.SceneRange{First: 1, Last: 0x3333}},
		"device key":   {lamp.DeviceKey.Reveal()[0], byte(0x22)},
		"company":      {*lamp.CompanyID, mesh.CompanyID(0x59)},
		"no product":   {d.Nodes[0].ProductID == nil, true},
		"friend":       {*lamp.Features.Friend, uint8(0)},
		"vendor model": {lamp.Elements[0].Models[2].ID, mesh.VendorModel(0x59, 1)},
		"period":       {publish.Steps, uint8(6)},
		"resolution":   {publish.Resolution, uint32(10000)},
		"repeats":      {publish.Retransmit, cdb.Retransmit{Count: 2, Interval: 150}},
		"label":        {lamp.Elements[1].Models[0].Publish.To, cdb.Destination{Address: crypto.VirtualAddress(label), Label: label}},
		"exclusion":    {d.Exclusions[1].IVIndex, mesh.IVIndex(0xFFFFFFFF)},
		"second label": {d.Groups[1].Where.Label, label},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
}

// TestRoundTrip writes what was read: no field of the schema is lost.
func TestRoundTrip(t *testing.T) {
	d, err := cdb.Parse(file(t))
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := errors.Join(json.Unmarshal(file(t), &want), json.Unmarshal(out, &got)); err != nil {
		t.Fatal(err)
	}
	want["timestamp"] = "2026-03-01T07:15:30Z" // the same time
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %v", out, want)
	}
}

// TestForms reads what apps wrote before version 1.0, and what they omit.
func TestForms(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"version 1.0.0":       func(n map[string]any) { n["version"] = "1.0.0" },
		"UUID without dashes": func(n map[string]any) { n["meshUUID"] = "6E1F7A520C614D0A9B0E3C5A9D1E7F01" },
		"no exclusions":       func(n map[string]any) { delete(n, "networkExclusions") },
		"no groups":           func(n map[string]any) { delete(n, "groups"); delete(n, "scenes") },
		"unknown fields":      func(n map[string]any) { n["color"] = map[string]any{"deep": []any{1}} },
		"blacklisted": func(n map[string]any) {
			node := at(n, "nodes", 1).(map[string]any)
			delete(node, "excluded")
			node["blacklisted"] = false
		},
		"scene instead of number": func(n map[string]any) {
			scene := at(n, "scenes", 0).(map[string]any)
			scene["scene"] = scene["number"]
			delete(scene, "number")
		},
		"period in milliseconds": func(n map[string]any) {
			at(n, "nodes", 1, "elements", 0, "models", 1, "publish").(map[string]any)["period"] = 60000
		},
		"security as a word": func(n map[string]any) { at(n, "nodes", 0).(map[string]any)["security"] = "high" },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := cdb.Parse(changed(t, change))
			if err != nil {
				t.Fatal(err)
			}
			if p := d.Nodes[1].Elements[0].Models[1].Publish; int(p.Steps)*int(p.Resolution) != 60000 {
				t.Errorf("got a period of %d steps of %d ms", p.Steps, p.Resolution)
			}
			if d.Nodes[0].Security != cdb.Secure || d.UUID.IsZero() {
				t.Errorf("got %v, %v", d.Nodes[0].Security, d.UUID)
			}
		})
	}
	wrapped := []byte(`{"meshNetwork":` + string(file(t)) + `}`)
	if d, err := cdb.Parse(wrapped); err != nil || d.Name != "Workshop" {
		t.Errorf("a network within meshNetwork: %v", err)
	}
}

// TestProblems checks that each wrong field is named.
func TestProblems(t *testing.T) {
	node := func(n map[string]any, i int) map[string]any { return at(n, "nodes", i).(map[string]any) }
	model := func(n map[string]any) map[string]any {
		return at(n, "nodes", 1, "elements", 0, "models", 1).(map[string]any)
	}
	for _, test := range []struct {
		field, text string
		change      func(map[string]any)
	}{
		{"meshUUID", "expected a UUID, got nothing", func(n map[string]any) { delete(n, "meshUUID") }},
		{"version", `got "2.0"`, func(n map[string]any) { n["version"] = "2.0" }},
		{"timestamp", "expected a time", func(n map[string]any) { n["timestamp"] = "yesterday" }},
		{"netKeys", "at least one", func(n map[string]any) { n["netKeys"] = []any{}; n["appKeys"] = []any{} }},
		{"netKeys[1].phase", "from 0 to 2, got 3", func(n map[string]any) { at(n, "netKeys", 1).(map[string]any)["phase"] = 3 }},
		{"netKeys[1].oldKey", "old key in phase 1", func(n map[string]any) { delete(at(n, "netKeys", 1).(map[string]any), "oldKey") }},
		{"netKeys[1].index", "each index once, got 0 again", func(n map[string]any) { at(n, "netKeys", 1).(map[string]any)["index"] = 0 }},
		{"appKeys[0].boundNetKey", "got 9", func(n map[string]any) { at(n, "appKeys", 0).(map[string]any)["boundNetKey"] = 9 }},
		{"appKeys[0].index", "0 to 4095, got 4096", func(n map[string]any) { at(n, "appKeys", 0).(map[string]any)["index"] = 4096 }},
		{"provisioners", "at least one", func(n map[string]any) { n["provisioners"] = []any{} }},
		{"provisioners[1].allocatedUnicastRange[0]", "overlaps one of provisioners[0]", func(n map[string]any) {
			at(n, "provisioners", 1, "allocatedUnicastRange", 0).(map[string]any)["lowAddress"] = "1000"
		}},
		{"provisioners[0].allocatedSceneRange[0]", "from 0001", func(n map[string]any) {
			at(n, "provisioners", 0, "allocatedSceneRange", 0).(map[string]any)["firstScene"] = "0000"
		}},
		{"nodes[1].unicastAddress", "belongs to nodes[0]", func(n map[string]any) { node(n, 0)["unicastAddress"] = "0006" }},
		{"nodes[1].unicastAddress", "for 2 elements, got 7FFF", func(n map[string]any) { node(n, 1)["unicastAddress"] = "7FFF" }},
		{"nodes[1].UUID", "each UUID once, got that of nodes[0]", func(n map[string]any) { node(n, 1)["UUID"] = node(n, 0)["UUID"] }},
		{"nodes[1].deviceKey", "only a partial", func(n map[string]any) { delete(node(n, 1), "deviceKey") }},
		{"nodes[1].defaultTTL", "0 to 127, got 128", func(n map[string]any) { node(n, 1)["defaultTTL"] = 128 }},
		{"nodes[1].networkTransmit.count", "1 to 8, got 9", func(n map[string]any) {
			at(n, "nodes", 1, "networkTransmit").(map[string]any)["count"] = 9
		}},
		{"nodes[1].elements[1].index", "expected 1, got 3", func(n map[string]any) {
			at(n, "nodes", 1, "elements", 1).(map[string]any)["index"] = 3
		}},
		{"nodes[1].elements[0].models[1].modelId", `got "12"`, func(n map[string]any) { model(n)["modelId"] = "12" }},
		{"nodes[1].elements[0].models[1].modelId", "each model once, got 0000 again", func(n map[string]any) { model(n)["modelId"] = "0000" }},
		{"nodes[1].elements[0].models[1].bind[0]", "appKeys, got 3", func(n map[string]any) { model(n)["bind"] = []any{3} }},
		{"nodes[1].elements[0].models[1].bind[1]", `key index from 0 to 4095, got "x"`, func(n map[string]any) { model(n)["bind"] = []any{0, "x"} }},
		{"nodes[1].elements[0].models[1].subscribe[0]", `got "0001"`, func(n map[string]any) { model(n)["subscribe"] = []any{"0001"} }},
		{"nodes[1].elements[0].models[1].publish.ttl", "got 200", func(n map[string]any) { model(n)["publish"].(map[string]any)["ttl"] = 200 }},
		{"nodes[1].elements[0].models[1].publish.period.resolution", "got 7", func(n map[string]any) {
			at(model(n), "publish", "period").(map[string]any)["resolution"] = 7
		}},
		{"nodes[1]", "expected an object, got a list", func(n map[string]any) { n["nodes"].([]any)[1] = []any{} }},
		{"groups[1].parentAddress", "got C00F", func(n map[string]any) { at(n, "groups", 1).(map[string]any)["parentAddress"] = "C00F" }},
		{"groups[0].address", "once", func(n map[string]any) { at(n, "groups", 1).(map[string]any)["address"] = "C001" }},
		{"scenes[0].number", "0001 to FFFF", func(n map[string]any) { at(n, "scenes", 0).(map[string]any)["number"] = "0000" }},
		{"networkExclusions[0].addresses[0]", `unicast address from 0001 to 7FFF, got "C000"`, func(n map[string]any) {
			at(n, "networkExclusions", 0).(map[string]any)["addresses"] = []any{"C000"}
		}},
	} {
		t.Run(test.field, func(t *testing.T) {
			_, err := cdb.Parse(changed(t, test.change))
			var problems cdb.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v", err)
			}
			for _, p := range problems {
				if p.Field == test.field && strings.Contains(p.Text, test.text) {
					return
				}
			}
			t.Errorf("%s: %s is not among\n%v", test.field, test.text, err)
		})
	}
}

// TestSeveral checks that all problems are reported at once.
func TestSeveral(t *testing.T) {
	_, err := cdb.Parse(changed(t, func(n map[string]any) {
		delete(n, "meshName")
		at(n, "nodes", 0).(map[string]any)["security"] = "none"
		at(n, "nodes", 1).(map[string]any)["cid"] = 89
	}))
	for _, want := range []string{"meshName: expected text, got nothing", "nodes[0].security: ", "nodes[1].cid: expected four hexadecimal digits, got 89"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// TestNoJSON rejects what is not an object.
func TestNoJSON(t *testing.T) {
	for _, text := range []string{"", "null", "[]", "7", "{", `{"a":1} {}`, strings.Repeat("[", 20000)} {
		if d, err := cdb.Parse([]byte(text)); err == nil {
			t.Errorf("%.10q: got %v", text, d)
		}
	}
}

// TestPartial accepts a partial database without keys and objects.
func TestPartial(t *testing.T) {
	d, err := cdb.Parse(changed(t, func(n map[string]any) {
		n["partial"] = true
		n["provisioners"] = []any{}
		delete(at(n, "nodes", 1).(map[string]any), "deviceKey")
		n["netKeys"] = n["netKeys"].([]any)[:1]
		n["appKeys"] = n["appKeys"].([]any)[:1]
		n["groups"] = n["groups"].([]any)[1:]
	}))
	if err != nil {
		t.Fatal(err)
	}
	if d.Nodes[1].DeviceKey != nil {
		t.Error("there is a device key")
	}
	out, err := d.JSON()
	if err != nil || bytes.Contains(out, []byte("22222222")) {
		t.Errorf("got %s, %v", out, err)
	}
}

// TestKeysDoNotShow keeps keys out of errors and of what is shown.
func TestKeysDoNotShow(t *testing.T) {
	_, err := cdb.Parse(changed(t, func(n map[string]any) {
		at(n, "netKeys", 0).(map[string]any)["key"] = "00112233445566778899AABBCCDDEE"
		at(n, "nodes", 0).(map[string]any)["deviceKey"] = 1111
	}))
	if err == nil || strings.Contains(err.Error(), "0011223") || strings.Contains(err.Error(), "1111") {
		t.Errorf("got %v", err)
	}
	d, err := cdb.Parse(file(t))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(d.WithoutKeys())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"00112233445566778899AABBCCDDEEFF", "FEDCBA9876543210", "AABBCCDDEEFF0011", "22222222"} {
		if bytes.Contains(shown, []byte(key)) || strings.Contains(fmt.Sprintf("%+v", d), key) {
			t.Errorf("%s shows", key)
		}
	}
	if !bytes.Contains(shown, []byte(`"Workshop"`)) {
		t.Errorf("got %s", shown)
	}
}

// FuzzParse reads arbitrary files. What it accepts must stay the same when
// written and read again.
func FuzzParse(f *testing.F) {
	f.Add(file(f))
	f.Add([]byte(`{"meshNetwork":{}}`))
	f.Add([]byte(`{"version":"1.0.1","meshUUID":"6E1F7A520C614D0A9B0E3C5A9D1E7F01","meshName":"","timestamp":"2026-03-01T08:15:30Z","partial":true,` +
		`"netKeys":[{"name":"","index":0,"key":"00112233445566778899AABBCCDDEEFF","phase":0,"minSecurity":"low"}],"appKeys":[],"provisioners":[],"nodes":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := cdb.Parse(data)
		if err != nil {
			return
		}
		out, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := cdb.Parse(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		second, err := again.JSON()
		if err != nil || !bytes.Equal(out, second) {
			t.Errorf("%v\n%s\n%s", err, out, second)
		}
	})
}
