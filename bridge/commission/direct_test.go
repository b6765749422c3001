package commission_test

import (
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// A node in reach is configured without relays. One that has gone out of reach gets the
// message that it did not answer, and all after it, with relays.
func TestDirect(t *testing.T) {
	for name, test := range map[string]struct {
		direct    bool
		unheard   int // AppKey Add messages that are lost
		near, far int // requests with TTL 0, and others
	}{
		"in reach":     {true, 0, 11, 0},
		"out of reach": {true, 1, 2, 10},
		"elsewhere":    {false, 0, 0, 11},
	} {
		synctest.Test(t, func(t *testing.T) {
			lost := 0
			d := answering(fake.Lamp(mesh.UUID{1}), configuration.OpAppKeyAdd, func(m fake.Message) access.Message {
				if lost++; lost <= test.unheard {
					return nil
				}
				return &configuration.AppKeyStatus{AppKeyIndex: 3}
			})
			net := fake.New()
			net.Join(d)
			near, far := 0, 0
			net.Asked = func(r node.Request) {
				if r.TTL == 0 {
					near++
				} else {
					far++
				}
			}
			o := options()
			o.Direct = test.direct
			if _, err := commission.Configure(t.Context(), net, o, peerOf(d), nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if near != test.near || far != test.far {
				t.Errorf("%s: %d requests with TTL 0 and %d others, expected %d and %d", name, near, far, test.near, test.far)
			}
		})
	}
}
