package node_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// cable is a radio whose connections all lead to the same other node.
type cable struct {
	own, other *node.Node
	end        *cable
	mu         *sync.Mutex // of both ends
	links      map[bearer.LinkID]bearer.LinkID
	taken      *bearer.LinkID
}

func newCables(a, b *node.Node) (*cable, *cable) {
	taken := bearer.FirstIncoming
	mu := &sync.Mutex{}
	x := &cable{own: a, other: b, mu: mu, links: map[bearer.LinkID]bearer.LinkID{}, taken: &taken}
	y := &cable{own: b, other: a, mu: mu, links: map[bearer.LinkID]bearer.LinkID{}, taken: &taken}
	x.end, y.end = y, x
	return x, y
}

func (c *cable) Connect(id bearer.LinkID, _ uint8, to bearer.Peer, service bearer.Service) {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := *c.taken
	*c.taken++
	c.links[id], c.end.links[there] = there, id
	c.other.ReceiveLink(bearer.LinkEvent{ID: there, Kind: bearer.LinkOpened, Service: service, MaxPDU: 20})
	c.own.ReceiveLink(bearer.LinkEvent{ID: id, Kind: bearer.LinkOpened, Service: service, From: to, MaxPDU: 20})
}

func (c *cable) Disconnect(id bearer.LinkID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	there, ok := c.links[id]
	if !ok {
		return
	}
	delete(c.links, id)
	delete(c.end.links, there)
	c.own.ReceiveLink(bearer.LinkEvent{ID: id, Kind: bearer.LinkClosed})
	c.other.ReceiveLink(bearer.LinkEvent{ID: there, Kind: bearer.LinkClosed, Err: errPeerLeft})
}

func (c *cable) Write(id bearer.LinkID, pdu []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if there, ok := c.links[id]; ok {
		c.other.ReceiveLink(bearer.LinkEvent{ID: there, Kind: bearer.LinkData, PDU: append([]byte(nil), pdu...)})
	}
	return nil
}

func (c *cable) Advertise(all []bearer.ConnectableAdvertisement) {
	for _, b := range all {
		s := bearer.Sighting{Service: b.Service, Connectable: true, RSSI: -40}
		s.Len = uint8(copy(s.Data[:], b.Data))
		c.other.ReceiveSighting(&s)
	}
}

// dead is a bearer that loses every PDU.
type dead struct{}

func (dead) Send(bearer.Outgoing) error { return nil }
func (dead) Cancel(bearer.Lane)         {}

func TestNodesRunOverConnectionsOnly(t *testing.T) {
	for _, connected := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			heard := make(chan node.DeviceHeard, 100)
			gateway, err := node.Open(node.Config{
				Options: node.Options{
					Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
					Random:   rand.NewChaCha8([32]byte{1}), Monitor: true,
					Proxy: node.ProxyOptions{Client: node.ClientOn},
				},
				Store: store.NewMemory(),
				Report: func(e node.Event) {
					if d, ok := e.(node.DeviceHeard); ok {
						heard <- d
					}
				},
			}, func() (node.Saved, error) { return node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{2})) })
			if err != nil {
				t.Fatal(err)
			}
			plug, err := node.Open(node.Config{
				Options: node.Options{
					Elements: device.NewPlug().Elements(), Random: rand.NewChaCha8([32]byte{3}),
					Device: node.DeviceOptions{GATT: true},
				},
				Store:  store.NewMemory(),
				Adjust: func(n *state.Node) { n.Proxy = state.Enabled },
			}, func() (node.Saved, error) { return node.NewDevice(plugUUID), nil })
			if err != nil {
				t.Fatal(err)
			}
			here, there := newCables(gateway, plug)
			if connected {
				gateway.UseGATT(here)
			}
			plug.UseGATT(there)
			go gateway.Run(ctx, dead{})
			go plug.Run(ctx, dead{})
			if d := <-heard; d.UUID != plugUUID || d.Bearer != provision.PBGATT {
				t.Fatalf("heard %+v", d)
			}
			peer, err := gateway.Provision(ctx, node.Provision{UUID: plugUUID, Bearer: node.OnlyPBGATT})
			if !connected {
				var f *provision.Failure
				if !errors.As(err, &f) || !strings.Contains(f.Reason, "no radio") {
					t.Errorf("without a radio: %v", err)
				}
				stop()
				synctest.Wait()
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second) // fake time: the new node is found as a proxy
			p := &pair{gateway: gateway, plug: plug}
			if _, err := p.ping(ctx, peer.Address); err != nil {
				t.Error(err)
			}
			s, err := gateway.Summary(ctx)
			if err != nil || s.Counters.GATT.Received == 0 || s.Counters.GATT.Client.Connects == 0 {
				t.Errorf("%+v, %v", s.Counters.GATT, err)
			}
			stop()
			synctest.Wait()
		})
	}
}

// TestLinkEventsAreKept: a node that falls behind may lose PDUs, but not the
// beginning or end of a connection.
func TestLinkEventsAreKept(t *testing.T) {
	n, err := node.Open(node.Config{
		Options: node.Options{
			Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
			Random:   rand.NewChaCha8([32]byte{1}),
			Proxy:    node.ProxyOptions{Clients: 1},
		},
		Store:  store.NewMemory(),
		Adjust: func(n *state.Node) { n.Proxy = state.Enabled },
	}, func() (node.Saved, error) { return node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{2})) })
	if err != nil {
		t.Fatal(err)
	}
	const first = bearer.FirstIncoming
	opened := func(id bearer.LinkID) {
		n.ReceiveLink(bearer.LinkEvent{ID: id, Kind: bearer.LinkOpened, Service: bearer.ProxyService, MaxPDU: 20})
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer func() {
		stop()
		running.Wait()
	}()
	sent := func(want uint64) node.Summary {
		for {
			s, err := n.Summary(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if s.Counters.GATT.Sent >= want {
				return s
			}
		}
	}
	// Connections that begin and end before the node reads are not kept.
	for i := range bearer.LinkID(5000) {
		opened(first + 10 + i)
		n.ReceiveLink(bearer.LinkEvent{ID: first + 10 + i, Kind: bearer.LinkData, PDU: []byte{0x40, 1}})
		n.ReceiveLink(bearer.LinkEvent{ID: first + 10 + i, Kind: bearer.LinkClosed})
	}
	opened(first)
	for range 5000 {
		n.ReceiveLink(bearer.LinkEvent{ID: first, Kind: bearer.LinkData, PDU: []byte{0, 1}})
	}
	running.Go(func() { n.Run(ctx, dead{}) })
	if s := sent(1); s.Missed == 0 || s.Counters.GATT.ClientRefused != 0 {
		t.Errorf("%d of 5000 PDUs were dropped, %d connections were refused", s.Missed, s.Counters.GATT.ClientRefused)
	}
	n.ReceiveLink(bearer.LinkEvent{ID: first, Kind: bearer.LinkClosed})
	opened(first + 1)
	if s := sent(2); s.Counters.GATT.Sent != 2 || s.Counters.GATT.ClientRefused != 0 {
		t.Errorf("%+v: the second connection was refused, so the end of the first was lost", s.Counters.GATT)
	}
}
