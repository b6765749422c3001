package node_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// FuzzLinks simulates any behaviour of radios: connection events in any order,
// and any service data. A record is kind, connection, length, octets.
func FuzzLinks(f *testing.F) {
	saved, err := node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7}))
	if err != nil {
		f.Fatal(err)
	}
	networkID := proxy.NewIdentity(saved.Node.Subnets[0].Key).ServiceData(proxy.NetworkID, [8]byte{}, 0)
	seed := append([]byte{3, 0, byte(len(networkID))}, networkID...)
	seed = append(seed, 6, 0, 0, 0, 1, 0, 1, 1, 4, 2, 1, 2, 3, 2, 1, 0)
	f.Add(true, seed)
	f.Add(true, []byte{0, 200, 0, 1, 200, 3, 0x43, 1, 2, 1, 200, 3, 0xC3, 1, 2, 6, 0, 0, 2, 200, 0})
	f.Add(false, []byte{0, 201, 1, 0, 1, 201, 3, 3, 0, 5, 2, 201, 0})
	f.Fuzz(func(t *testing.T, provisioned bool, data []byte) {
		s := node.NewDevice(mesh.UUID{5})
		if provisioned {
			var err error
			if s, err = node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7})); err != nil {
				t.Fatal(err)
			}
		}
		s.Node.Proxy, s.Node.OnDemandProxy = state.Enabled, 5
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		c, err := node.New(now, node.Options{
			Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
			Random:   rand.NewChaCha8([32]byte{8}),
			Monitor:  true,
			Device:   node.DeviceOptions{GATT: true},
			Proxy:    node.ProxyOptions{Client: node.ClientOn, Connections: 2, Clients: 2},
		}, s)
		if err != nil {
			t.Fatal(err)
		}
		made := map[bearer.LinkID]bool{}
		for len(data) >= 3 {
			kind, id, n := data[0]%8, bearer.LinkID(data[1]), min(int(data[2]), len(data)-3)
			octets := data[3 : 3+n]
			data = data[3+n:]
			if id >= 128 {
				id += bearer.FirstIncoming
			}
			services := []bearer.Service{bearer.ProxyService, bearer.ProvisioningService, bearer.SolicitationService}
			service := services[n%len(services)]
			switch kind {
			case 0:
				c.ReceiveLink(now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkOpened, Service: service, MaxPDU: n})
			case 1:
				c.ReceiveLink(now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkData, PDU: octets})
			case 2:
				c.ReceiveLink(now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkClosed})
			case 3, 4, 5:
				sighting := bearer.Sighting{Service: services[kind-3], Connectable: true, From: bearer.Peer{Address: [6]byte{data1(octets)}}}
				sighting.Len = uint8(copy(sighting.Data[:], octets))
				c.ReceiveSighting(now, &sighting)
			default:
				now = now.Add(time.Duration(n) * 100 * time.Millisecond)
				c.Tick(now)
			}
			for _, a := range c.Take().GATT {
				if w, ok := a.(node.Write); ok {
					for _, pdu := range w.PDUs {
						if len(pdu) == 0 || len(pdu) > 255 {
							t.Fatalf("the node wrote a Proxy PDU of %d octets", len(pdu))
						}
					}
				}
				if m, ok := a.(node.Connect); ok {
					if made[m.ID] || m.ID >= bearer.FirstIncoming {
						t.Fatalf("connection %d was made before, or not by this node", m.ID)
					}
					made[m.ID] = true
				}
			}
		}
	})
}

func data1(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[len(b)-1]
}
