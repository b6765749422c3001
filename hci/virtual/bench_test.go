package virtual

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

func give(b *testing.B, host transport.Transport, commands ...packet.Command) {
	for _, c := range commands {
		if err := host.Write(c.AppendTo(nil)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAir measures one advertising event of 31 octets, from the heap to
// the last listener's host, at full speed: no time passes, and the next timer
// fires at once. Hosts are goroutines that read, as in the demo.
func BenchmarkAir(b *testing.B) {
	for _, tc := range []struct {
		name      string
		listeners int
		link      Link
	}{
		{"1 listener", 1, Link{}},
		{"50 listeners", 50, Link{}},
		{"50 listeners with loss", 50, Link{Loss: 0.1}},
		{"50 listeners with delay", 50, Link{Delay: time.Millisecond, Jitter: time.Millisecond}},
		{"200 listeners", 200, Link{}},
	} {
		b.Run(tc.name, func(b *testing.B) { benchmarkAir(b, tc.listeners, tc.link) })
	}
}

func benchmarkAir(b *testing.B, listeners int, link Link) {
	a := newAir(AirOptions{Seed: 1, Link: link})
	var read, wanted atomic.Uint64
	done := make(chan struct{}, 1)
	for n := range listeners + 1 {
		c, err := a.Attach(Options{Address: MakeAddress(uint64(n + 1))})
		if err != nil {
			b.Fatal(err)
		}
		host := c.Transport()
		defer host.Close()
		if n == 0 {
			advertise := packet.ExtendedAdvertising{Properties: packet.PropertiesNonconnectable, IntervalMin: 20 * time.Millisecond, IntervalMax: 20 * time.Millisecond, Channels: packet.AllChannels}
			give(b, host, advertise.Command(), packet.LESetExtendedAdvertisingData(0, make([]byte, packet.MaxLegacyData)), packet.LESetExtendedAdvertisingEnable(true, 0, 0))
			continue
		}
		give(b, host, packet.SetEventMask(^uint64(0)), packet.LESetEventMask(^uint64(0)), packet.LESetExtendedScanEnable(true, false))
		go func() {
			buffer := make([]byte, MaxPacket)
			for {
				if _, err := host.Read(buffer); err != nil {
					return
				}
				if buffer[1] == eventLE && read.Add(1) == wanted.Load() {
					select {
					case done <- struct{}{}:
					default:
					}
				}
			}
		}()
	}
	// pass waits for n events. From time to time it waits for the hosts, so
	// that none of them falls behind.
	pass := func(n uint64) {
		end := a.stats.Events + n
		for a.stats.Events < end {
			a.mu.Lock()
			for until := min(a.stats.Events+16, end); a.stats.Events < until; {
				t := a.schedule.next()
				a.schedule.remove(t)
				t.fire(t.at)
			}
			wanted.Store(a.stats.Heard)
			a.mu.Unlock()
			for read.Load() < a.stats.Heard {
				<-done
			}
		}
	}
	pass(1000) // fills pools and queues
	heard := a.stats.Heard
	b.ReportAllocs()
	b.ResetTimer()
	pass(uint64(b.N))
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(a.stats.Heard-heard)/b.Elapsed().Seconds(), "reports/s")
}
