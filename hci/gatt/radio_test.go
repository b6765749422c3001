package gatt

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// TestLink carries PDUs both ways, with all kinds of controllers and with a
// short and a long MTU.
func TestLink(t *testing.T) {
	kinds := map[string]virtual.Options{
		"extended": {}, "legacy": {Legacy: true}, "exclusive": {Exclusive: true}, "exclusive legacy": {Exclusive: true, Legacy: true},
		"one set": {Sets: 1}, "long buffers": {DataLength: 251, DataPackets: 8}, "shared buffers": {SharedData: true},
	}
	for name, options := range kinds {
		for _, mtu := range []int{23, 247} {
			for _, service := range []bearer.Service{bearer.ProxyService, bearer.ProvisioningService} {
				t.Run(fmt.Sprintf("%s, MTU %d, %s", name, mtu, service), func(t *testing.T) {
					inRoom(t, virtual.AirOptions{Seed: 1}, func(t *testing.T, air *virtual.Air) {
						one, two := options, options
						one.Address, two.Address = address1(1), address1(2)
						a, b := newBox(t, air, one, Config{Adapter: 3}), newBox(t, air, two, Config{MTU: mtu, Adapter: 1})
						b.offer(service, "here")
						a.Connect(5, 3, a.find("here"), service)
						time.Sleep(10 * time.Second)
						opened, other := a.last(5), b.last(0)
						if opened.Kind != bearer.LinkOpened || opened.MaxPDU != mtu-3 || opened.Service != service || opened.Adapter != 3 {
							t.Fatalf("opened %+v", opened)
						}
						if other.Kind != bearer.LinkOpened || other.MaxPDU != mtu-3 || other.Service != service || other.ID != bearer.FirstIncoming|1<<24|1 {
							t.Fatalf("the other side %+v", other)
						}
						var there, back []string
						for i := range 20 {
							text := fmt.Sprintf("%02d ", i) + strings.Repeat("x", (mtu-6)*i/19)
							there, back = append(there, "data "+text), append(back, "data re "+text[:len(text)*3/4])
							if err := a.Write(5, []byte(text)); err != nil {
								t.Fatal(err)
							}
							if err := b.Write(other.ID, []byte(back[i][5:])); err != nil {
								t.Fatal(err)
							}
						}
						time.Sleep(10 * time.Second)
						if got := b.of(other.ID)[1:]; !slices.Equal(got, there) {
							t.Errorf("there: %q", got)
						}
						if got := a.of(5)[1:]; !slices.Equal(got, back) {
							t.Errorf("back: %q", got)
						}
						a.Disconnect(5)
						time.Sleep(time.Second)
						if e := a.last(5); e.Kind != bearer.LinkClosed || e.Err != nil {
							t.Errorf("closed %+v", e)
						}
						if e := b.last(other.ID); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, packet.StatusRemoteUser) {
							t.Errorf("the other side closed %+v", e)
						}
						for _, c := range []*box{a, b} {
							if n := c.controller.Stats(); n.Resets != 0 || n.Stalled != 0 {
								t.Errorf("stats %+v", n)
							}
						}
					})
				})
			}
		}
	}
}

// TestLastPDUs checks that PDUs written before the end are delivered,
// whichever side ends the link.
func TestLastPDUs(t *testing.T) {
	for _, byServer := range []bool{false, true} {
		inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
			a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
			other := join(t, a, b, 1)
			from, to, at, id := a, b, other, bearer.LinkID(1)
			if byServer {
				from, to, at, id = b, a, 1, other
			}
			var want []string
			for i := range 20 {
				text := fmt.Sprintf("word %d", i)
				want = append(want, "data "+text)
				if err := from.Write(id, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			from.Disconnect(id)
			time.Sleep(3 * time.Second)
			got := to.of(at)
			if !slices.Equal(got[1:len(got)-1], want) || got[len(got)-1] != "closed" {
				t.Errorf("got %q", got)
			}
			if e := from.last(id); e.Kind != bearer.LinkClosed || e.Err != nil {
				t.Errorf("closed %+v", e)
			}
		})
	}
}

// TestConnectFails checks the error of each failure.
func TestConnectFails(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a := newBox(t, air, virtual.Options{Address: address1(1), Connections: 1}, Config{Links: 3})
		b := newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		nobody := bearer.Peer{Address: [6]byte{1, 2, 3, 4, 5, 6}}
		a.Connect(1, 0, nobody, bearer.SolicitationService)
		if e := a.last(1); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, ErrService) {
			t.Errorf("no service to connect to: %v", e.Err)
		}
		a.Connect(2, 0, nobody, bearer.ProxyService)
		a.Connect(2, 0, nobody, bearer.ProxyService) // a mistake without consequences
		time.Sleep(DefaultDeadline - 100*ms)
		if got := a.of(2); len(got) != 0 {
			t.Errorf("before the link was open: %v", got)
		}
		time.Sleep(200 * ms)
		if e := a.last(2); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, ErrTimeout) || !strings.Contains(e.Err.Error(), "01:02:03:04:05:06") {
			t.Errorf("no such peer: %v", e.Err)
		}
		a.Connect(3, 0, nobody, bearer.ProxyService)
		time.Sleep(time.Second)
		a.Disconnect(3)
		time.Sleep(time.Second)
		if e := a.last(3); e.Kind != bearer.LinkClosed || e.Err != nil {
			t.Errorf("given up: %+v", e)
		}
		b.offer(bearer.ProvisioningService, "device")
		to := a.find("device")
		a.Connect(4, 0, to, bearer.ProxyService)
		time.Sleep(10 * time.Second)
		if e := a.last(4); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, ErrService) || !strings.Contains(e.Err.Error(), "Mesh Proxy Service") {
			t.Errorf("another service: %v", e.Err)
		}
		b.mu.Lock()
		if len(b.events) != 1 || b.events[0].Kind != bearer.LinkClosed {
			t.Errorf("the peer saw %+v", b.events)
		}
		b.mu.Unlock()
		join(t, a, b, 5)
		a.Connect(6, 0, nobody, bearer.ProxyService)
		time.Sleep(time.Second)
		if e := a.last(6); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, ErrRoom) {
			t.Errorf("the controller is full: %v", e.Err)
		}
		a.stop()
		a.Connect(7, 0, nobody, bearer.ProxyService)
		if e := a.last(7); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, ErrRadio) {
			t.Errorf("without a radio: %v", e.Err)
		}
		if n := a.Stats(); n.Failed != 3 || n.Opened != 1 || n.Lost != 1 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestFourLinksWithMeshPDUs runs four links and mesh PDUs both ways at the
// same time.
func TestFourLinksWithMeshPDUs(t *testing.T) {
	for name, options := range map[string]virtual.Options{"extended": {}, "legacy": {Legacy: true}} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, virtual.AirOptions{Seed: 5}, func(t *testing.T, air *virtual.Air) {
				options := options
				options.Address = address1(1)
				a := newBox(t, air, options, Config{})
				others := map[bearer.LinkID]bearer.LinkID{}
				boxes := map[bearer.LinkID]*box{}
				for id := bearer.LinkID(1); id <= 4; id++ {
					options.Address = address1(1 + int(id))
					boxes[id] = newBox(t, air, options, Config{})
					others[id] = join(t, a, boxes[id], id)
				}
				a.Connect(9, 0, bearer.Peer{}, bearer.ProxyService)
				if e := a.last(9); !errors.Is(e.Err, ErrRoom) {
					t.Errorf("a fifth: %+v", e)
				}
				const n = 40
				for i := range n {
					for id := range others {
						text := fmt.Sprintf("link %d, number %02d", id, i)
						for a.Write(id, []byte(text)) != nil {
							time.Sleep(10 * ms)
						}
						for boxes[id].Write(others[id], []byte("re "+text)) != nil {
							time.Sleep(10 * ms)
						}
					}
					send := func(b *box, text string) {
						o := bearer.NewOutgoing(bearer.Message, bearer.OwnLane(5), bearer.Transmit{Count: 3, Interval: 20 * ms}, []byte(text))
						if err := b.mesh.Send(o); err != nil {
							t.Error(err)
						}
					}
					send(a, fmt.Sprintf("a %02d", i))
					send(boxes[1], fmt.Sprintf("b %02d", i))
				}
				time.Sleep(time.Minute)
				for id, other := range others {
					for i := range n {
						text := fmt.Sprintf("link %d, number %02d", id, i)
						if got := boxes[id].of(other); len(got) != n+1 || got[i+1] != "data "+text {
							t.Fatalf("link %d there: %q", id, got)
						}
						if got := a.of(id); len(got) != n+1 || got[i+1] != "data re "+text {
							t.Fatalf("link %d back: %q", id, got)
						}
					}
				}
				for _, c := range []struct {
					box  *box
					from string
				}{{boxes[2], "a"}, {a, "b"}} {
					c.box.mu.Lock()
					var heard []string
					for _, text := range c.box.heard {
						if strings.HasPrefix(text, c.from) {
							heard = append(heard, text)
						}
					}
					c.box.mu.Unlock()
					if !slices.IsSorted(heard) || len(slices.Compact(heard)) != n {
						t.Errorf("mesh PDUs of %s: %v", c.from, heard)
					}
				}
			})
		})
	}
}

// TestLoss loses a third of everything on the air, and nothing on a link.
func TestLoss(t *testing.T) {
	inRoom(t, virtual.AirOptions{Seed: 9, Link: virtual.Link{Loss: 0.3}}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		other := join(t, a, b, 1)
		var want []string
		for i := range 200 {
			text := fmt.Sprintf("number %d", i)
			want = append(want, "data "+text)
			for b.Write(other, []byte(text)) != nil {
				time.Sleep(100 * ms)
			}
		}
		time.Sleep(10 * time.Second)
		if got := a.of(1); !slices.Equal(got[1:], want) {
			t.Errorf("got %q", got)
		}
		if n := b.Stats(); n.Full == 0 || n.Sent != 200 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestRoomForPeers checks that the radio advertises only while there is room,
// and offers one service at a time.
func TestRoomForPeers(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{Links: 1})
		b.Advertise([]bearer.ConnectableAdvertisement{
			{Service: bearer.ProxyService, Data: []byte("one")},
			{Service: bearer.ProxyService, Data: []byte("two")},
			{Service: bearer.ProvisioningService, Data: []byte("other")},
			{Service: bearer.ProxyService, Data: make([]byte, 21)},
		})
		one, two := a.find("one"), a.find("two")
		if one == two || !one.Random {
			t.Errorf("addresses %s and %s", one, two)
		}
		time.Sleep(5 * time.Second)
		a.mu.Lock()
		seen := slices.Clone(a.seen)
		a.mu.Unlock()
		for _, s := range seen {
			if string(s.ServiceData()) == "other" || s.Len > 20 || s.Service != bearer.ProxyService || s.RSSI != virtual.DefaultRSSI {
				t.Errorf("seen %+v", s)
			}
		}
		a.Connect(1, 0, two, bearer.ProxyService)
		time.Sleep(10 * time.Second)
		if e := a.last(1); e.Kind != bearer.LinkOpened {
			t.Fatalf("%+v", e)
		}
		count := func() int {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.seen)
		}
		before := count()
		time.Sleep(5 * time.Second)
		if n := count() - before; n != 0 {
			t.Errorf("seen %d times without room", n)
		}
		a.Disconnect(1)
		time.Sleep(5 * time.Second)
		if count() == before {
			t.Error("not seen again")
		}
		b.Advertise(nil)
		time.Sleep(time.Second)
		before = count()
		time.Sleep(5 * time.Second)
		if n := count() - before; n != 0 {
			t.Errorf("seen %d times after the end", n)
		}
	})
}

// TestEventsMayCallBack calls the radio from its event function.
func TestEventsMayCallBack(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		b.notify = func(e bearer.LinkEvent) {
			switch e.Kind {
			case bearer.LinkOpened:
				_ = b.Write(e.ID, []byte("welcome"))
			case bearer.LinkData:
				b.Disconnect(e.ID)
			case bearer.LinkClosed:
				b.Advertise(nil)
			}
		}
		a.notify = func(e bearer.LinkEvent) {
			switch e.Kind {
			case bearer.LinkData:
				_ = a.Write(e.ID, []byte("bye"))
			case bearer.LinkClosed:
				if e.ID < 3 {
					a.Connect(e.ID+1, 0, e.From, e.Service)
				}
			}
		}
		b.offer(bearer.ProxyService, "x")
		a.Connect(1, 0, a.find("x"), bearer.ProxyService)
		time.Sleep(time.Minute)
		if got := a.of(1); !slices.Equal(got, []string{"opened 244", "data welcome", "closed"}) {
			t.Errorf("got %q", got)
		}
		if e := a.last(3); e.Kind != bearer.LinkClosed || !errors.Is(e.Err, ErrTimeout) {
			t.Errorf("after the end: %+v", e)
		}
	})
}

// TestParameterUpdate: the peripheral requests other times, which are applied
// and count for the deadlines.
func TestParameterUpdate(t *testing.T) {
	inRoom(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air) {
		a, b := newBox(t, air, virtual.Options{Address: address1(1)}, Config{}), newBox(t, air, virtual.Options{Address: address1(2)}, Config{})
		join(t, a, b, 1)
		only := func(c *box) *path {
			c.Radio.mu.Lock()
			defer c.Radio.mu.Unlock()
			for _, p := range c.station.paths {
				return p
			}
			return nil
		}
		// 100 ms, no latency, 6 s
		if !only(b).pipe.TrySend([]byte{12, 0, 5, 0, 0x12, 1, 8, 0, 80, 0, 80, 0, 0, 0, 0x58, 2}) {
			t.Fatal("not sent")
		}
		time.Sleep(2 * time.Second)
		p := only(a)
		a.Radio.mu.Lock()
		supervision := p.supervision
		a.Radio.mu.Unlock()
		if supervision != 6*time.Second {
			t.Errorf("supervision timeout of %s", supervision)
		}
		air.SetLinks(address1(1), address1(2), virtual.Link{Cut: true})
		time.Sleep(5 * time.Second)
		if e := a.last(1); e.Kind == bearer.LinkClosed {
			t.Errorf("closed before the new timeout: %v", e.Err)
		}
		time.Sleep(2 * time.Second)
		if e := a.last(1); !errors.Is(e.Err, packet.StatusConnectionTimeout) {
			t.Errorf("%v, %v", a.of(1), e.Err)
		}
	})
}

// TestHearingAllocatesNothing: most advertisements are not for this bearer.
func TestHearingAllocatesNothing(t *testing.T) {
	seen := 0
	r := New(Config{Heard: func(s *bearer.Sighting) {
		if string(s.ServiceData()) == "data" && s.From == (bearer.Peer{Random: true, Address: [6]byte{0x66, 0x55, 0x44, 0x33, 0x22, 0x11}}) {
			seen++
		}
	}})
	var events []packet.Event
	for _, ad := range []string{"05 2a aabbccdd", "03 03 2818 07 16 2818 64617461", "07 16 2918 64617461", "03 16 2818", "02 16 28"} {
		data := octets(ad)
		raw := append([]byte{4, 0x3e, 0, 2, 1, 0, 1, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, byte(len(data))}, data...)
		raw = append(raw, 0xc4)
		raw[2] = byte(len(raw) - 3)
		e, err := packet.ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range events {
			r.Event(e)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if seen != 101 || r.Stats().Unexpected != 0 {
		t.Errorf("seen %d times, %+v", seen, r.Stats())
	}
}

// TestPrivateConnectable: a private advertiser can be connected to, and has a
// new address each time.
func TestPrivateConnectable(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {}, "legacy": {Legacy: true}, "exclusive": {Exclusive: true}, "exclusive legacy": {Exclusive: true, Legacy: true},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, virtual.AirOptions{Seed: 2}, func(t *testing.T, air *virtual.Air) {
				one, two := options, options
				one.Address, two.Address = address1(1), address1(2)
				a, b := newBox(t, air, one, Config{}), newBox(t, air, two, Config{})
				known := map[bearer.Peer]bool{}
				for id := bearer.LinkID(1); id <= 3; id++ {
					name := fmt.Sprintf("private %d", id)
					b.Advertise([]bearer.ConnectableAdvertisement{{Service: bearer.ProxyService, Data: []byte(name), Private: true}})
					to := a.find(name)
					if !to.Random || to.Address[0]&0xc0 != 0 || known[to] {
						t.Errorf("%q from %s, known %v", name, to, known)
					}
					known[to] = true
					a.Connect(id, 0, to, bearer.ProxyService)
					time.Sleep(10 * time.Second)
					if e := a.last(id); e.Kind != bearer.LinkOpened {
						t.Fatalf("%v, %v", a.of(id), e.Err)
					}
					a.Disconnect(id)
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// TestSolicitationIsSighted: a solicitation is reported as service data, and
// its sender cannot be connected to.
func TestSolicitationIsSighted(t *testing.T) {
	for name, options := range map[string]virtual.Options{"extended": {}, "legacy": {Legacy: true}} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, virtual.AirOptions{Seed: 3}, func(t *testing.T, air *virtual.Air) {
				one, two := options, options
				one.Address, two.Address = address1(1), address1(2)
				a, b := newBox(t, air, one, Config{}), newBox(t, air, two, Config{})
				const data = "\x00solicitation PDU!"
				o := bearer.NewOutgoing(bearer.Solicitation, bearer.BeaconLane(), bearer.Transmit{Count: 5, Interval: 50 * ms}, []byte(data))
				if err := b.mesh.Send(o); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				a.mu.Lock()
				defer a.mu.Unlock()
				if len(a.seen) == 0 || len(a.heard) != 0 {
					t.Fatalf("seen %d times, heard %q", len(a.seen), a.heard)
				}
				for _, s := range a.seen {
					if s.Service != bearer.SolicitationService || s.Connectable || string(s.ServiceData()) != data || s.RSSI != virtual.DefaultRSSI {
						t.Errorf("seen %+v", s)
					}
				}
			})
		})
	}
}
