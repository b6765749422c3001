package document_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// The documents that package bridge publishes in its tests are read into the types
// without loss, written in the same order, and match their schemas.
func TestGoldenDocuments(t *testing.T) {
	topics, err := document.Topics()
	if err != nil {
		t.Fatal(err)
	}
	for name, into := range map[string]any{
		"info": &document.Info{}, "health": &document.Health{}, "devices": &[]document.Device{}, "unprovisioned": &[]document.Unprovisioned{},
	} {
		golden, err := os.ReadFile(filepath.Join("..", "testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(golden))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var want bytes.Buffer
		if err := json.Compact(&want, golden); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(into); err != nil || string(got) != want.String() {
			t.Errorf("%s: %v\n%s\nexpected\n%s", name, err, got, want.String())
		}
		i := slices.IndexFunc(topics, func(t document.Topic) bool { return t.Name == "B/bridge/"+name })
		items := []json.RawMessage{golden}
		if topics[i].List {
			if err := json.Unmarshal(golden, &items); err != nil || len(items) == 0 {
				t.Fatalf("%s: %d items, %v", name, len(items), err)
			}
		}
		for _, item := range items {
			if err := topics[i].Type.Validate(item); err != nil {
				t.Errorf("%s: %v\n%s", name, err, item)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	kinds, err := document.Events()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range kinds {
		if seen[k.Name] || k.Meaning == "" || k.Type.Markdown() == "" {
			t.Errorf("event %q", k.Name)
		}
		seen[k.Name] = true
	}
	index, no := 1, false
	for want, v := range map[string]any{
		`{"data":{"oob_info":2,"rssi":-50,"uuid":"00000000000000000000000000000002"},"type":"device_found"}`: document.NewEvent(
			document.DeviceFound{UUID: mesh.UUID{15: 2}, RSSI: document.Signal(-50), OOB: 2}),
		`{"data":{"oob_info":2,"rssi":null,"uuid":"00000000000000000000000000000002"},"type":"device_found"}`: document.NewEvent(
			document.DeviceFound{UUID: mesh.UUID{15: 2}, RSSI: document.Signal(127), OOB: 2}),
		`{"data":{"left_behind":[],"missing":[],"net_key":0,"phase":"done"},"type":"key_refresh"}`: document.NewEvent(
			document.KeyRefreshPhase{Phase: "done", Missing: []string{}, LeftBehind: []string{}}),
		`{"data":{"net_key":0,"phase":"done"},"type":"key_refresh"}`: document.NewEvent(document.KeyRefreshPhase{Phase: "done"}),
		`{"data":{"algorithm":"a","method":"m","public_key_oob":false,"step":"start","uuid":"00000000000000000000000000000000"},"type":"device_provisioning"}`: document.NewEvent(
			document.DeviceProvisioning{Step: "start", Algorithm: "a", Method: "m", PublicKeyOOB: &no}),
		`{"element":1,"event_type":"on","level":3}`: document.DeviceEvent{Type: "on", Element: &index, Attributes: map[string]any{"level": 3, "event_type": "x"}},
		`{"state":"idle"}`:                          document.Update{State: "idle"},
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("got %s, %v, expected %s", got, err, want)
		}
	}
}

func TestTopicsAreDescribed(t *testing.T) {
	topics, err := document.Topics()
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		for line := range strings.Lines(topic.Type.Markdown()) {
			if strings.HasSuffix(line, "|  |\n") {
				t.Errorf("%s: a field has no meaning: %s", topic.Name, line)
			}
		}
	}
}
