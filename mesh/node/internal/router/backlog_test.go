package router_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// knownNodes has a node at each unicast address.
type knownNodes struct{}

func (knownNodes) Lookup(a mesh.Address) (mesh.Address, bool) { return a, true }

// TestBacklogOfLanes: a radio that sends four PDUs at the same time sends those to one
// node one after the other, and one to a group alone.
func TestBacklogOfLanes(t *testing.T) {
	const ms = time.Millisecond
	pace := bearer.UsualPace()
	pace.Parallel = 4
	transmit := bearer.Transmit{Count: 3, Interval: 20 * ms}
	air, share := pace.Airtime(transmit), pace.Share(transmit)
	for name, tt := range map[string]struct {
		to   []mesh.Address
		want time.Duration
	}{
		"to four nodes":                    {[]mesh.Address{5, 6, 7, 8}, 4 * share},
		"to one node":                      {[]mesh.Address{5, 5, 5, 5, 5, 5, 5, 5}, 7*air + share},
		"to groups":                        {[]mesh.Address{0xC000, 0xC001, 0xC000, 0xC001}, 4 * air},
		"to a node, then to a group":       {[]mesh.Address{5, 0xC000}, 2 * air},
		"to a group, then to four nodes":   {[]mesh.Address{0xC000, 5, 6, 7, 8}, air + 4*share},
		"to a group, then to one node":     {[]mesh.Address{0xC000, 5, 5}, 2*air + share},
		"to one node in turn with another": {[]mesh.Address{5, 6, 5, 6}, air + 2*share},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Connect(router.Parts{Keys: b.steps, Subnets: b.steps, Proxy: b.steps, Friendship: b.steps, Peers: knownNodes{}, IVIndex: b.steps, Receiver: b.steps})
			b.Node.NetworkTransmit.Count, b.Node.NetworkTransmit.Steps = 2, 1
			b.SetPace(pace)
			for _, to := range tt.to {
				o := part.Outgoing{Src: own, Dst: to, TTL: 5}
				if _, err := b.Send(&o, []byte{0x82, 0x01}); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.Backlog(); got != tt.want {
				t.Errorf("the radio needs %s, expected %s", got, tt.want)
			}
			b.Time = b.Time.Add(tt.want + air)
			o := part.Outgoing{Src: own, Dst: 5, TTL: 5}
			if _, err := b.Send(&o, []byte{0x82, 0x01}); err != nil {
				t.Fatal(err)
			}
			if got := b.Backlog(); got != share {
				t.Errorf("after that was sent it needs %s for one more, expected %s", got, share)
			}
		})
	}
}
