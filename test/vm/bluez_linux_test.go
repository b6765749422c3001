package vm

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestBlueZ has the service live with BlueZ's mesh daemon as a node.
func TestBlueZ(t *testing.T) {
	guest{stack: true, limit: 5 * time.Minute, parts: []part{
		{"join_extended", testJoin(false)},
		{"join_legacy", testJoin(true)},
	}}.test(t)
}

// kind is a controller of either kind.
func kind(number uint64, legacy bool) virtual.Options {
	return virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000000 + number), Legacy: legacy}
}

// testJoin takes in a node of BlueZ's and commands it.
func testJoin(legacy bool) func(*testing.T) {
	return func(t *testing.T) {
		room := newRoom(t)
		ours, theirs := room.plug(t, kind(1, legacy)), room.plug(t, kind(2, false))
		h := newHome(t, ours.name())
		l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}), bluez.Provisioning{})
		mark := h.o.Mark()
		l.join(func() {
			h.found(l.uuid)
			h.ask("device/provision", `{"uuid":"`+l.uuid.String()+`","name":"lamp"}`, `{"status":"ok"}`)
		})
		h.interviewed(mark, "lamp")
		for _, m := range h.o.Since(0, "") {
			t.Logf("%s %s", m.Topic, m.Payload)
		}
	}
}
