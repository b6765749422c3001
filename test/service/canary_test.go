package service

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// keysIn reads every key of a node's store, by kind.
func keysIn(t *testing.T, dir string) map[string]crypto.Key {
	t.Helper()
	s, err := disk.Open(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	saved, err := node.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Key{"device key": saved.Node.DeviceKey}
	for _, subnet := range saved.Node.Subnets {
		keys[fmt.Sprintf("NetKey %d", subnet.Index)] = subnet.Key
	}
	for _, app := range saved.Node.AppKeys {
		keys[fmt.Sprintf("AppKey %d", app.Index)] = app.Key
	}
	for _, peer := range saved.Peers {
		keys["device key of "+peer.Address.String()] = peer.DeviceKey
	}
	return keys
}

// forms are the forms in which a key could be written by accident.
func forms(key crypto.Key) [][]byte {
	octets := key.Reveal()
	digits := hex.EncodeToString(octets)
	return [][]byte{
		octets,
		[]byte(digits),
		[]byte(strings.ToUpper(digits)),
		[]byte(base64.StdEncoding.EncodeToString(octets)[:20]), // the next characters depend on what follows the key
		[]byte(strings.Trim(fmt.Sprint(octets), "[]")),
		[]byte(strings.ReplaceAll(strings.Trim(fmt.Sprint(octets), "[]"), " ", ",")),
		[]byte(fmt.Sprintf("% x", octets)),
	}
}

// checkForms looks for the keys where they must be, so that the search cannot
// succeed only because it does not recognise keys.
func checkForms(t *testing.T, file string, keys map[string]crypto.Key) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, key := range keys {
		if !slices.ContainsFunc(forms(key), func(form []byte) bool { return bytes.Contains(content, form) }) {
			t.Errorf("the %s is not found in the store itself", what)
		}
	}
}

// A network is created, used, given invalid requests and disturbed, with the
// most verbose log. None of its keys appears anywhere except in the stores.
func TestNoKeyGetsOut(t *testing.T) {
	t.Parallel()
	url, dir := localBroker(t), filepath.Join(t.TempDir(), "store")
	o := observer.Start(t, url, nil)
	m := monitor{t, freeAddr(t)}
	const secret = "canary-0xC0DE"
	demo := start(t, "demo", "--mqtt.url", url, "--store.dir", dir, "--log.level", "trace", "--log.format", "json",
		"--http.listen", m.addr, "--mqtt.username", "user", "--mqtt.password", secret)
	demo.ready()
	listens(o, 0)
	for _, request := range []string{
		`device/interview {"id":"demo_lamp"}`, `device/interview {"id":"nobody"}`, `device/remove {"id":"demo_button"}`,
		`device/provision {"uuid":"x"}`, `device/provision {"uuid":"62746d657368406480656d6f00000005"}`, `dance {}`,
		`subnet/add {"id":"demo_plug"}`, `appkey/add {}`, `network/key_refresh {}`, `network/iv_update {"test_mode":true}`,
		`network/export {}`, `network/export {"keys":true}`, `network/export {"keys":true,"passphrase":"a passphrase of the canary"}`,
		`network/backup {"passphrase":"a passphrase of the canary"}`, `network/backup {}`,
	} {
		mark := o.Mark()
		what, payload, _ := strings.Cut(request, " ")
		o.Send(base+"bridge/request/"+what, payload)
		o.NextMatch(mark, base+"bridge/response/"+what, "", func([]byte) bool { return true })
	}
	o.Send(base+"demo_color_lamp/set", `{"state":"ON","transaction":1}`)
	o.Next(0, base+"demo_color_lamp/set/response", `{"transaction":1}`)
	_, metrics := m.get("/metrics")
	again := start(t, "demo", "--mqtt.url", url, "--store.dir", dir) // fails: the store is in use
	if code := again.Wait(); code != 1 {
		t.Errorf("a second demo with the store: exit code %d, expected 1", code)
	}
	demo.Stop()

	published := map[string][]byte{
		"stdout": []byte(demo.Stdout.String()), "stderr": []byte(demo.Stderr.String()),
		"error of the second": []byte(again.Stderr.String()), "metrics": []byte(metrics),
	}
	for i, message := range o.Since(0, "") {
		published[fmt.Sprintf("message %d on %s", i, message.Topic)] = append([]byte(message.Topic+" "), message.Payload...)
	}
	keys := keysIn(t, dir)
	const least = 3 + 4 // own, network and application keys; four devices, because the fifth was removed
	if len(keys) < least {
		t.Fatalf("%d keys in the store, expected at least %d", len(keys), least)
	}
	checkForms(t, filepath.Join(dir, "mesh.db"), keys)
	for _, name := range demoDevices[:4] {
		for what, key := range keysIn(t, filepath.Join(dir, "devices", name)) {
			keys[name+" "+what] = key
		}
	}
	if !bytes.Contains(published["stderr"], []byte(`"level":"trace"`)) {
		t.Error("the log is not that of level trace")
	}
	for where, text := range published {
		if bytes.Contains(text, []byte("of the canary")) && !strings.Contains(where, "bridge/request/") {
			t.Errorf("the passphrase is in %s", where)
		}
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the password of the broker is in %s", where)
		}
		for what, key := range keys {
			for _, form := range forms(key) {
				if bytes.Contains(text, form) {
					t.Errorf("%s is in %s: %.300s", what, where, text)
				}
			}
		}
	}
	t.Logf("%d keys looked for in %d messages and %d octets of log", len(keys), len(published), len(published["stderr"]))
}
