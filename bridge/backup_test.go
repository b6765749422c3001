package bridge_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/encrypted"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"
)

// Keys go over the broker only if the configuration allows it, and a refusal is
// reported: whoever may publish can ask, and whoever may subscribe reads the answer.
func TestKeyExportIsRefused(t *testing.T) {
	const passphrase = "correct horse battery"
	for policy, allowed := range map[bridge.KeyExport]map[string]bool{
		keysNever:     {`{"keys":true}`: false, `{"keys":true,"passphrase":"correct horse battery"}`: false, `{}`: true},
		keysEncrypted: {`{"keys":true}`: false, `{"keys":true,"passphrase":"correct horse battery"}`: true, `{}`: true},
		keysPlain:     {`{"keys":true}`: true, `{"keys":true,"passphrase":"correct horse battery"}`: true, `{}`: true},
	} {
		inBubble(t, func(t *testing.T, w *world) {
			w.cfg.KeyExport = policy
			w.start()
			w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
			for payload, allowed := range allowed {
				w.out.take()
				answer := w.request("network/export", payload)
				text, err := json.Marshal(answer)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case allowed && answer["status"] != "ok":
					t.Errorf("policy %d, %s: %s", policy, payload, text)
				case !allowed && answer["code"] != "forbidden":
					t.Errorf("policy %d, %s: %s", policy, payload, text)
				case !allowed && len(w.out.take("b/bridge/logging")) == 0:
					t.Errorf("policy %d, %s: nobody is told", policy, payload)
				}
				if !strings.Contains(payload, "passphrase") || !allowed {
					continue
				}
				sealed, _ := answer["data"].(map[string]any)["encrypted"].(string)
				if bytes.Contains(text, []byte("deviceKey")) || bytes.Contains(text, []byte(passphrase)) {
					t.Errorf("the response shows a secret: %s", text)
				}
				content, _, err := encrypted.NewReader(strings.NewReader(sealed), encrypted.Identity{Passphrase: passphrase})
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(content)
				if err != nil {
					t.Fatal(err)
				}
				if d, err := cdb.Parse(data); err != nil || len(d.Nodes) != 2 || d.Partial {
					t.Errorf("got %v, %v", d, err)
				}
			}
			w.refused("network/export", `{"keys":true,"passphrase":"short"}`, map[bridge.KeyExport]string{
				keysNever: "bad_value", keysEncrypted: "bad_value", keysPlain: "bad_value",
			}[policy])
		})
	}
}

// The values of mqtt.key_export.
var (
	keysNever, _     = bridge.ParseKeyExport("off")
	keysEncrypted, _ = bridge.ParseKeyExport("encrypted")
	keysPlain, _     = bridge.ParseKeyExport("plain")
)

// Requests cannot make the bridge hash and write without end: there is one export or
// backup at a time.
func TestOneExportAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.KeyExport, w.cfg.Backups = keysEncrypted, filepath.Join(t.TempDir(), "backups")
		w.start()
		w.out.take()
		const many = 20
		for range many {
			for _, what := range []string{"export", "backup"} {
				w.svc.Handle(mqtt.Message{Topic: "b/bridge/request/network/" + what, Payload: []byte(`{"passphrase":"correct horse battery"}`)})
			}
		}
		pass(time.Minute)
		answers := w.out.take("b/bridge/response/network/export", "b/bridge/response/network/backup")
		busy := 0
		for _, a := range answers {
			if strings.Contains(a, `"busy"`) {
				busy++
			}
		}
		if len(answers) != 2*many || busy == 0 || busy == len(answers) {
			t.Errorf("%d of %d requests were refused", busy, len(answers))
		}
		if answer := w.request("network/backup", `{"passphrase":"correct horse battery"}`); answer["status"] != "ok" {
			t.Errorf("afterwards: %v", answer)
		}
	})
}

// A backup for the holder of a passphrase is no backup for anybody else.
func TestEncryptedBackup(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.Backups = filepath.Join(t.TempDir(), "backups")
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
		answer := w.request("network/backup", `{"passphrase":"correct horse battery"}`)
		path, _ := answer["data"].(map[string]any)["file"].(string)
		file, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(path, ".backup.age") {
			t.Fatalf("%v, %v", answer, err)
		}
		if _, err := archive.Read(bytes.NewReader(file), store.NewMemory()); err == nil {
			t.Error("the backup is readable")
		}
		content, _, err := encrypted.NewReader(bytes.NewReader(file), encrypted.Identity{Passphrase: "correct horse battery"})
		if err != nil {
			t.Fatal(err)
		}
		restored := store.NewMemory()
		if _, err := archive.Read(content, restored); err != nil {
			t.Fatal(err)
		}
		if is, err := restored.All("devices"); err != nil || len(is) != 1 {
			t.Errorf("got %v, %v", is, err)
		}
	})
}

// TestExport: keys are exported only to a request that asks for them.
func TestExport(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.KeyExport = keysPlain
		w.start()
		plug := fake.Plug(uuid(1))
		w.join(map[string]*fake.Node{"plug": plug, "hall/lamp": fake.Lamp(uuid(2))})
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
