package controller_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// TestEventsBeforeTheStart checks that events from before the Reset reach no
// host.
func TestEventsBeforeTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := &script{}, &host{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			s.event(packet.EventLEMeta, 0x12, 0x43, 0, 0, 0, 1)
			obey(s, op, nil)
		}
		_, _ = start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}})
		synctest.Wait()
		if n, events := h.seen(); n != 1 || len(events) != 0 {
			t.Errorf("%d sessions, events %v", n, events)
		}
	})
}

// TestUnaskedAnswerBringsNoCredits checks that only expected answers change the
// credits.
func TestUnaskedAnswerBringsNoCredits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op != packet.OpLERand {
				obey(s, op, nil)
			}
		}
		c, _ := start(t, controller.Config{Open: s.open})
		synctest.Wait()
		before := len(s.sent())
		for range 2 {
			go func() { _, _ = c.Do(t.Context(), packet.NewCommand(packet.OpLERand)) }()
		}
		synctest.Wait()
		s.complete(packet.OpReadBDAddr, 7, 0)
		synctest.Wait()
		if n := len(s.sent()) - before; n != 1 {
			t.Errorf("%d commands in flight, with one credit", n)
		}
		for range 2 {
			s.complete(packet.OpLERand, 1, 0)
			synctest.Wait()
		}
		if n := len(s.sent()) - before; n != 2 || c.Stats().Late != 1 {
			t.Errorf("%d commands in all, stats %+v", n, c.Stats())
		}
	})
}

// TestAnswerBeforeTheQuestion checks that an early event does not count as the
// answer.
func TestAnswerBeforeTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		stuck := make(chan struct{})
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			switch op {
			case packet.OpLESetScanEnable:
				<-stuck
				s.complete(op, 2, 0)
			case packet.OpLERand:
				s.complete(op, 2, 0, 9)
			default:
				s.complete(op, 2, ret(op)...)
			}
		}
		c, _ := start(t, controller.Config{Open: s.open})
		synctest.Wait()
		go func() { _, _ = c.Do(t.Context(), packet.LESetScanEnable(true, false)) }()
		synctest.Wait()
		got := make(chan []byte, 1)
		go func() {
			ret, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand))
			if err != nil {
				t.Error(err)
			}
			got <- ret
		}()
		time.Sleep(time.Millisecond) // it has its credit and waits for the other's Write
		s.complete(packet.OpLERand, 2, 0, 0xee)
		time.Sleep(time.Millisecond)
		close(stuck)
		if ret := <-got; !bytes.Equal(ret, []byte{9}) {
			t.Errorf("returned %x", ret)
		}
		if n := c.Stats().Late; n != 1 {
			t.Errorf("%d late", n)
		}
	})
}

// TestGivenUpBeforeSent checks that a command that is given up keeps no credit.
func TestGivenUpBeforeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		c, _ := start(t, controller.Config{Open: s.open})
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // whether it is sent or given up is random
			_, _ = c.Do(gone, packet.ReadBDAddr())
		}
		if _, err := c.Do(t.Context(), packet.ReadBDAddr()); err != nil {
			t.Error(err)
		}
		if n := c.Stats(); n.Unanswered != 0 || n.Resets != 0 {
			t.Errorf("stats %+v", n)
		}
	})
}

// room is a virtual controller beside another one that advertises, at the other
// end of a transport.
type room struct {
	*virtual.Controller
	open func(context.Context) (transport.Transport, error)
}

// newRoom makes a controller for tests of one kind of transport: packets, as
// with the user channel, or a stream, as with serial: and tcp:.
func newRoom(t *testing.T, stream bool) room {
	t.Helper()
	air := virtual.NewAir(virtual.AirOptions{})
	var serving sync.WaitGroup
	t.Cleanup(func() {
		if err := air.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	c, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(1)})
	if err != nil {
		t.Fatal(err)
	}
	r := room{Controller: c, open: func(context.Context) (transport.Transport, error) { return c.Transport(), nil }}
	if stream {
		r.open = func(context.Context) (transport.Transport, error) {
			host, device := net.Pipe()
			serving.Go(func() { _ = c.Serve(device) })
			return transport.NewStream(host), nil
		}
	}
	return r
}

// TestGarbageIsCounted checks that what a controller sends and is no packet of
// its protocol is counted, and costs no session.
func TestGarbageIsCounted(t *testing.T) {
	event := func(code byte, params ...byte) []byte { return append([]byte{4, code, byte(len(params))}, params...) }
	garbage := map[string][]byte{
		"nothing":                           {},
		"unknown type 0x00":                 {0},
		"unknown type 0x7e":                 {0x7e, 1, 2, 3},
		"unknown type 0xff":                 {0xff, 0xff, 0xff, 0xff, 0xff},
		"command":                           {1, 3, 0x0c, 0},
		"SCO":                               {3, 0, 0, 1, 9},
		"ISO":                               {5, 1, 0, 1, 0, 9},
		"event of 1 octet":                  {4},
		"event of 2 octets":                 {4, 0x3e},
		"event that is too short":           {4, 0x3e, 9, 2},
		"event that is too long":            {4, 0x10, 0, 1, 2, 3},
		"Command Complete of 0":             event(0x0e),
		"Command Complete of 2":             event(0x0e, 1, 3),
		"Command Complete without status":   event(0x0e, 1, 3, 0x0c),
		"Command Complete of no command":    event(0x0e, 1, 0xff, 0xff, 0),
		"Command Status of 3":               event(0x0f, 0, 1, 3),
		"Command Status of no command":      event(0x0f, 0, 1, 0xff, 0xff),
		"Hardware Error of 0":               event(0x10),
		"Completed Packets of 0":            event(0x13),
		"Completed Packets that are short":  event(0x13, 200, 1, 0, 1, 0),
		"Completed Packets of no handle":    event(0x13, 1, 0xee, 0x0e, 0xff, 0xff),
		"Disconnection of 1":                event(0x05, 0),
		"Disconnection of no handle":        event(0x05, 0, 0xee, 0x0e, 0x13),
		"LE Meta of 0":                      event(0x3e),
		"LE Meta of no subevent":            event(0x3e, 0xee, 1, 2, 3),
		"report of 0":                       event(0x3e, 2),
		"reports that are missing":          event(0x3e, 2, 9, 3, 0, 1, 2, 3, 4, 5, 6, 0),
		"report that is too long":           event(0x3e, 2, 1, 3, 0, 1, 2, 3, 4, 5, 6, 200, 1),
		"extended report of 3":              event(0x3e, 0x0d, 1, 0),
		"end of set 200":                    event(0x3e, 0x12, 0x43, 200, 0, 0, 1),
		"end of a set of 2":                 event(0x3e, 0x12, 0),
		"connection of 3":                   event(0x3e, 1, 0, 1),
		"connection of no attempt":          event(0x3e, 1, 0, 0xff, 0xff, 7, 9, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0),
		"enhanced connection of no attempt": event(0x3e, append([]byte{0x0a, 0x3e, 0xff, 0xff, 0}, make([]byte, 26)...)...),
		"update of no handle":               event(0x3e, 3, 0, 0xff, 0x0e, 0, 0, 0, 0, 0, 0),
		"vendor event":                      event(0xff, 1, 2, 3),
		"event of BR/EDR":                   event(0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1),
		"ACL of 2 octets":                   {2, 0x40},
		"ACL that is too short":             {2, 0x40, 0x20, 9, 0, 1},
		"ACL that is too long":              {2, 0x40, 0x20, 1, 0, 1, 2, 3},
		"ACL of 65535":                      {2, 0x40, 0x20, 0xff, 0xff},
		"ACL of no handle":                  {2, 0xee, 0x2e, 3, 0, 1, 2, 3},
		"ACL of a forbidden handle":         {2, 0xff, 0x2f, 3, 0, 1, 2, 3},
		"ACL to all":                        {2, 0x40, 0x60, 3, 0, 1, 2, 3},
		"ACL of 0":                          {2, 0x40, 0x20, 0, 0},
		"text":                              []byte("AT+RESET\r\nERROR\r\n"),
	}
	for _, stream := range []bool{false, true} {
		t.Run(map[bool]string{false: "packets", true: "stream"}[stream], func(t *testing.T) {
			for name, octets := range garbage {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						r := newRoom(t, stream)
						air := advertiser.New(advertiser.Config{Receive: func(*bearer.Incoming) {}, Connectable: true})
						links := gatt.New(gatt.Config{Advertiser: air, Heard: func(*bearer.Sighting) {}, Event: func(bearer.LinkEvent) {}, Links: 4})
						var log bytes.Buffer
						c, stop := start(t, controller.Config{
							Open: r.open, Hosts: []controller.Host{air, links},
							Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
						})
						time.Sleep(time.Second)
						for range 20 {
							r.Inject(octets)
							time.Sleep(10 * time.Millisecond)
						}
						for range 10 {
							if _, err := c.Do(t.Context(), packet.ReadBDAddr()); err != nil && !stream {
								t.Error(err)
							}
							time.Sleep(time.Second)
						}
						n := c.Stats()
						stop()
						// In a stream, garbage can look like the header of what
						// is the answer to a command.
						resets := uint64(0)
						if stream {
							resets = 1
						}
						if n.Opens != 1 || n.Resets > resets || n.TransportErrors != 0 {
							t.Errorf("opened %d times, reset %d times, %d errors of the transport: %+v", n.Opens, n.Resets, n.TransportErrors, n)
						}
						if lines := strings.Count(log.String(), "\n"); lines > 2 {
							t.Errorf("%d lines:\n%s", lines, &log)
						}
					})
				})
			}
		})
	}
}

// TestGarbledAnswers replaces the next twenty packets of a controller by
// garbage. It is not opened again, and works when the garbage is over.
func TestGarbledAnswers(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(map[bool]string{false: "packets", true: "stream"}[stream], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(t, stream)
				c, stop := start(t, controller.Config{Open: r.open})
				defer stop()
				synctest.Wait()
				r.Garble(20)
				began := time.Now()
				for {
					_, err := c.Do(t.Context(), packet.ReadBDAddr())
					if err == nil {
						break
					}
					if time.Since(began) > time.Hour {
						t.Fatal(err)
					}
				}
				n := c.Stats()
				if took := time.Since(began); n.Opens != 1 || took > 25*time.Second || n.Malformed+n.Unframed == 0 {
					t.Errorf("it took %s and was opened %d times: %+v", took, n.Opens, n)
				}
			})
		})
	}
}

// TestGoneWithoutASign notices a controller that is gone although nothing is
// sent to it, and its connection looks intact.
func TestGoneWithoutASign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, true)
		down := make(chan error, 100)
		_, stop := start(t, controller.Config{Open: r.open, Status: func(s controller.Status) {
			if s.State == controller.Recovering || s.State == controller.Down {
				down <- s.Err
			}
		}})
		defer stop()
		time.Sleep(time.Hour)
		if len(down) > 0 {
			t.Fatalf("a silent controller is down: %v", <-down)
		}
		r.Hang(false)
		time.Sleep(8 * time.Second)
		if len(down) == 0 {
			t.Fatal("nothing was noticed")
		}
		if err := <-down; !errors.Is(err, controller.ErrUnanswered) {
			t.Errorf("got %v", err)
		}
	})
}

// TestResetsAreLogged logs a controller that fails again and again, a few times
// a minute.
func TestResetsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, false)
		var log bytes.Buffer
		c, stop := start(t, controller.Config{Open: r.open, Log: slog.New(slog.NewTextHandler(&log, nil))})
		for range 600 {
			time.Sleep(time.Second + time.Millisecond) // in all phases of a session
			r.HardwareError(1)
		}
		resets := c.Stats().Resets
		stop()
		if n := strings.Count(log.String(), "level=WARN"); resets < 50 || n < 10 || n > 33 {
			t.Errorf("%d resets, %d lines about them", resets, n)
		}
		if n := strings.Count(log.String(), "\n"); n > 80 {
			t.Errorf("%d lines", n)
		}
		if !strings.Contains(log.String(), "not_logged=") {
			t.Error("the log does not say how many resets are not in it")
		}
	})
}
