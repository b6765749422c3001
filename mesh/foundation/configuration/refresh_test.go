package configuration_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// bare is a host without models.
type bare struct{ node *state.Node }

func (h bare) State() *state.Node                 { return h.node }
func (h bare) Edit(change func(*state.Node) bool) { change(h.State()) }
func (bare) Reset() error                         { return nil }

// A refresh is set to each phase from every other phase, as after a crash
// before the last step was stored.
func TestKeysRefreshFromAnyPhase(t *testing.T) {
	net, app, other := crypto.Key{2}, crypto.Key{4}, crypto.Key{5}
	for from := uint8(0); from <= 3; from++ {
		for to := uint8(1); to <= 3; to++ {
			keys := configuration.Keys{Host: bare{&state.Node{
				Subnets: []state.Subnet{{Index: 7, Key: crypto.Key{1}}, {Index: 8, Key: other}},
				AppKeys: []state.AppKey{{Index: 0, NetKey: 7, Key: crypto.Key{3}}, {Index: 1, NetKey: 8, Key: other}},
			}}}
			apps := map[mesh.KeyIndex]crypto.Key{0: app, 1: app, 2: app} // one belongs to another subnet, one does not exist
			for phase := uint8(1); phase <= from; phase++ {
				if s := keys.Refresh(7, phase, net, apps); s != foundation.Success {
					t.Fatalf("phase %d: %s", phase, s)
				}
			}
			for range 2 {
				if s := keys.Refresh(7, to, net, apps); s != foundation.Success {
					t.Fatalf("from %d to %d: %s", from, to, s)
				}
			}
			n := keys.State()
			reached := max(from, to)
			k, a := n.Subnet(7), n.AppKey(0)
			if reached == 3 {
				if k.Phase != state.NormalOperation || !k.Key.Equal(net) || !a.Key.Equal(app) || a.Updated {
					t.Errorf("from %d to %d: NetKey %+v, AppKeys %+v", from, to, k, a)
				}
			} else if k.Phase != state.Phase(reached) || !k.NewKey.Equal(net) || !a.NewKey.Equal(app) || !a.Updated {
				t.Errorf("from %d to %d: NetKey %+v, AppKeys %+v", from, to, k, a)
			}
			if wantNew := reached >= 2; k.Sending().Equal(net) != wantNew || n.Sending(a).Equal(app) != wantNew {
				t.Errorf("from %d to %d: the node transmits with the wrong key", from, to)
			}
			if !n.AppKey(1).Key.Equal(other) || n.AppKey(1).Updated || n.AppKey(2) != nil {
				t.Errorf("from %d to %d: AppKeys of other subnets changed", from, to)
			}
			want := foundation.CannotUpdate
			if reached == 3 {
				want = foundation.Success // the next refresh
			}
			if s := keys.Refresh(7, 1, crypto.Key{9}, nil); s != want {
				t.Errorf("another refresh after phase %d: %s, want %s", reached, s, want)
			}
			if s := keys.Refresh(9, 1, net, nil); s != foundation.InvalidNetKeyIndex {
				t.Errorf("a refresh of an unknown subnet: %s", s)
			}
		}
	}
}
