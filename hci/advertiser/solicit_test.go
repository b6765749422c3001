package advertiser

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// record keeps everything that one controller sends.
func (r *room) record(from packet.Address) func() []virtual.Advertisement {
	var log []virtual.Advertisement
	r.air.Sniff(func(a *virtual.Advertisement) {
		if a.From != from {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		c := *a
		c.Data = bytes.Clone(a.Data)
		log = append(log, c)
	})
	return func() []virtual.Advertisement {
		r.mu.Lock()
		defer r.mu.Unlock()
		return append([]virtual.Advertisement(nil), log...)
	}
}

// TestSolicitation checks that a solicitation is on the air octet by octet, as
// often as requested, together with mesh PDUs and connectable advertisements,
// and that nobody can connect to it.
func TestSolicitation(t *testing.T) {
	data := make([]byte, 18)
	for i := range data {
		data[i] = byte(0xA0 + i)
	}
	data[0] = 0
	const want = "020106" + "03035918" + "15165918" + "00a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1"
	for name, options := range kinds {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(options, Config{Connectable: true})
				b := r.radio(virtual.Options{Address: addressB}, Config{})
				log := r.record(addressA)
				if err := a.Advertise([]packet.Advertisement{connectableText("!come")}); err != nil {
					t.Fatal(err)
				}
				for i := range 5 {
					a.send(t, pdu(bearer.OwnLane(5), fmt.Sprintf("%d", i), 3, 20*ms))
				}
				const count = 5
				a.send(t, bearer.NewOutgoing(bearer.Solicitation, bearer.BeaconLane(), bearer.Transmit{Count: count, Interval: 50 * ms}, data))
				time.Sleep(10 * time.Second)
				n, first, last, come := 0, time.Duration(0), time.Duration(0), 0
				for _, e := range log() {
					if bytes.Contains(e.Data, []byte("!come")) {
						come++
					}
					if hex.EncodeToString(e.Data) != want {
						continue
					}
					if n++; n == 1 {
						first = e.Elapsed
					}
					last = e.Elapsed
					if uint16(e.Properties) != packet.PropertiesNonconnectable || e.AddressType != packet.AddressRandom {
						t.Errorf("sent with properties %#x from %s", e.Properties, e.AdvA)
					}
				}
				if n < count || n > count+1 || last-first > 2*time.Second || come < 10 {
					t.Errorf("%d times within %s, with %d connectable advertisements", n, last-first, come)
				}
				if sent := a.Stats(); sent.Sent != 6 || len(b.texts()) == 0 {
					t.Errorf("stats %+v, heard %v", sent, b.texts())
				}
				for _, text := range b.texts() {
					if len(text) > 1 {
						t.Errorf("%q was received as a mesh PDU", text)
					}
				}
			})
		})
	}
	long := bearer.NewOutgoing(bearer.Solicitation, bearer.BeaconLane(), bearer.Transmit{Count: 1}, make([]byte, bearer.MaxConnectableData+1))
	if err := New(Config{}).Send(long); !errors.Is(err, ErrPDU) {
		t.Errorf("too long: %v", err)
	}
}

// TestPrivateAddresses checks that private advertisements have their own
// non-resolvable private address, which changes with them, and others an
// address that stays (section 7.2.2.2.4).
func TestPrivateAddresses(t *testing.T) {
	private := func(text string) packet.Advertisement {
		a := connectableText(text)
		a.Private = true
		return a
	}
	for name, options := range kinds {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a, b := r.radio(options, Config{Connectable: true}), r.radio(virtual.Options{Address: addressB}, Config{})
				log := r.record(addressA)
				for _, all := range [][]packet.Advertisement{
					{private("one"), private("two"), connectableText("public")},
					{private("one"), private("new"), connectableText("public")},
					{private("last")},
				} {
					if err := a.Advertise(all); err != nil {
						t.Fatal(err)
					}
					time.Sleep(30 * time.Second)
				}
				a.send(t, pdu(bearer.OwnLane(5), "still here", 3, 20*ms))
				b.send(t, pdu(bearer.OwnLane(5), "heard", 20, 100*ms))
				time.Sleep(10 * time.Second)
				addresses, owners := map[string]packet.Address{}, map[packet.Address]string{}
				for _, e := range log() {
					text := string(e.Data[2:])
					if uint16(e.Properties) != packet.PropertiesConnectable {
						continue
					}
					if was, seen := addresses[text]; seen && was != e.AdvA {
						t.Errorf("%q first from %s, then from %s", text, was, e.AdvA)
					}
					if other := owners[e.AdvA]; other != "" && other != text {
						t.Errorf("%q and %q from %s", other, text, e.AdvA)
					}
					addresses[text], owners[e.AdvA] = e.AdvA, text
					isPrivate := e.AddressType == packet.AddressRandom && e.AdvA[5]&0xc0 == 0
					if isPrivate == (text == "public") {
						t.Errorf("%q from %s", text, e.AdvA)
					}
				}
				if len(addresses) != 5 {
					t.Errorf("advertised %v", addresses)
				}
				if len(a.texts()) == 0 || len(b.texts()) == 0 {
					t.Errorf("mesh PDUs: %v and %v were heard", a.texts(), b.texts())
				}
				if s := a.controller.Stats(); s.Resets != 0 || s.Refused > 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}
