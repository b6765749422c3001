package node_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// An attacker records all PDUs while the network goes through several IV
// indexes, and replays them in each state. No node acts on them, and no IV
// index goes back.
func TestReplayOfFormerIVIndexes(t *testing.T) {
	p := newCouple(t)
	var record []bearer.Incoming
	p.tap = func(to *member, in bearer.Incoming) {
		if to == p.plug {
			record = append(record, in)
		}
	}
	refused := uint64(0)
	p.testMode(p.gateway, p.plug)
	replay := func(when string) {
		t.Helper()
		p.pass(20 * time.Second)
		before, known := p.plug.State().IVIndex, len(record)
		for _, restarted := range []bool{false, true} {
			if restarted {
				p.restart(p.plug)
				p.testMode(p.plug)
			}
			handed := p.plug.Counters().Transport.Access
			for i := range record[:known] {
				p.plug.Receive(p.now, &record[i])
				p.carryOut(p.plug)
			}
			if n := p.plug.Counters().Transport.Access - handed; n != 0 {
				t.Errorf("%s, restarted %t: %d messages of %d replayed PDUs were accepted", when, restarted, n, known)
			}
			refused += p.plug.Counters().Transport.Replayed
			if now := p.plug.State().IVIndex; now != before {
				t.Errorf("%s, restarted %t: the IV index changed from %d to %d", when, restarted, before, now)
			}
		}
	}
	for range 3 {
		p.toggle()
		replay("in normal operation")
		if err := p.begin(p.gateway); err != nil {
			t.Fatal(err)
		}
		p.pass(20 * time.Second)
		p.toggle()
		replay("during the update")
		if err := p.end(p.gateway); err != nil {
			t.Fatal(err)
		}
		p.pass(20 * time.Second)
	}
	p.toggle()
	if len(record) < 20 || refused == 0 {
		t.Fatalf("recorded %d PDUs, %d were refused as replays", len(record), refused)
	}
}

// Every parser for octets from the air gets every length that a radio or a
// connection can carry: random octets, and random octets with a valid
// beginning. Some inputs are encrypted with the right keys.
func TestParsersAcceptEveryLength(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, provisioned := range []bool{true, false} {
		p := newPump(t)
		saved := node.NewDevice(mesh.UUID{5})
		if provisioned {
			var err error
			if saved, err = node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7})); err != nil {
				t.Fatal(err)
			}
		}
		saved.Node.Proxy, saved.Node.Friend, saved.Node.OnDemandProxy = state.Enabled, state.Enabled, 5
		m := p.add("victim", saved, node.Options{
			Monitor: true, Device: node.DeviceOptions{GATT: true},
			Proxy: node.ProxyOptions{Client: node.ClientOn, Clients: 1},
		}, func() []access.Element {
			elements := plug()
			elements[0].Models = append(elements[0].Models, remote.NewServer())
			return elements
		})
		noise := func(n int, head ...byte) []byte {
			octets := make([]byte, max(n, len(head)))
			for i := range octets {
				octets[i] = byte(random.Uint32())
			}
			copy(octets, head)
			return octets[:n]
		}
		hear := func(kind bearer.Kind, octets []byte) {
			in := bearer.Incoming{Kind: kind}
			in.Len = uint8(copy(in.Data[:], octets))
			m.Receive(p.now, &in)
			p.carryOut(m)
		}
		link := bearer.FirstIncoming
		for first := range 256 {
			for n := range bearer.MaxPDU + 1 {
				for _, kind := range []bearer.Kind{bearer.Message, bearer.Beacon, bearer.Provisioning, 0} {
					hear(kind, noise(n, byte(first)))
				}
				// After a valid Link ID that belongs to no open link.
				hear(bearer.Provisioning, noise(n, 0, 0, 0, 1, 0, byte(first)))
			}
			for n := range bearer.MaxServiceData + 1 {
				for _, service := range []bearer.Service{bearer.ProvisioningService, bearer.ProxyService, bearer.SolicitationService} {
					s := bearer.Sighting{Service: service, Connectable: true}
					s.Len = uint8(copy(s.Data[:], noise(n, byte(first))))
					m.ReceiveSighting(p.now, &s)
					p.carryOut(m)
				}
			}
			for _, service := range []bearer.Service{bearer.ProxyService, bearer.ProvisioningService} {
				link++
				m.ReceiveLink(p.now, &bearer.LinkEvent{ID: link, Kind: bearer.LinkOpened, Service: service, MaxPDU: 20})
				for _, n := range []int{1, 2, 3, 20, 66, 67, 68, 255, 517} {
					m.ReceiveLink(p.now, &bearer.LinkEvent{ID: link, Kind: bearer.LinkData, PDU: noise(n, byte(first))})
				}
				m.ReceiveLink(p.now, &bearer.LinkEvent{ID: link, Kind: bearer.LinkClosed})
				p.carryOut(m)
			}
			p.pass(20 * time.Millisecond)
		}
		if !provisioned {
			if m.State().IsProvisioned() {
				t.Error("random octets provisioned a device")
			}
			continue
		}
		by := network.Flooding(m.State().Subnets[0].Key)
		for first := range 256 {
			for n := 1; n <= 16; n++ {
				for _, ctl := range []bool{true, false} {
					if ctl && n > 12 {
						continue
					}
					for _, dst := range []mesh.Address{gatewayAddress, mesh.AllFriends} {
						p.inject(m, by, &network.PDU{
							CTL: ctl, TTL: mesh.TTL(first & 1), Seq: mesh.SequenceNumber(first*64 + n), Src: mesh.Address(0x100 + first),
							Dst: dst, Transport: noise(n, byte(first)),
						})
					}
				}
			}
		}
		if c := m.Counters(); c.Malformed == 0 || c.Transport.Malformed == 0 || c.Network.Malformed == 0 || c.GATT.ClientRefused+c.GATT.Cut+c.GATT.Faults == 0 {
			t.Errorf("the inputs did not reach their parsers: %+v", c)
		}
	}
}
