package advertiser

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// connectableText is an advertisement with a text to recognise it by.
func connectableText(text string) packet.Advertisement {
	return packet.Advertisement{Data: packet.AppendStructure(nil, 0x16, []byte(text))}
}

// kinds are controllers that share the radio's time in different ways.
var kinds = map[string]virtual.Options{
	"extended":         {Address: addressA},
	"two sets":         {Address: addressA, Sets: 2},
	"one set":          {Address: addressA, Sets: 1},
	"legacy":           {Address: addressA, Legacy: true},
	"exclusive":        {Address: addressA, Exclusive: true},
	"exclusive legacy": {Address: addressA, Exclusive: true, Legacy: true},
}

// TestConnectableWithMeshPDUs checks that connectable advertisements and mesh
// PDUs are both on the air, and that a lane keeps its order.
func TestConnectableWithMeshPDUs(t *testing.T) {
	for name, options := range kinds {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(options, Config{Connectable: true})
				for _, all := range [][]packet.Advertisement{{connectableText("!come")}, {connectableText("!come"), connectableText("!here")}} {
					if err := a.Advertise(all); err != nil {
						t.Fatal(err)
					}
					first := len(r.events())
					var sent int
					for ; sent < 100; sent++ {
						if err := a.Send(pdu(bearer.OwnLane(5), fmt.Sprintf("%03d", sent), 2, 20*ms)); errors.Is(err, bearer.ErrFull) {
							break
						}
					}
					time.Sleep(time.Minute)
					seen := map[string]int{}
					last, gap, since := "", time.Duration(0), r.events()[first].at
					for _, e := range r.events()[first:] {
						seen[e.pdu]++
						if strings.HasPrefix(e.pdu, "!") {
							gap, since = max(gap, e.at-since), e.at
							continue
						}
						if e.pdu < last {
							t.Errorf("%s after %s", e.pdu, last)
						}
						last = e.pdu
					}
					for i := range sent {
						if n := seen[fmt.Sprintf("%03d", i)]; n < 2 {
							t.Errorf("PDU %d: %d times", i, n)
						}
					}
					for _, data := range all {
						if n := seen[string(data.Data[2:])]; n < 40 {
							t.Errorf("%q: %d times", data.Data[2:], n)
						}
					}
					if gap > 1200*ms {
						t.Errorf("no connectable advertisement for %s", gap)
					}
				}
				if err := a.Advertise(nil); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				before := len(r.events())
				time.Sleep(10 * time.Second)
				if n := len(r.events()) - before; n != 0 {
					t.Errorf("%d events after the end", n)
				}
				if s := a.controller.Stats(); s.Resets != 0 || s.Refused > 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// TestConnectableAfterConnection connects twice to the same advertisement.
func TestConnectableAfterConnection(t *testing.T) {
	for name, options := range kinds {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(options, Config{Connectable: true})
				if err := a.Advertise([]packet.Advertisement{connectableText("!come")}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5*time.Second + 600*ms) // exclusive controllers have refused once
				for n := range 2 {
					peer := r.radio(virtual.Options{Address: virtual.MakeAddress(uint64(77 + n))}, Config{})
					to, kind := addressA, packet.AddressPublic
					if !options.Legacy {
						a.Bearer.mu.Lock()
						to, kind = a.connectables.all[0].address, packet.AddressRandom
						a.Bearer.mu.Unlock()
					}
					cmd := packet.CreateConnection{
						Interval: 30 * ms, Window: 30 * ms, Peer: to, PeerType: kind,
						Connection: packet.ConnectionParameters{IntervalMin: 30 * ms, IntervalMax: 30 * ms, Supervision: 5 * time.Second},
					}.Extended()
					if _, err := peer.controller.Do(t.Context(), cmd); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * time.Second)
					if made := r.air.Stats().Connections; made != uint64(n)+1 {
						t.Errorf("%d connections after %d attempts", made, n+1)
					}
				}
				before := len(r.events())
				time.Sleep(3 * time.Second)
				if n := len(r.events()) - before; n < 3 {
					t.Errorf("%d events after two connections", n)
				}
				if s := a.controller.Stats(); s.Resets != 0 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// TestHush silences the radio and ends the silence, also after a reset.
func TestHush(t *testing.T) {
	for name, options := range kinds {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a, b := r.radio(options, Config{Connectable: true}), r.radio(virtual.Options{Address: addressB}, Config{})
				if err := a.Advertise([]packet.Advertisement{connectableText("!come")}); err != nil {
					t.Fatal(err)
				}
				a.send(t, pdu(bearer.OwnLane(5), "long", 5, 100*ms))
				resume, err := a.Silence(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				before := len(r.events())
				a.send(t, pdu(bearer.OwnLane(5), "later", 1, 100*ms))
				b.send(t, pdu(bearer.OwnLane(5), "unheard", 1, 100*ms))
				time.Sleep(time.Second)
				a.virtual.HardwareError(1)
				time.Sleep(time.Second)
				if n := len(r.events()) - before; n != 1 || len(a.texts()) != 0 { // the one of b
					t.Errorf("%d events, heard %v", n, a.texts())
				}
				waiting := make(chan struct{})
				go func() {
					defer close(waiting)
					again, err := a.Silence(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					again()
				}()
				synctest.Wait()
				resume()
				<-waiting
				time.Sleep(10 * time.Second)
				b.send(t, pdu(bearer.OwnLane(5), "heard", 20, 100*ms))
				time.Sleep(10 * time.Second)
				if !strings.Contains(r.said(), "later") || !strings.Contains(r.said(), "!come") || len(a.texts()) == 0 {
					t.Errorf("sent %s, heard %v", r.said(), a.texts())
				}
			})
		})
	}
}

// TestConnectableWithFewerSetsThanClaimed checks that the advertisements take
// turns with mesh PDUs when the reserved set does not exist.
func TestConnectableWithFewerSetsThanClaimed(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		a := r.tuned(virtual.Options{Address: addressA}, Config{Connectable: true}, func(op packet.Opcode, params []byte) packet.Status {
			if op == packet.OpLESetExtendedAdvertisingParameters && params[0] >= 2 {
				return packet.StatusMemoryExceeded
			}
			return packet.StatusSuccess
		})
		if err := a.Advertise([]packet.Advertisement{connectableText("!come")}); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			a.send(t, pdu(bearer.OwnLane(5), fmt.Sprintf("%02d", i), 3, 20*ms))
		}
		time.Sleep(10 * time.Second)
		said := r.said()
		if strings.Count(said, "!come") < 3 || !strings.Contains(said, "19*3") {
			t.Errorf("said %s", said)
		}
		if s := a.Stats(); s.Sent != 20 || a.controller.Stats().Resets != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestBeckonRefuses(t *testing.T) {
	b := New(Config{})
	for _, data := range [][]byte{nil, make([]byte, 32)} {
		if err := b.Advertise([]packet.Advertisement{{Data: data}}); !errors.Is(err, ErrPDU) {
			t.Errorf("%d octets: %v", len(data), err)
		}
	}
	one, other := connectableText("one"), connectableText("other")
	if err := b.Advertise([]packet.Advertisement{one, other}); err != nil {
		t.Fatal(err)
	}
	was := b.connectables.all
	if err := b.Advertise([]packet.Advertisement{other}); err != nil {
		t.Fatal(err)
	}
	if now := b.connectables.all; now[0].address != was[1].address || !bytes.Equal(now[0].Data, other.Data) || now[0].address[5]&0xc0 != 0xc0 {
		t.Errorf("%+v became %+v", was, now)
	}
}
