package bridge_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Values that differ between machines and runs.
var (
	memory   = regexp.MustCompile(`"memory_bytes": \d+`)
	counters = regexp.MustCompile(`(?s)"counters": \{.*\},\n    "missed"`) // counters of the mesh stack
	goFields = regexp.MustCompile(`"(go|platform)": "[^"]+"`)
)

// golden compares a document with the file of its name.
func golden(t *testing.T, name, document string) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(document), "", "  "); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	pretty.WriteByte('\n')
	got := memory.ReplaceAll(pretty.Bytes(), []byte(`"memory_bytes": 0`))
	got = counters.ReplaceAll(got, []byte("\"counters\": {},\n    \"missed\""))
	got = goFields.ReplaceAll(got, []byte(`"$1": "-"`))
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s\nexpected\n%s", name, got, want)
	}
}

func TestDocuments(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.Adapters = func() []bridge.Adapter {
			return []bridge.Adapter{
				{ID: "hci0", Address: "00:11:22:33:44:55", Kind: "extended", State: "ok", Sent: 10, Received: 20},
				{ID: "tcp:x:1", State: "failed", Error: "connection refused", Resets: 3},
			}
		}
		w.start()
		// One after the other, so that the addresses are always the same.
		w.join(map[string]*fake.Node{"lamp": fake.Lamp(uuid(1))})
		w.join(map[string]*fake.Node{"sensor": fake.Thermometer(uuid(2))})
		w.join(map[string]*fake.Node{"button": fake.Button(uuid(3))})
		vendor := fake.Composed(uuid(4), []mesh.ModelID{generic.OnOffServerID, mesh.VendorModel(0x05F1, 1)}, []mesh.ModelID{generic.OnOffServerID})
		vendor.Composition.Features = configuration.FeatureLowPower | configuration.FeatureProxy | configuration.FeatureFriend
		vendor.Composition.Elements[1].Location = 0x0103
		w.join(map[string]*fake.Node{"vendor": vendor})
		silent := fake.Plug(uuid(5))
		silent.SetSilent(true)
		w.net.Place(silent)
		w.refused("device/provision", `{"uuid":"`+silent.UUID.String()+`"}`, "no_response")
		w.svc.Report(node.DeviceHeard{UUID: uuid(9), RSSI: -70, OOB: 2})
		w.svc.Report(node.DeviceHeard{UUID: uuid(8), RSSI: -71, Adapter: 1})
		w.request("scan", `{"time":3600}`)
		w.svc.Report(node.DeviceHeard{UUID: uuid(9), RSSI: -70, OOB: 2})
		w.svc.Report(node.DeviceHeard{UUID: uuid(8), RSSI: -71, Adapter: 1})
		pass(6 * time.Second) // the lists of devices wait for more
		if health := w.out.value("b/bridge/health"); !strings.Contains(health, `"network":{"bad_mic":0,"duplicate":0,`) {
			t.Errorf("counters: %s", health)
		}
		for _, name := range []string{"devices", "info", "unprovisioned", "health"} {
			golden(t, name, w.out.value("b/bridge/"+name))
		}
	})
}

func TestDocumentsOfAnEmptyNetwork(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.Adapters = nil
		w.start()
		for name, want := range map[string]string{"devices": `[]`, "unprovisioned": `[]`} {
			w.expect("b/bridge/"+name, want)
		}
		for _, name := range []string{"info", "health"} {
			if got := w.out.value("b/bridge/" + name); !strings.Contains(got, `"adapters":[]`) || strings.Contains(got, "null") {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
}

// Health and the state of the radios are published once a minute, the IV index
// when it changes.
func TestHealthIsPublishedEveryMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		before := w.out.published("b/bridge/health")
		pass(10*time.Minute + time.Second)
		if got := w.out.published("b/bridge/health") - before; got != 10 {
			t.Errorf("health was published %d times in ten minutes", got)
		}
		info := w.out.published("b/bridge/info")
		w.net.SetIVIndex(6, true)
		w.svc.Report(node.IVIndexChanged{IVIndex: 6, Update: true})
		pass(0)
		if got := w.out.take("b/bridge/event"); len(got) != 1 || got[0] != `{"data":{"in_progress":true,"iv_index":6},"type":"iv_update"}` {
			t.Errorf("events %v", got)
		}
		if w.out.published("b/bridge/info") != info+1 {
			t.Error("bridge/info was not published")
		}
	})
}

// The bridge never publishes, logs or stores a key.
func TestNoKeyIsEverShown(t *testing.T) {
	const secret = "00112233445566778899aabbccddeeff"
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for _, request := range [][2]string{
			{"device/provision", `{"uuid":"` + uuid(7).String() + `","oob":{"static":"` + secret + `"}}`},
			{"device/provision", `{"uuid":"` + uuid(7).String() + `","oob":{"static":"` + secret + `zz"}}`},
			{"device/provision", `{"uuid":"` + uuid(7).String() + `","oob":"` + secret + `"}`},
			{"device/interview", `{"id":"plug"}`},
			{"device/rename", `{"from":"plug","to":"socket"}`},
			{"device/remove", `{"id":"socket"}`},
		} {
			w.request(request[0], request[1])
		}
		lamp.SetSilent(true)
		w.request("device/interview", `{"id":"hall/lamp"}`)
		w.send("b/hall/lamp/set", `{"state":"ON"}`)
		pass(3 * fake.Silence)
		w.restart()
		pass(3 * fake.Silence)
		w.stop()

		var shown strings.Builder
		shown.Write(w.logs.Bytes())
		for _, m := range w.out.all {
			shown.WriteString(m.topic + " " + m.payload + "\n")
		}
		for _, table := range []string{"devices", "states", "topics"} {
			all, err := w.store.All(store.Table(table))
			if err != nil {
				t.Fatal(err)
			}
			for key, value := range all {
				shown.WriteString(key + string(value))
			}
		}
		text := strings.ToLower(shown.String())
		if !strings.Contains(text, "the interview failed") || !strings.Contains(text, `"status":"successful"`) {
			t.Fatal("the search misses published or logged texts")
		}
		for _, key := range [][]byte{appKey.Reveal(), deviceKey.Reveal()} {
			for _, form := range []string{string(key), hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key)} {
				if strings.Contains(text, strings.ToLower(form)) {
					t.Errorf("%s was published, logged or stored", form)
				}
			}
		}
		if strings.Contains(text, secret) {
			t.Error("the static OOB value was published, logged or stored")
		}
	})
}
