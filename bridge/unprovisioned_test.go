package bridge_test

import (
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// Forged devices, heard by the bridge or by other nodes for it, do not make the
// list of unprovisioned devices grow beyond its limit. They are removed some
// time later.
func TestFloodOfForgedDevices(t *testing.T) {
	const most = 256
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		listed := func() int {
			t.Helper()
			var list []any
			if err := json.Unmarshal([]byte(w.out.value("b/bridge/unprovisioned")), &list); err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		for n := range 20000 {
			var uuid mesh.UUID
			binary.BigEndian.PutUint32(uuid[:], uint32(n))
			w.svc.Report(node.DeviceHeard{UUID: uuid, RSSI: -40, Via: mesh.Address(n % 2)})
			if n%1000 == 0 {
				pass(20 * time.Second)
				if n := listed(); n > most {
					t.Fatalf("%d devices are listed", n)
				}
			}
		}
		pass(time.Second)
		if n := listed(); n != most {
			t.Errorf("%d devices are listed, expected %d", n, most)
		}
		pass(2 * time.Minute)
		if n := listed(); n != 0 {
			t.Errorf("%d devices are still listed", n)
		}
	})
}
