package bridge_test

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// forged is the UUID of a device that does not exist.
func forged(n int) mesh.UUID {
	var uuid mesh.UUID
	binary.BigEndian.PutUint32(uuid[:], uint32(n)+1)
	return uuid
}

// Thousands of false beacons cost little: the list is published every few seconds, and
// what cannot be listed is counted. A device that was there before stays listed, one that
// comes during the flood is listed again and again, and one that was asked for always.
func TestFloodHidesNoDevice(t *testing.T) {
	const most, beacons = 256, 3000
	for name, again := range map[string]bool{"each once": false, "again and again": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.start()
				before, during, wanted := uuid(1), uuid(2), uuid(3)
				hear := func(who mesh.UUID) { w.svc.Report(node.DeviceHeard{UUID: who, RSSI: -90}) }
				hear(before)
				pass(5 * time.Second)
				hear(before)
				pass(5 * time.Second)
				if r := w.request("scan", `{"uuid":"`+wanted.String()+`","time":600}`); r["status"] != "ok" {
					t.Fatal(r)
				}
				w.out.take()
				published := w.out.published("b/bridge/unprovisioned")
				octets, seen, last := 0, map[mesh.UUID]int{}, ""
				lists := 0
				const seconds = 120
				for second := range seconds {
					for i := range beacons / seconds * 5 { // 125 a second
						n := second*beacons/seconds*5 + i
						if again {
							n %= beacons
						}
						hear(forged(n))
					}
					if second%5 == 0 {
						for _, who := range []mesh.UUID{before, during, wanted} {
							hear(who)
						}
					}
					pass(time.Second)
					list := w.out.value("b/bridge/unprovisioned")
					if list == last {
						continue
					}
					last = list
					octets += len(list)
					lists++
					if n := strings.Count(list, `"uuid"`); n > most {
						t.Fatalf("%d devices are listed", n)
					}
					for _, who := range []mesh.UUID{before, during, wanted} {
						if strings.Contains(list, who.String()) {
							seen[who]++
						}
					}
				}
				if n := w.out.published("b/bridge/unprovisioned") - published; n > seconds/3+1 || octets > 1<<20 {
					t.Errorf("%d publications with %d octets", n, octets)
				}
				t.Logf("%d lists with %d octets; before: %d, during: %d, wanted: %d", lists, octets, seen[before], seen[during], seen[wanted])
				if seen[before] != lists || seen[wanted] < lists-1 || seen[during] < 1 {
					t.Errorf("of %d lists the devices are in %d (before), %d (wanted), %d (during)", lists, seen[before], seen[wanted], seen[during])
				}
				if events := w.out.take("b/bridge/event"); len(events) != 1 || !strings.Contains(events[0], wanted.String()) {
					t.Errorf("the events are %v", events)
				}
				if warnings := w.out.take("b/bridge/logging"); len(warnings) != 1 || !strings.Contains(warnings[0], "are not listed") {
					t.Errorf("the warnings are %v", warnings)
				}
				hidden := object(t, w.out.value("b/bridge/health"))["unprovisioned_hidden"].(float64)
				if hidden < 1 {
					t.Errorf("%g devices are hidden", hidden)
				}
			})
		})
	}
}

// Requests ask for a bounded number of devices, and a time of 0 ends that.
func TestWantedDevicesAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		for n := range 100 {
			w.request("scan", `{"uuid":"`+forged(n).String()+`","time":3600}`)
		}
		w.request("scan", `{"uuid":"`+forged(99).String()+`","time":0}`)
		w.out.take()
		for n := range 100 {
			w.svc.Report(node.DeviceHeard{UUID: forged(n)})
		}
		pass(time.Second)
		if events := w.out.take("b/bridge/event"); len(events) != 15 {
			t.Errorf("%d devices are reported, expected 15", len(events))
		}
	})
}

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
		pass(11 * time.Second)
		if n := listed(); n != most {
			t.Errorf("%d devices are listed, expected %d", n, most)
		}
		pass(2 * time.Minute)
		if n := listed(); n != 0 {
			t.Errorf("%d devices are still listed", n)
		}
	})
}
