package controller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

func TestStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, st := &script{}, &host{}, &states{}
		c, stop := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add})
		synctest.Wait()
		want := []packet.Opcode{
			packet.OpReset, packet.OpReadLocalVersion, packet.OpReadLocalSupportedCommands, packet.OpReadLocalSupportedFeatures,
			packet.OpLEReadLocalSupportedFeatures, packet.OpReadBDAddr, packet.OpLEReadNumberOfSupportedAdvertisingSets,
			packet.OpLEReadBufferSize, packet.OpSetEventMask, packet.OpLESetEventMask,
		}
		if got := s.sent(); !slices.Equal(got, want) {
			t.Errorf("started with %v", got)
		}
		if n, _ := h.seen(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		s.event(packet.EventLEMeta, 0x12, 0x43, 0, 0, 0, 1)
		s.event(packet.EventVendor, 1, 2)
		synctest.Wait()
		if _, events := h.seen(); fmt.Sprint(events) != "[LE Meta 124300000001 vendor event 0102]" {
			t.Errorf("events %v", events)
		}
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		if got := s.sent(); got[len(got)-1] != packet.OpReset || len(got) != len(want)+1 {
			t.Errorf("the controller was not silenced: %v", got[len(want):])
		}
		if got := strings.Join(st.all(), ", "); got != "opening, running, stopped" {
			t.Errorf("states: %s", got)
		}
		info := st.list[1].Info
		if info.Address.String() != "06:05:04:03:02:01" || !info.Extended || info.Sets != 5 || info.MinInterval != 20*time.Millisecond || info.Version.Core() != "5.4" {
			t.Errorf("info %+v", info)
		}
		if n := c.Stats(); n.Opens != 1 || n.Resets != 0 || n.Commands != uint64(len(want))+1 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestKindOfController uses controllers with fewer features.
func TestKindOfController(t *testing.T) {
	for name, test := range map[string]struct {
		legacy   bool
		returns  map[packet.Opcode][]byte
		extended bool
		sets     int
		interval time.Duration
	}{
		"Core 5.4": {extended: true, sets: 5, interval: 20 * time.Millisecond},
		"Core 4.2": {returns: map[packet.Opcode][]byte{
			packet.OpReadLocalVersion:             {0, packet.Core42, 0, 0, packet.Core42, 0, 0, 0, 0},
			packet.OpLEReadLocalSupportedFeatures: {0, 0xff, 0, 0, 0, 0, 0, 0, 0},
		}, sets: 1, interval: 100 * time.Millisecond},
		"configured as legacy":              {legacy: true, sets: 1, interval: 20 * time.Millisecond},
		"feature without commands":          {returns: map[packet.Opcode][]byte{packet.OpReadLocalSupportedCommands: make([]byte, 65)}, sets: 1, interval: 20 * time.Millisecond},
		"does not report commands":          {returns: map[packet.Opcode][]byte{packet.OpReadLocalSupportedCommands: {1}}, sets: 1, interval: 20 * time.Millisecond},
		"does not report features, address": {returns: map[packet.Opcode][]byte{packet.OpReadLocalSupportedFeatures: {1}, packet.OpReadBDAddr: {1}}, extended: true, sets: 5, interval: 20 * time.Millisecond},
		"does not report sets":              {returns: map[packet.Opcode][]byte{packet.OpLEReadNumberOfSupportedAdvertisingSets: {1}}, extended: true, sets: 1, interval: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answer: func(s *script, op packet.Opcode, _ []byte) {
					r, ok := test.returns[op]
					if !ok {
						r = ret(op)
					}
					s.complete(op, 1, r...)
				}}
				var info controller.Info
				h := &host{serve: func(ctx context.Context, s *controller.Session) error {
					info = s.Info()
					<-ctx.Done()
					return nil
				}}
				_, stop := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Legacy: test.legacy})
				synctest.Wait()
				_ = stop()
				if info.Extended != test.extended || info.Sets != test.sets || info.MinInterval != test.interval {
					t.Errorf("got %+v", info)
				}
			})
		})
	}
}

func TestControllerWithoutLE(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st := &script{}, &states{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op == packet.OpReadLocalSupportedFeatures {
				s.complete(op, 1, make([]byte, 9)...)
				return
			}
			obey(s, op, nil)
		}
		_, stop := start(t, controller.Config{Open: s.open, Status: st.add})
		synctest.Wait()
		_ = stop()
		if got := st.all(); !slices.Contains(got, "down: controller unsuitable") {
			t.Errorf("states %v", got)
		}
	})
}

// TestAdapterComesAndGoes uses an adapter that is missing at first, is
// unplugged, and returns.
func TestAdapterComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, st := &script{refuse: transport.ErrNoAdapter}, &host{}, &states{}
		c, stop := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add})
		time.Sleep(time.Hour) // virtual time
		opens := s.opened()
		if opens < 1000 || opens > 1300 {
			t.Errorf("%d attempts in an hour, expected one each three seconds", opens)
		}
		s.mu.Lock()
		s.refuse = nil
		s.mu.Unlock()
		time.Sleep(3 * time.Second)
		if n, _ := h.seen(); n != 1 {
			t.Fatalf("%d sessions after it was plugged in", n)
		}
		time.Sleep(time.Minute)
		asked := make(chan error, 1)
		s.unplug()
		synctest.Wait()
		go func() {
			_, err := c.Do(t.Context(), packet.ReadBDAddr())
			asked <- err
		}()
		time.Sleep(5 * time.Second)
		if n, _ := h.seen(); n != 2 {
			t.Errorf("%d sessions 5 s after it was unplugged", n)
		}
		if err := <-asked; err != nil {
			t.Errorf("a command sent meanwhile: %v", err)
		}
		_ = stop()
		if got := st.all(); !slices.Contains(got, "down: unplugged") {
			t.Errorf("states %v", got[max(0, len(got)-8):])
		}
		if n := c.Stats(); n.Opens != 2 || n.TransportErrors != 1 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestHostFindsControllerAstray lets a host request the reset.
func TestHostFindsControllerAstray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st := &script{}, &states{}
		h := &host{}
		h.serve = func(ctx context.Context, s *controller.Session) error {
			if n, _ := h.seen(); n == 1 {
				return errAstray
			}
			<-ctx.Done()
			return ctx.Err()
		}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add})
		synctest.Wait()
		if got := strings.Join(st.all(), ", "); got != "opening, running, recovering: astray, running" {
			t.Errorf("states: %s", got)
		}
		if n := c.Stats(); n.Opens != 1 || n.Resets != 1 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestHostAlwaysAstray checks that resets are spaced by pauses.
func TestHostAlwaysAstray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		h := &host{serve: func(context.Context, *controller.Session) error { return errAstray }}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}})
		time.Sleep(10 * time.Minute)
		if n := c.Stats().Resets; n < 190 || n > 220 {
			t.Errorf("%d resets in ten minutes, expected one each three seconds", n)
		}
	})
}

func TestHardwareError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, st := &script{}, &host{}, &states{}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add})
		synctest.Wait()
		s.event(packet.EventHardwareError, 0x42)
		synctest.Wait()
		if got := strings.Join(st.all(), ", "); got != "opening, running, recovering: controller reports a hardware error, running" {
			t.Errorf("states: %s", got)
		}
		if n, _ := h.seen(); n != 2 || c.Stats().HardwareErrors != 1 {
			t.Errorf("%d sessions, stats %+v", n, c.Stats())
		}
	})
}

// TestHostileEvents sends events of all codes and lengths, and invalid packets,
// to a running controller.
func TestHostileEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := &script{}, &host{}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}})
		synctest.Wait()
		for code := range 256 {
			if packet.EventCode(code) == packet.EventHardwareError {
				continue // requests a reset, see above
			}
			for _, fill := range []byte{0, 1, 0x3e, 0xff} {
				for n := range 256 {
					params := make([]byte, n)
					for i := range params {
						params[i] = fill
					}
					s.event(packet.EventCode(code), params...)
				}
				synctest.Wait()
			}
		}
		for n := range 10 {
			for first := range 8 {
				p := make([]byte, n)
				if n > 0 {
					p[0] = byte(first)
				}
				s.raw(p)
			}
		}
		s.complete(packet.OpNone, 1) // some of those took the credits away
		synctest.Wait()
		if _, err := c.Do(t.Context(), packet.ReadBDAddr()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if n, _ := h.seen(); n != 1 || c.Stats().Malformed == 0 || c.Stats().Late == 0 || c.Stats().Ignored == 0 {
			t.Errorf("%d sessions, stats %+v", n, c.Stats())
		}
	})
}
