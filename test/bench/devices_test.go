package bench_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	record "github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
)

// BenchmarkDevices starts the service with ten thousand stored devices, lamps, plugs
// and sensors, until everything retained about them is at the broker. It prints the
// heap that is then in use, by device, without the store: what the node, the bridge
// and the session with the broker keep.
func BenchmarkDevices(b *testing.B) {
	const devices = 10_000
	for range b.N {
		b.StopTimer()
		known := floors(b, devices)
		before := heapInUse()
		b.StartTimer()
		end := startFleet(b, known)
		b.StopTimer()
		b.ReportMetric(float64(heapInUse()-before)/devices, "octets/device")
		end()
	}
}

// heapInUse is the octets of live objects.
func heapInUse() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// floors are devices of different kinds in turn, each two addresses wide.
func floors(tb testing.TB, devices int) []*record.Record {
	tb.Helper()
	kinds := [][]access.Element{device.NewLamp().Elements(), device.NewPlug().Elements(), device.NewSensor().Elements()}
	known := make([]*record.Record, 0, devices)
	for i := range devices {
		name := fmt.Sprintf("floor %d/room %d/device %d", i/1000, i/20, i)
		known = append(known, interviewed(tb, name, mesh.Address(0x0100+2*i), mesh.UUID{0: 1, 1: byte(i >> 8), 2: byte(i)}, kinds[i%len(kinds)]))
	}
	return known
}

// startFleet runs the service without a radio. It returns when the state of every device
// was published.
func startFleet(tb testing.TB, known []*record.Record) (end func()) {
	tb.Helper()
	wanted := make([]string, 0, len(known))
	for _, r := range known {
		wanted = append(wanted, "bench/"+r.Name)
	}
	a := assemble(tb, known, homeassistant.Options{
		Enabled: true, Prefix: "homeassistant", StatusTopic: "homeassistant/status",
	}, wanted...)
	end = a.run(mute{})
	alarm := time.NewTimer(patience)
	defer alarm.Stop()
	for range known {
		select {
		case <-a.broker.published:
		case <-alarm.C:
			tb.Fatal("not every device was announced")
		}
	}
	return end
}

// mute is a bearer that sends nothing.
type mute struct{}

func (mute) Send(bearer.Outgoing) error { return nil }

func (mute) Cancel(bearer.Lane) {}
