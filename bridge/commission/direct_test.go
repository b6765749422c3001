package commission_test

import (
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// A node in reach is configured without relays. A message that it does not answer is
// relayed, and after two of them all others.
func TestDirect(t *testing.T) {
	for name, test := range map[string]struct {
		direct    bool
		reached   func(request int) bool // by a message with TTL 0
		near, far int                    // requests with TTL 0, and others
	}{
		"in reach":     {true, func(int) bool { return true }, 11, 0},
		"out of reach": {true, func(int) bool { return false }, 2, 11},
		"at the limit": {true, func(request int) bool { return request%2 == 0 }, 11, 6},
		"elsewhere":    {false, func(int) bool { return true }, 0, 11},
	} {
		synctest.Test(t, func(t *testing.T) {
			near, far, lost := 0, 0, false
			net, d := fake.New(), fake.Lamp(mesh.UUID{1})
			d.Answer = func(fake.Message) (access.Message, bool) { return nil, lost }
			net.Join(d)
			net.Asked = func(r node.Request) {
				if r.TTL == 0 {
					near++
					lost = !test.reached(near)
				} else {
					far++
					lost = false
				}
			}
			o := options()
			o.Direct = test.direct
			result, err := commission.Configure(t.Context(), net, o, peerOf(d), nil)
			if err != nil || len(result.Skipped) > 0 {
				t.Errorf("%s: %+v, %v", name, result, err)
			}
			if near != test.near || far != test.far {
				t.Errorf("%s: %d requests with TTL 0 and %d others, expected %d and %d", name, near, far, test.near, test.far)
			}
		})
	}
}
