package virtual_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

// beacon is a controller that advertises every 20 to 30 ms without limit.
func beacon(t *testing.T, air *virtual.Air, n int) *station {
	s := attach(t, air, virtual.Options{Address: address(n)})
	s.start()
	s.advertise(0, 20*time.Millisecond, 0, byte(n))
	return s
}

// after returns how many reports arrive within a time.
func (s *station) after(d time.Duration) int {
	before := len(s.heard())
	time.Sleep(d)
	return len(s.heard()) - before
}

func TestReportsOnlyWhileScanning(t *testing.T) {
	for name, tc := range map[string]struct {
		enable, disable packet.Command
		scan            packet.Command
	}{
		"legacy":   {packet.LESetScanEnable(true, false), packet.LESetScanEnable(false, false), always.Legacy()},
		"extended": {packet.LESetExtendedScanEnable(true, false), packet.LESetExtendedScanEnable(false, false), always.Extended()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := room(t, virtual.AirOptions{})
				beacon(t, air, 1)
				s := attach(t, air, virtual.Options{Address: address(2)})
				s.start()
				steps := []struct {
					name    string
					command packet.Command
					hears   bool
				}{
					{"scan parameters", tc.scan, false},
					{"scan enabled", tc.enable, true},
					{"scan disabled", tc.disable, false},
					{"scan enabled again", tc.enable, true},
					{"LE events masked", packet.SetEventMask(0x1FFFFFFFFFFFFFFF), false},
					{"LE events unmasked", packet.SetEventMask(packet.EventMaskLEMeta), true},
					{"reports masked", packet.LESetEventMask(^(packet.LEEventMaskAdvertisingReport | packet.LEEventMaskExtendedAdvertisingReport)), false},
					{"reports unmasked", packet.LESetEventMask(packet.LEEventMaskAdvertisingReport | packet.LEEventMaskExtendedAdvertisingReport), true},
					{"reset", packet.Reset(), false},
					{"masks after reset", packet.SetEventMask(^uint64(0)), false},
					{"LE mask after reset", packet.LESetEventMask(^uint64(0)), false},
				}
				for _, step := range steps {
					s.must(step.command)
					if n := s.after(time.Second); (n > 0) != step.hears || step.hears && n < 33 {
						t.Errorf("%s: %d reports in 1 s, want some: %v", step.name, n, step.hears)
					}
				}
			})
		})
	}
}

// After Reset the masks block LE events until the host enables them.
func TestDefaultMasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		beacon(t, air, 1)
		s := attach(t, air, virtual.Options{Address: address(2)})
		s.must(packet.Reset(), always.Legacy(), packet.LESetScanEnable(true, false))
		if n := s.after(time.Second); n != 0 {
			t.Errorf("%d reports with the default event mask", n)
		}
		s.must(packet.SetEventMask(packet.EventMaskLEMeta))
		if n := s.after(time.Second); n == 0 {
			t.Error("no legacy reports with the default LE event mask")
		}
		s.must(packet.Reset(), packet.SetEventMask(packet.EventMaskLEMeta), always.Extended(), packet.LESetExtendedScanEnable(true, false))
		if n := s.after(time.Second); n != 0 {
			t.Errorf("%d extended reports with the default LE event mask", n)
		}
	})
}

func TestFilterDuplicates(t *testing.T) {
	for name, enable := range map[string]packet.Command{
		"legacy": packet.LESetScanEnable(true, true), "extended": packet.LESetExtendedScanEnable(true, true),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := room(t, virtual.AirOptions{})
				a := beacon(t, air, 1)
				beacon(t, air, 2)
				s := attach(t, air, virtual.Options{Address: address(3)})
				s.start()
				s.must(enable)
				if n := s.after(time.Second); n != 2 {
					t.Errorf("%d reports of two advertisers", n)
				}
				a.must(packet.LESetExtendedAdvertisingData(0, []byte{99}))
				if n := s.after(time.Second); n != 0 {
					t.Errorf("%d reports of new data of a known advertiser", n)
				}
				s.must(enable) // clears the filter
				if n := s.after(time.Second); n != 2 {
					t.Errorf("%d reports of two advertisers when enabled again", n)
				}
			})
		})
	}
}

func TestFilterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1)})
		a.start()
		s := attach(t, air, virtual.Options{Address: address(2)})
		s.start()
		s.must(packet.LESetExtendedScanEnable(true, true))
		random := nonconnectable(0, 20*time.Millisecond)
		params := append([]byte(nil), random.Params()...)
		params[10] = byte(packet.AddressRandom)
		a.must(packet.NewCommand(random.Opcode(), params...))
		send := func(n int) {
			a.must(packet.LESetAdvertisingSetRandomAddress(0, address(n)), packet.LESetExtendedAdvertisingEnable(true, 0, 1))
			time.Sleep(50 * time.Millisecond)
		}
		for n := range 129 {
			send(n)
		}
		send(128) // remembered
		send(0)   // forgotten when 128 came
		send(1)   // forgotten when 0 came
		send(128) // still remembered
		if n := len(s.heard()); n != 131 {
			t.Errorf("%d reports, want 129 and those of the two forgotten", n)
		}
	})
}

func TestScanWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		beacon(t, air, 1)
		s := attach(t, air, virtual.Options{Address: address(2)})
		s.start()
		tenth := packet.Scan{Interval: 100 * time.Millisecond, Window: 10 * time.Millisecond}
		begin := time.Now()
		s.must(tenth.Extended(), packet.LESetExtendedScanEnable(true, false))
		time.Sleep(100 * time.Second)
		for _, r := range s.heard() {
			if at := r.at.Sub(begin) % (100 * time.Millisecond); at >= 10*time.Millisecond {
				t.Fatalf("heard %s after the start of a scan interval with a window of 10 ms", at)
			}
		}
		if n := len(s.heard()); n < 300 || n > 500 {
			t.Errorf("heard %d in 100 s, want about a tenth of 4000", n)
		}
	})
}

func scanFor(enable, filter byte, duration, period uint16) packet.Command {
	return packet.NewCommand(packet.OpLESetExtendedScanEnable, enable, filter, byte(duration), byte(duration>>8), byte(period), byte(period>>8))
}

func TestScanDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		beacon(t, air, 1)
		s := attach(t, air, virtual.Options{Address: address(2)})
		s.start()
		s.must(scanFor(1, 0, 50, 0)) // half a second
		if n := s.after(500 * time.Millisecond); n < 16 || n > 25 {
			t.Errorf("%d reports in half a second", n)
		}
		if n := s.after(time.Second); n != 0 {
			t.Errorf("%d reports after the duration", n)
		}
		const scanTimeout = 0x11
		if len(s.others) != 1 || s.others[0].Params[0] != scanTimeout {
			t.Errorf("other events %+v, want Scan Timeout", s.others)
		}
		s.must(scanFor(1, 2, 50, 1)) // half a second of every 1.28 s, duplicates once in each
		if n := s.after(10 * 1280 * time.Millisecond); n != 10 {
			t.Errorf("%d reports in ten periods with a filter for each", n)
		}
		before, begin := len(s.heard()), time.Now()
		s.must(scanFor(1, 0, 50, 1))
		time.Sleep(10 * 1280 * time.Millisecond)
		for _, r := range s.heard()[before:] {
			if at := r.at.Sub(begin) % (1280 * time.Millisecond); at >= 500*time.Millisecond {
				t.Errorf("heard %s after the start of a period with a duration of 500 ms", at)
			}
		}
		if n := len(s.heard()) - before; n < 160 || n > 250 {
			t.Errorf("%d reports in ten times half a second", n)
		}
		s.refuse(packet.StatusInvalidParameters, scanFor(1, 0, 128, 1))
		s.refuse(packet.StatusInvalidParameters, scanFor(1, 2, 50, 0))
		s.refuse(packet.StatusInvalidParameters, scanFor(1, 3, 0, 0))
	})
}

// The queue to a slow host is limited. What does not fit is counted, and the
// answers to commands still have room.
func TestSlowHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		beacon(t, air, 1)
		c, err := air.Attach(virtual.Options{Address: address(2), ReportQueue: 10})
		if err != nil {
			t.Fatal(err)
		}
		link := c.Transport()
		for _, command := range []packet.Command{packet.SetEventMask(^uint64(0)), packet.LESetEventMask(^uint64(0)), packet.LESetExtendedScanEnable(true, false)} {
			if err := link.Write(command.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		off := packet.LESetExtendedScanEnable(false, false)
		if err := link.Write(off.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stats := c.Stats()
		if stats.Reports != 10 || stats.Dropped < 300 || stats.Reports+stats.Dropped != air.Stats().Heard {
			t.Errorf("counted %+v of %d", stats, air.Stats().Heard)
		}
		buffer := make([]byte, packet.MaxLen)
		codes := make(map[packet.EventCode]int)
		for range 14 {
			n, err := link.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			event, err := packet.ParseEvent(buffer[:n])
			if err != nil {
				t.Fatal(err)
			}
			codes[event.Code]++
		}
		if codes[packet.EventLEMeta] != 10 || codes[packet.EventCommandComplete] != 4 {
			t.Errorf("read %v, want 10 reports and 4 answers", codes)
		}
	})
}

// Packets stay in order while the queue to the host wraps and grows.
func TestQueueKeepsOrder(t *testing.T) {
	c, err := room(t, virtual.AirOptions{}).Attach(virtual.Options{Address: address(1)})
	if err != nil {
		t.Fatal(err)
	}
	link := c.Transport()
	buffer := make([]byte, packet.MaxLen)
	const unknown = 0x0800 // the first opcode of a group that the controller does not have
	var written, read packet.Opcode
	for _, step := range []struct{ write, read int }{{8, 5}, {5, 0}, {12, 3}, {30, 20}, {10, 37}, {1, 1}} {
		for range step.write {
			command := packet.NewCommand(unknown + written)
			if err := link.Write(command.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
			written++
		}
		for range step.read {
			n, err := link.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			event, err := packet.ParseEvent(buffer[:n])
			if err != nil {
				t.Fatal(err)
			}
			if got, err := event.CommandStatus(); err != nil || got.Opcode != unknown+read {
				t.Fatalf("packet %d answers %s, %v", read, got.Opcode, err)
			}
			read++
		}
	}
	if written != read {
		t.Errorf("read %d of %d", read, written)
	}
}
