package bridge_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// hanging is a network share that has gone away: opening a file there never returns,
// or reading it.
type hanging struct {
	fs.FS
	reading bool
	back    chan struct{}
}

func (h *hanging) Open(name string) (fs.File, error) {
	if !h.reading {
		<-h.back
	}
	f, err := h.FS.Open(name)
	return &hangingFile{f, h}, err
}

type hangingFile struct {
	fs.File
	h *hanging
}

func (f *hangingFile) Read(b []byte) (int, error) {
	<-f.h.back
	return f.File.Read(b)
}

// A file in firmware.dir that never opens, or is never read, holds up nothing but the
// request that names it, and that one is answered. It does not hold up the end of the
// service either.
func TestFirmwareOnAShareThatHangs(t *testing.T) {
	for _, reading := range []bool{false, true} {
		inBubble(t, func(t *testing.T, w *world) {
			share := &hanging{FS: fstest.MapFS{"a.bin": {Data: []byte("image")}}, reading: reading, back: make(chan struct{})}
			defer close(share.back)
			w.cfg.Firmware = share
			w.start()
			w.net.Place(updatable(1, w, false))
			if r := w.request("device/provision", `{"uuid":"`+uuid(1).String()+`","name":"plug"}`); r["status"] != "ok" {
				t.Fatal(r)
			}
			for _, name := range []string{"device/ota_update/check", "device/ota_update/update"} {
				w.send("b/bridge/request/"+name, `{"id":"plug","file":"a.bin"}`)
				w.send("b/plug/set", `{"state":"ON","transaction":1}`)
				pass(2 * time.Second)
				if got := w.out.take("b/plug/set/response"); len(got) != 1 {
					t.Errorf("responses to a command meanwhile: %v", got)
				}
				pass(20 * time.Second)
				got := w.out.take("b/bridge/response/" + name)
				if len(got) != 1 || !strings.Contains(got[0], `"code":"timeout"`) || !strings.Contains(got[0], "a.bin") {
					t.Errorf("%s: responses %v", name, got)
				}
			}
			w.send("b/bridge/request/device/ota_update/update", `{"id":"plug","file":"a.bin"}`)
			began := time.Now()
			w.stop()
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("it took %s to stop", d)
			}
			if got := w.out.take("b/bridge/response/device/ota_update/update"); len(got) != 1 || !strings.Contains(got[0], `"code":"stopped"`) {
				t.Errorf("responses %v", got)
			}
			synctest.Wait()
		})
	}
}

// A directory is no firmware.
func TestFirmwareThatIsADirectory(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cfg.Firmware = fstest.MapFS{"dir/a.bin": {Data: []byte("image")}}
		w.start()
		w.net.Place(updatable(1, w, false))
		if r := w.request("device/provision", `{"uuid":"`+uuid(1).String()+`","name":"plug"}`); r["status"] != "ok" {
			t.Fatal(r)
		}
		w.refused("device/ota_update/update", `{"id":"plug","file":"dir"}`, "bad_file")
	})
}

// A provisioning, and a renewal, that the store has taken only after their requests were
// given up: the device is there all the same.
func TestDeviceThatJoinsAfterAll(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		plug := fake.Plug(uuid(1))
		w.net.Join(plug)
		peer := state.Peer{UUID: plug.UUID, Address: plug.Address(), Elements: 1}
		w.svc.Report(node.ProvisioningDone{UUID: plug.UUID, Peer: peer})
		pass(time.Minute)
		if got := w.listed("devices"); strings.Count(got, `"interview_state":"successful"`) != 1 {
			t.Errorf("devices %s", got)
		}
		w.expectLogged("warning", "joined after all", plug.UUID.String())
		w.svc.Report(node.ProvisioningDone{UUID: plug.UUID, Peer: peer}) // known
		pass(time.Minute)
		if got := w.out.take("b/bridge/logging"); len(got) > 0 {
			t.Errorf("logged %v", got)
		}
		peer.Address += 0x100
		w.svc.Report(node.RefreshDone{UUID: plug.UUID, Peer: peer})
		pass(time.Second)
		if got := w.listed("devices"); !strings.Contains(got, `"address":"`+peer.Address.String()+`","friendly_name"`) {
			t.Errorf("devices %s", got)
		}
		w.expectLogged("warning", "was renewed after all", "")
	})
}
