package configuration_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

var (
	label      = mesh.UUID{1}
	otherLabel = mesh.UUID{2}
)

// play sends requests to one server, one after the other.
func play(t *testing.T, h *hosttest.Host, steps []hosttest.Step) {
	t.Helper()
	s := configuration.NewServer(configuration.Product{CompanyID: 0xFFFF, ProductID: 2, VersionID: 3, ReplaySize: 99})
	s.Attach(h)
	hosttest.Play(t, h, s, steps)
}

func TestConfigServerNodeStates(t *testing.T) {
	transmit := state.Retransmit{Count: 3, Steps: 7}
	play(t, hosttest.New(), []hosttest.Step{
		{"beacon get", &configuration.BeaconGet{}, &configuration.BeaconStatus{}, nil},
		{
			"beacon set", &configuration.BeaconSet{Beacon: true}, &configuration.BeaconStatus{Beacon: true},
			func(h *hosttest.Host) bool { return h.Node.Beacon && h.Changes == 1 },
		},
		{"TTL get", &configuration.DefaultTTLGet{}, &configuration.DefaultTTLStatus{TTL: 10}, nil},
		{
			"TTL set", &configuration.DefaultTTLSet{TTL: 127}, &configuration.DefaultTTLStatus{TTL: 127},
			func(h *hosttest.Host) bool { return h.Node.DefaultTTL == 127 },
		},
		{
			"transmit set", &configuration.NetworkTransmitSet{NetworkTransmit: transmit}, &configuration.NetworkTransmitStatus{NetworkTransmit: transmit},
			func(h *hosttest.Host) bool { return h.Node.NetworkTransmit == transmit },
		},
		{"transmit get", &configuration.NetworkTransmitGet{}, &configuration.NetworkTransmitStatus{NetworkTransmit: transmit}, nil},
		{
			"relay set", &configuration.RelaySet{Relay: state.Disabled, RelayRetransmit: transmit}, &configuration.RelayStatus{RelayRetransmit: transmit},
			func(h *hosttest.Host) bool {
				return h.Node.Relay == state.Disabled && h.Node.RelayRetransmit == transmit
			},
		},
		{"relay get", &configuration.RelayGet{}, &configuration.RelayStatus{RelayRetransmit: transmit}, nil},
		{"proxy get", &configuration.GATTProxyGet{}, &configuration.GATTProxyStatus{GATTProxy: state.Unsupported}, nil},
		{"proxy set", &configuration.GATTProxySet{GATTProxy: state.Enabled}, &configuration.GATTProxyStatus{GATTProxy: state.Unsupported}, nil},
		{"friend get", &configuration.FriendGet{}, &configuration.FriendStatus{Friend: state.Unsupported}, nil},
		{"friend set", &configuration.FriendSet{Friend: state.Enabled}, &configuration.FriendStatus{Friend: state.Unsupported}, nil},
		{"identity get", &configuration.NodeIdentityGet{NetKeyIndex: 7}, &configuration.NodeIdentityStatus{NetKeyIndex: 7, Identity: state.Unsupported}, nil},
		{"identity get", &configuration.NodeIdentityGet{NetKeyIndex: 8}, &configuration.NodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8}, nil},
		{
			"identity on", &configuration.NodeIdentitySet{Identity: state.Enabled},
			&configuration.NodeIdentityStatus{Status: foundation.FeatureNotSupported, Identity: state.Unsupported}, nil,
		},
		{"poll timeout", &configuration.LowPowerNodePollTimeoutGet{LPNAddress: 9}, &configuration.LowPowerNodePollTimeoutStatus{LPNAddress: 9}, nil},
		{"heartbeat publication", &configuration.HeartbeatPublicationGet{}, &configuration.HeartbeatPublicationStatus{}, nil},
		{"heartbeat off", &configuration.HeartbeatPublicationSet{}, &configuration.HeartbeatPublicationStatus{}, nil},
		{
			"heartbeat on", &configuration.HeartbeatPublicationSet{Destination: 1, CountLog: 1, PeriodLog: 1},
			&configuration.HeartbeatPublicationStatus{Status: foundation.CannotSet, Destination: 1, CountLog: 1, PeriodLog: 1}, nil,
		},
		{
			"heartbeat to a label", &configuration.HeartbeatPublicationSet{Destination: 0x8001},
			&configuration.HeartbeatPublicationStatus{Status: foundation.InvalidAddress, Destination: 0x8001}, nil,
		},
		{
			"heartbeat in an unknown subnet", &configuration.HeartbeatPublicationSet{Destination: 1, NetKeyIndex: 5},
			&configuration.HeartbeatPublicationStatus{Status: foundation.InvalidNetKeyIndex, Destination: 1, NetKeyIndex: 5}, nil,
		},
		{"heartbeat subscription", &configuration.HeartbeatSubscriptionGet{}, &configuration.HeartbeatSubscriptionStatus{}, nil},
		{
			"subscribe to heartbeats", &configuration.HeartbeatSubscriptionSet{Source: 1, Destination: 5, PeriodLog: 3},
			&configuration.HeartbeatSubscriptionStatus{Status: foundation.CannotSet, Source: 1, Destination: 5, PeriodLog: 3}, nil,
		},
		{"unsubscribe from heartbeats", &configuration.HeartbeatSubscriptionSet{}, &configuration.HeartbeatSubscriptionStatus{}, nil},
	})

	h := hosttest.New()
	h.Node.Relay, h.Node.Proxy, h.Node.Friend = state.Unsupported, state.Disabled, state.Disabled
	play(t, h, []hosttest.Step{
		{"relay unsupported", &configuration.RelaySet{Relay: state.Enabled, RelayRetransmit: transmit}, &configuration.RelayStatus{Relay: state.Unsupported}, nil},
		{"proxy", &configuration.GATTProxySet{GATTProxy: state.Enabled}, &configuration.GATTProxyStatus{GATTProxy: state.Enabled}, nil},
		{"friend", &configuration.FriendSet{Friend: state.Enabled}, &configuration.FriendStatus{Friend: state.Enabled}, nil},
	})
}

func TestConfigServerComposition(t *testing.T) {
	h := hosttest.New()
	s := configuration.NewServer(configuration.Product{CompanyID: 0xFFFF, ProductID: 2, VersionID: 3, ReplaySize: 99})
	s.Attach(h)
	b := servertest.New(t, s)
	get := func(page uint8) *configuration.CompositionDataStatus {
		t.Helper()
		status, ok := b.Send(&configuration.CompositionDataGet{Page: page}).(*configuration.CompositionDataStatus)
		if !ok {
			t.Fatalf("page %d: no answer", page)
		}
		return status
	}
	c, err := get(0).Composition()
	if err != nil {
		t.Fatal(err)
	}
	want := &configuration.Composition{
		CompanyID: 0xFFFF, ProductID: 2, VersionID: 3, CRPL: 99, Features: configuration.FeatureRelay,
		Elements: []configuration.CompositionElement{
			{Location: 0x0106, Models: []mesh.ModelID{foundation.ConfigurationServerID, foundation.HealthServerID, hosttest.OnOff}},
			{Models: []mesh.ModelID{hosttest.Level, hosttest.Vendor}},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, expected %+v", c, want)
	}
	// The last existing page also answers requests for higher pages.
	for _, page := range []uint8{1, 2, 128, 255} {
		r, err := get(page).Relations()
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Elements) != 2 || len(r.Elements[0].SIGModels) != 3 || len(r.Elements[1].SIGModels) != 1 || len(r.Elements[1].VendorModels) != 1 {
			t.Errorf("page %d: got %+v", page, r)
		}
	}
}

func TestConfigServerReset(t *testing.T) {
	h := hosttest.New()
	play(t, h, []hosttest.Step{{"reset", &configuration.NodeReset{}, &configuration.NodeResetStatus{}, nil}})
	if h.Resets != 1 {
		t.Errorf("the node was reset %d times, expected 1", h.Resets)
	}
}

func TestConfigServerIgnores(t *testing.T) {
	s := configuration.NewServer(configuration.Product{})
	b := servertest.New(t, s)
	if b.Send(&configuration.BeaconGet{}) != nil {
		t.Error("a server without a node answered")
	}
	s.Attach(hosttest.New())
	for _, m := range []struct {
		op     mesh.Opcode
		params []byte
	}{
		{configuration.OpBeaconSet, []byte{2}},
		{configuration.OpBeaconSet, nil},
		{configuration.OpBeaconSet, []byte{1, 0}},
		{configuration.OpDefaultTTLSet, []byte{1}},
		{configuration.OpDefaultTTLSet, []byte{128}},
		{configuration.OpKeyRefreshPhaseSet, []byte{0, 0, 1}},
		{configuration.OpModelAppBind, []byte{0, 0, 0, 0, 0, 0x10}}, // with the unassigned address
		{0x82FF, nil},
	} {
		if answer := b.Raw(s, m.op, m.params); answer != nil {
			t.Errorf("%s % x: expected no answer, got %+v", m.op, m.params, answer)
		}
	}
	opcodes := s.Opcodes()
	slices.Sort(opcodes)
	if len(slices.Compact(slices.Clone(opcodes))) != len(opcodes) {
		t.Error("two handlers for one opcode")
	}
}
