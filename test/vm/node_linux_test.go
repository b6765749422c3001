package vm

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestBlueZNode is what else the service does with a node of BlueZ's.
func TestBlueZNode(t *testing.T) {
	guest{stack: true, parts: []part{
		{"static_oob", testStaticOOB},
		{"largest_message", testLargest},
		{"leaves", testLeaves},
	}}.test(t)
}

// testStaticOOB takes in a node that authenticates itself by a value that is
// printed on it, and does not while the value is not that.
func testStaticOOB(t *testing.T) {
	room := newRoom(t)
	ours, theirs := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	h := newBridge(t, ours.name(), "--mesh.provision.allow_no_oob=false")
	printed := bluez.Provisioning{Capabilities: []string{"static-oob"}, Static: [16]byte{0x0B, 15: 0x5E}}
	l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}), printed)
	provision := func(oob string) string {
		return fmt.Sprintf(`{"uuid":%q,"name":"lamp"%s}`, l.uuid, oob)
	}
	if err := l.app.Join(); err != nil {
		t.Fatal(err)
	}
	h.found(l.uuid)
	refused := h.ask("device/provision", provision(""), `{"status":"error"}`)
	t.Logf("without a value: %s", refused)
	if !bytes.Contains(refused, []byte("oob")) {
		t.Errorf("%s does not say what to give", refused)
	}
	if err := l.app.Joined(); err == nil {
		t.Fatal("it joined without a value")
	} else {
		t.Logf("BlueZ: %v", err)
	}

	if err := l.app.Join(); err != nil {
		t.Fatal(err)
	}
	wrong := printed.Static
	wrong[7] ^= 1
	refused = h.ask("device/provision", provision(`,"oob":{"static":"`+hex.EncodeToString(wrong[:])+`"}`), `{"status":"error","code":"peer_failed"}`)
	t.Logf("with a wrong value: %s", refused)
	for _, word := range []string{"confirmation failed", "authentication value is not the one that was given"} {
		if !bytes.Contains(refused, []byte(word)) {
			t.Errorf("%s does not say %q", refused, word)
		}
	}
	err := l.app.Joined()
	t.Logf("BlueZ: %v", err)
	if err == nil || !strings.Contains(err.Error(), "confirmation-failed") {
		t.Errorf("with a wrong value BlueZ says %v", err)
	}

	h.adopt(l, "lamp", `,"oob":{"static":"`+hex.EncodeToString(printed.Static[:])+`"}`)
	h.command("lamp", `"state":"ON"`)
	if on, _ := l.is(); !on {
		t.Error("the lamp is off")
	}
}

// A vendor's model that answers every message with what it carried.
var (
	echoModel  = mesh.VendorModel(0x05F1, 0x0001)
	echoOpcode = []byte{0xC1, 0xF1, 0x05}
	tellOpcode = []byte{0xC2, 0xF1, 0x05}
)

const echoElement = 2 // of a lamp with such a model

// newEcho is a lamp with that model on a third element.
func newEcho(t *testing.T, d *bluez.Daemon) *lamp {
	t.Helper()
	var l *lamp
	l = newLamp(t, d, bluez.Provisioning{}, bluez.Element{
		Location: 0x0102, Models: []mesh.ModelID{echoModel},
		Receive: func(m bluez.Message) {
			if parameters, ok := bytes.CutPrefix(m.Data, echoOpcode); ok {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.reply(m, append(bytes.Clone(tellOpcode), parameters...))
			}
		},
	})
	return l
}

// testLargest has messages of 380 octets of access payload go both ways, and a
// short one that BlueZ segments.
func testLargest(t *testing.T) {
	const most = 380
	room := newRoom(t)
	ours, theirs := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	h := newBridge(t, ours.name())
	l := newEcho(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}))
	h.adopt(l, "lamp", "")
	long := make([]byte, most-len(echoOpcode))
	for i := range long {
		long[i] = byte(i * 7)
	}
	// BlueZ 5.66 answers each acknowledgment with all segments that are missing
	// in it, also those that wait to be sent for the first time, and of its own
	// accord sends ten PDUs in a second: its queue grows faster than it sends.
	h.hasten("lamp")
	mark, before := l.app.Mark(), h.o.Mark()
	began := time.Now()
	h.ask("mesh/send", fmt.Sprintf(`{"dst":"lamp","element":%d,"opcode":"%x","hex":"%x","response":"none"}`,
		echoElement, echoOpcode, long), `{"status":"ok"}`)
	t.Logf("%s there", time.Since(began).Round(time.Millisecond))
	h.o.Next(before, base+"lamp/message", fmt.Sprintf(`{"element":%d,"opcode":"c2f105","hex":"%x"}`, echoElement, long))
	t.Logf("%s and back", time.Since(began).Round(time.Millisecond))
	got := l.app.Next(mark, "the long message", func(m bluez.Message) bool { return bytes.HasPrefix(m.Data, echoOpcode) })
	if !bytes.Equal(got.Data[len(echoOpcode):], long) {
		t.Errorf("BlueZ got % x", got.Data)
	}

	// By itself BlueZ sends to whom it knows: the bridge, with the same key.
	for _, c := range []struct {
		name string
		data []byte
		with []bluez.SendOption
	}{
		{"long", append(bytes.Clone(tellOpcode), bytes.Repeat([]byte{0xA5}, most-len(tellOpcode))...), nil},
		{"short, in a segment", append(bytes.Clone(tellOpcode), 1, 2, 3), []bluez.SendOption{bluez.Segmented()}},
	} {
		before := h.o.Mark()
		if err := l.node.Send(echoElement, got.Source, got.Key, c.data, c.with...); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		h.o.Next(before, base+"lamp/message", fmt.Sprintf(`{"element":%d,"opcode":"c2f105","hex":"%x"}`, echoElement, c.data[len(tellOpcode):]))
	}
	h.until(base+"lamp", `{"state":"ON"}`, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.on = true
		if err := l.node.Publish(0, generic.OnOffServerID, l.onStatus(), bluez.Segmented()); err != nil {
			t.Fatalf("Publish in a segment: %v", err)
		}
	})
	if err := l.node.Send(echoElement, got.Source, got.Key, make([]byte, most+1)); err == nil {
		t.Errorf("BlueZ sends %d octets", most+1)
	}
	h.ask("mesh/send", fmt.Sprintf(`{"dst":"lamp","element":%d,"opcode":"%x","hex":"%x00"}`, echoElement, echoOpcode, long), `{"status":"error"}`)
}

// testLeaves has a node of BlueZ's forget its network without a word, and come
// back as a new one.
func testLeaves(t *testing.T) {
	room := newRoom(t)
	ours, theirs := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	h := newBridge(t, ours.name())
	l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}), bluez.Provisioning{})
	h.adopt(l, "lamp", "")
	h.o.AwaitLast(base+"lamp", `{"state":"OFF","state_2":"OFF"}`) // nothing is on its way to it
	before := l.node.Addresses()
	if err := l.app.Leave(); err != nil {
		t.Fatal(err)
	}
	h.ask("mesh/send", `{"dst":"lamp","message":"Generic OnOff Get","attempts":2}`, `{"status":"error","code":"no_response"}`)
	h.ask("device/remove", `{"id":"lamp","force":true}`, `{"status":"ok","data":{"reset":false}}`)
	h.o.AwaitLast(base+"bridge/devices", `[]`)

	h.adopt(l, "lamp", "")
	if after := l.node.Addresses(); fmt.Sprint(after) == fmt.Sprint(before) {
		t.Errorf("it has the addresses %v again: who heard the old node would take the new one for a replay", after)
	}
	h.command("lamp", `"state":"ON"`)
	if on, _ := l.is(); !on {
		t.Error("the lamp is off")
	}
}
