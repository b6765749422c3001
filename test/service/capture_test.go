package service

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/capture"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/keep"
)

// adaptersOf reads a capture, which may end within a record, and counts the
// packets of each adapter.
func adaptersOf(t *testing.T, path string) map[uint16]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := capture.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	packets := map[uint16]int{}
	for {
		var rec capture.Record
		err := r.Next(&rec)
		if errors.Is(err, io.EOF) || errors.Is(err, capture.ErrTruncated) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := rec.AppendPacket(nil); ok {
			packets[rec.Adapter]++
		}
	}
}

// The demo's capture contains all its controllers, can be read after the demo
// was killed, and is renamed by the next demo.
func TestCapture(t *testing.T) {
	t.Parallel()
	path := keep.File(t, "air.btsnoop")
	url := localBroker(t)
	first := start(t, "demo", "--mqtt.url", url, "--hci.capture", path)
	first.ready()
	first.Kill()
	for adapter := range uint16(1 + len(demoDevices)) {
		if got := adaptersOf(t, path)[adapter]; got < 100 {
			t.Errorf("%d packets of adapter %d", got, adapter)
		}
	}
	second := start(t, "demo", "--mqtt.url", url, "--hci.capture", path)
	second.ready()
	second.Stop()
	for _, name := range []string{path, path + ".1"} {
		if got := len(adaptersOf(t, name)); got != 1+len(demoDevices) {
			t.Errorf("%s has %d adapters", name, got)
		}
	}
}

// A file that is not a capture is not overwritten.
func TestCaptureSparesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letter")
	const letter = "To whom it may concern"
	if err := os.WriteFile(path, []byte(letter), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"demo", "run"} {
		p := start(t, command, "--mqtt.url", localBroker(t), "--hci.capture", path)
		if code := p.Wait(); code != 1 {
			t.Errorf("%s: exit code %d, expected 1", command, code)
		}
		p.Await(&p.Stderr, "hci.capture")
		p.Await(&p.Stderr, "which is left unchanged")
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != letter {
		t.Errorf("the file now is %q, %v", data, err)
	}
}
