package followers_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/followers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// radio needs a time for each message.
type radio struct {
	host  *parttest.Host
	each  time.Duration
	till  time.Time
	asked map[mesh.Address]int
	last  part.Outgoing
}

// SendAs implements followers.Router.
func (r *radio) SendAs(o *part.Outgoing, _ mesh.SequenceNumber, _ mesh.IVIndex, _ []byte) error {
	if r.till.Before(r.host.Time) {
		r.till = r.host.Time
	}
	r.till = r.till.Add(r.each)
	r.asked[o.Dst]++
	r.last = *o
	return nil
}

// Backlog implements followers.Router.
func (r *radio) Backlog() time.Duration { return max(r.till.Sub(r.host.Time), 0) }

// TestManyNodesAreAskedInTurn: no more are asked at a time than the radio sends in a
// moment, because commands wait for it as well. All get their turn, whoever answers.
func TestManyNodesAreAskedInTurn(t *testing.T) {
	const count = 500
	h := parttest.New()
	h.Node.IVIndex, h.Node.IVUpdate = 1, true
	known := make([]state.Peer, count)
	addresses := make([]mesh.Address, count)
	for i := range known {
		addresses[i] = mesh.Address(0x0100 + i)
		known[i] = state.Peer{UUID: mesh.UUID{byte(i), byte(i >> 8)}, Address: addresses[i], Elements: 1, DeviceKey: crypto.Key{1}}
	}
	r := &radio{host: h, each: 20 * time.Millisecond, asked: map[mesh.Address]int{}}
	p := peers.New(h, peers.Options{Elements: 1, Reserved: func() []peers.Range { return nil }}, known, nil)
	f := followers.New(h, r, p)
	for i := range 6 {
		missing, err := f.Missing(addresses)
		if err != nil {
			t.Fatal(err)
		}
		if len(missing) != count-i {
			t.Fatalf("%d nodes are missing, expected %d", len(missing), count-i)
		}
		f.HeardNode(&part.Received{PDU: network.PDU{Src: r.last.Dst, Dst: r.last.Src}}) // it answers
		if r.Backlog() > 3*time.Second {
			t.Errorf("commands wait for %s, expected 3 s at most", r.Backlog())
		}
		h.Time = h.Time.Add(3 * time.Second)
	}
	for _, a := range addresses {
		if n := r.asked[a]; n < 1 || n > 2 {
			t.Errorf("%s was asked %d times, expected once or twice", a, n)
		}
	}
}
