package bridge_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"
)

// TestExport: keys are exported only to a request that asks for them.
func TestExport(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		answer := w.request("network/export", `{}`)
		text, err := json.Marshal(answer)
		if err != nil || answer["status"] != "ok" {
			t.Fatalf("%v, %v", answer, err)
		}
		for _, key := range []string{"key\"", "deviceKey", strings.ToUpper("63616e617279")} { // canary
			if bytes.Contains(text, []byte(key)) {
				t.Errorf("%s is in %s", key, text)
			}
		}
		if !bytes.Contains(text, []byte(`"hall/lamp"`)) {
			t.Errorf("no lamp in %s", text)
		}

		answer = w.request("network/export", `{"keys":true}`)
		data, err := json.Marshal(answer["data"].(map[string]any)["network"])
		if err != nil {
			t.Fatal(err)
		}
		d, err := cdb.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != "home" || len(d.Nodes) != 3 || d.Partial {
			t.Errorf("got %+v", d)
		}
		for _, n := range d.Nodes {
			if n.UUID != plug.UUID {
				continue
			}
			onOff := n.Elements[0].Models[len(n.Elements[0].Models)-1]
			if n.Name != "plug" || n.Address != plug.Address() || !n.DeviceKey.Equal(deviceKey) || !n.ConfigComplete {
				t.Errorf("got %+v", n)
			}
			if len(onOff.Bind) != 1 || onOff.Publish == nil || onOff.Publish.To.Address != 1 {
				t.Errorf("the model is %+v", onOff)
			}
		}
	})
}

// TestBackup writes a file that can be restored. No key is published.
func TestBackup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.Backups = dir
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
		answer := w.request("network/backup", `{}`)
		if answer["status"] != "ok" {
			t.Fatal(answer)
		}
		path := answer["data"].(map[string]any)["file"].(string)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 || filepath.Dir(path) != dir {
			t.Fatalf("%v, %v", info, err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		restored := store.NewMemory()
		if _, err := archive.Read(f, restored); err != nil {
			t.Fatal(err)
		}
		was, err := w.store.All("devices")
		if err != nil {
			t.Fatal(err)
		}
		is, err := restored.All("devices")
		if err != nil || len(is) != 1 || !bytes.Equal(is[uuid(1).String()], was[uuid(1).String()]) {
			t.Errorf("got %v, %v", is, err)
		}
	})
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		if answer := w.request("network/backup", `{}`); answer["code"] != "not_possible" {
			t.Errorf("in memory: %v", answer)
		}
		if answer := w.request("network/export", `{"keys":1}`); answer["code"] != "bad_json" {
			t.Errorf("got %v", answer)
		}
	})
}
