package private_test

import (
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/private"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// advertiser is a host that can advertise. It records calls of
// ClearSolicitations.
type advertiser struct {
	*hosttest.Host
	running   map[mesh.KeyIndex]bool
	forgotten []foundation.AddressRange
}

func (a *advertiser) PrivateNodeIdentity(subnet mesh.KeyIndex) state.Feature {
	if a.running[subnet] {
		return state.Enabled
	}
	return state.Disabled
}

func (a *advertiser) SetPrivateNodeIdentity(subnet mesh.KeyIndex, running bool) {
	a.running[subnet] = running
}

func (a *advertiser) ClearSolicitations(first mesh.Address, count int) {
	a.forgotten = append(a.forgotten, foundation.AddressRange{RangeStart: first, RangeLength: uint8(count)})
}

func TestPrivateBeaconServer(t *testing.T) {
	h, s := hosttest.New(), private.NewBeaconServer()
	s.Attach(h)
	unsupported := &private.GATTProxyStatus{PrivateGATTProxy: state.Unsupported}
	hosttest.Play(t, h, s, []hosttest.Step{
		{"get", &private.BeaconGet{}, &private.BeaconStatus{}, nil},
		{
			"set both", &private.BeaconSet{PrivateBeacon: true, HasRandomUpdateInterval: true, RandomUpdateIntervalSteps: 6},
			&private.BeaconStatus{PrivateBeacon: true, RandomUpdateIntervalSteps: 6},
			func(h *hosttest.Host) bool {
				return h.Node.PrivateBeacon == state.PrivateBeacon{Enabled: true, Steps: 6}
			},
		},
		{"the interval is unchanged", &private.BeaconSet{}, &private.BeaconStatus{RandomUpdateIntervalSteps: 6}, nil},
		{"proxy unsupported", &private.GATTProxyGet{}, unsupported, nil},
		{
			"set of an unsupported proxy", &private.GATTProxySet{PrivateGATTProxy: state.Enabled}, unsupported,
			func(h *hosttest.Host) bool { return h.Node.PrivateProxy == state.Disabled },
		},
		{
			"identity of a host that does not advertise", &private.NodeIdentitySet{NetKeyIndex: 7, PrivateNodeIdentity: state.Enabled},
			&private.NodeIdentityStatus{Status: foundation.FeatureNotSupported, NetKeyIndex: 7, PrivateNodeIdentity: state.Unsupported}, nil,
		},
		{
			"identity of another subnet", &private.NodeIdentityGet{NetKeyIndex: 8},
			&private.NodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8, PrivateNodeIdentity: state.Unsupported}, nil,
		},
	})

	h.Node.Proxy = state.Enabled
	a := &advertiser{Host: h, running: map[mesh.KeyIndex]bool{}}
	s.Attach(a)
	hosttest.Play(t, h, s, []hosttest.Step{
		{
			"proxy", &private.GATTProxySet{PrivateGATTProxy: state.Enabled}, &private.GATTProxyStatus{PrivateGATTProxy: state.Enabled},
			func(h *hosttest.Host) bool { return h.Node.PrivateProxy == state.Enabled },
		},
		{
			"identity", &private.NodeIdentitySet{NetKeyIndex: 7, PrivateNodeIdentity: state.Enabled},
			&private.NodeIdentityStatus{NetKeyIndex: 7, PrivateNodeIdentity: state.Enabled},
			func(*hosttest.Host) bool { return a.running[7] && !a.running[0] },
		},
	})
}

func TestOnDemandAndSolicitationServers(t *testing.T) {
	h, s := hosttest.New(), private.NewOnDemandProxyServer()
	s.Attach(h)
	hosttest.Play(t, h, s, []hosttest.Step{
		{"proxy unsupported", &private.OnDemandPrivateProxySet{Duration: 5}, &private.OnDemandPrivateProxyStatus{}, nil},
	})
	h.Node.Proxy = state.Disabled
	hosttest.Play(t, h, s, []hosttest.Step{
		{
			"set", &private.OnDemandPrivateProxySet{Duration: 5}, &private.OnDemandPrivateProxyStatus{Duration: 5},
			func(h *hosttest.Host) bool { return h.Node.OnDemandProxy == 5 },
		},
		{"get", &private.OnDemandPrivateProxyGet{}, &private.OnDemandPrivateProxyStatus{Duration: 5}, nil},
	})

	forget, a := private.NewSolicitationServer(), &advertiser{Host: h}
	forget.Attach(a)
	r := foundation.AddressRange{RangeStart: 0x0100, RangeLength: 3}
	items := private.SolicitationPDURPLItemsClear{AddressRange: r}
	hosttest.Play(t, h, forget, []hosttest.Step{
		{"clear", &items, &private.SolicitationPDURPLItemsStatus{AddressRange: r}, nil},
		{"clear unacknowledged", &private.SolicitationPDURPLItemsClearUnacknowledged{SolicitationPDURPLItemsClear: items}, nil, nil},
	})
	if !slices.Equal(a.forgotten, []foundation.AddressRange{r, r}) {
		t.Errorf("unexpected calls of ClearSolicitations: %v", a.forgotten)
	}
}
