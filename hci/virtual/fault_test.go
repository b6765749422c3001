package virtual_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

// answered sends commands and reports which of them were answered.
func (s *station) answered(n int) string {
	s.t.Helper()
	var marks strings.Builder
	for range n {
		s.send(packet.ReadBDAddr())
		if _, _, ok := s.answer(packet.OpReadBDAddr); ok {
			marks.WriteByte('y')
		} else {
			marks.WriteByte('-')
		}
	}
	return marks.String()
}

func TestDropCompletion(t *testing.T) {
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		s.DropCompletion(3)
		s.DropCompletion(1)
		if got := s.answered(5); got != "-y-yy" {
			t.Errorf("answered %s", got)
		}
		s.DropCompletion(1)
		s.send(packet.LESetScanEnable(true, false)) // executed nevertheless
		time.Sleep(time.Second)
		s.refuse(packet.StatusCommandDisallowed, always.Legacy())
	})
}

func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		beacon(t, air, 1)
		s := attach(t, air, virtual.Options{Address: address(2)}).listen()
		tr := sniff(air)
		s.advertise(0, 50*time.Millisecond, 0, 2)
		own := func() (n int) {
			for _, e := range tr.all() {
				if e.from == address(2) {
					n++
				}
			}
			return n
		}
		s.Hang(false)
		before := own()
		if n := s.after(time.Second); n != 0 || own() != before {
			t.Errorf("%d reports and %d events while hung", n, own()-before)
		}
		s.send(packet.Reset())
		if _, _, ok := s.answer(packet.OpReset); ok {
			t.Error("a hung controller answered Reset")
		}
		s.Resume()
		if n := s.after(time.Second); n == 0 || own() == before {
			t.Errorf("%d reports and %d events after Resume", n, own()-before)
		}
		s.Hang(true)
		if got := s.answered(2); got != "--" {
			t.Errorf("answered %s while hung", got)
		}
		s.must(packet.Reset())
		if got := s.answered(2); got != "yy" {
			t.Errorf("answered %s after Reset", got)
		}
	})
}

func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		tr := sniff(air)
		s := attach(t, air, virtual.Options{Address: address(1)})
		s.start()
		s.Mute(true)
		s.advertise(0, 50*time.Millisecond, 1)
		s.must(packet.Reset())
		s.start()
		s.advertise(0, 50*time.Millisecond, 1)
		time.Sleep(time.Second)
		if len(tr.all()) != 0 || len(s.ends()) != 0 {
			t.Errorf("%d events and %d ends while mute", len(tr.all()), len(s.ends()))
		}
		s.Mute(false)
		time.Sleep(time.Second)
		if len(tr.all()) != 1 || len(s.ends()) != 1 {
			t.Errorf("%d events and %d ends after it, want one", len(tr.all()), len(s.ends()))
		}
	})
}

func TestHardwareErrorAndGarbage(t *testing.T) {
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		s.HardwareError(0x42)
		s.must(packet.SetEventMask(^packet.EventMaskHardwareError))
		s.HardwareError(0x43)
		synctest.Wait()
		if len(s.others) != 1 {
			t.Fatalf("%d events, want the one that was not masked", len(s.others))
		}
		if code, err := s.others[0].HardwareError(); err != nil || code != 0x42 {
			t.Errorf("hardware error %x, %v", code, err)
		}
		s.Inject([]byte{0xFF, 0xFF})
		synctest.Wait()
		if s.garbage != 1 {
			t.Errorf("%d injected packets were received", s.garbage)
		}
		s.Garble(2)
		if got := s.answered(3); got != "--y" {
			t.Errorf("answered %s, want garbage twice", got)
		}
	})
}

func TestUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		s := attach(t, air, virtual.Options{Address: address(1)})
		other := attach(t, air, virtual.Options{Address: address(2)}).listen()
		s.start()
		s.advertise(0, 50*time.Millisecond, 0)
		time.Sleep(time.Second)
		s.Hang(false) // ends with Unplug
		s.Unplug()
		s.Unplug()
		synctest.Wait()
		if !errors.Is(s.ended, virtual.ErrUnplugged) {
			t.Errorf("reading ended with %v", s.ended)
		}
		reset := packet.Reset()
		if err := s.link.Write(reset.AppendTo(nil)); !errors.Is(err, virtual.ErrUnplugged) {
			t.Errorf("writing: %v", err)
		}
		if n := other.after(time.Second); n != 0 {
			t.Errorf("%d reports of an unplugged advertiser", n)
		}
		if _, err := s.Transport().Read(nil); !errors.Is(err, virtual.ErrUnplugged) {
			t.Errorf("a new transport: %v", err)
		}
		if err := s.Plug(); err != nil {
			t.Fatal(err)
		}
		s.connect()
		s.start()
		s.advertise(0, 50*time.Millisecond, 0)
		if n := other.after(time.Second); n == 0 {
			t.Error("no reports after Plug")
		}
	})
}

func TestOneHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		tr := sniff(air)
		s := attach(t, air, virtual.Options{Address: address(1)})
		s.start()
		s.advertise(0, 50*time.Millisecond, 0)
		first := s.link
		s.connect()
		synctest.Wait()
		if !errors.Is(s.ended, transport.ErrClosed) {
			t.Errorf("the first host's reading ended with %v", s.ended)
		}
		reset := packet.Reset()
		if err := first.Write(reset.AppendTo(nil)); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("the first host's writing: %v", err)
		}
		before := len(tr.all())
		time.Sleep(time.Second)
		if n := len(tr.all()); n != before {
			t.Errorf("%d events of the first host's set", n-before)
		}
		first.Close() // must not affect the second
		s.start()
		s.advertise(0, 50*time.Millisecond, 0)
		air.Close()
		synctest.Wait()
		if !errors.Is(s.ended, transport.ErrClosed) {
			t.Errorf("reading ended with %v when the air was closed", s.ended)
		}
		if _, err := s.Transport().Read(nil); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("a transport of a closed air: %v", err)
		}
		if _, err := air.Attach(virtual.Options{Address: address(2)}); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("attaching to a closed air: %v", err)
		}
	})
}

// serve runs a controller behind one end of a pipe and returns the other end.
func serve(c *virtual.Controller) (host net.Conn, result <-chan error) {
	host, far := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(far) }()
	return host, ended
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		c, err := air.Attach(virtual.Options{Address: address(1)})
		if err != nil {
			t.Fatal(err)
		}
		host, ended := serve(c)
		octets := packet.ReadBDAddr()
		go func() {
			for _, b := range octets.AppendTo(octets.AppendTo(nil)) { // a stream has no packet boundaries
				host.Write([]byte{b})
			}
		}()
		want := append([]byte{4, 0x0E, 10, 1, 0x09, 0x10, 0}, func() []byte { a := address(1); return a[:] }()...)
		for range 2 {
			got := make([]byte, len(want))
			for n := 0; n < len(got); {
				k, err := host.Read(got[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
			if string(got) != string(want) {
				t.Errorf("answer %x, want %x", got, want)
			}
		}
		host.Close()
		if err := <-ended; err != nil {
			t.Errorf("the host hung up: %v", err)
		}

		host, ended = serve(c)
		host.Write([]byte{0x77})
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "0x77") {
			t.Errorf("a stream with invalid framing: %v", err)
		}

		_, ended = serve(c)
		synctest.Wait()
		c.Unplug()
		if err := <-ended; !errors.Is(err, virtual.ErrUnplugged) {
			t.Errorf("unplugged: %v", err)
		}
	})
}
