package foundation_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// host is a node with two elements, two subnets and two AppKeys.
type host struct {
	node    state.Node
	changes int
	resets  int
}

func (h *host) State() *state.Node { return &h.node }
func (h *host) Changed()           { h.changes++ }
func (h *host) Reset() error       { h.resets++; return errors.New("nobody asks") }

const (
	first   mesh.Address = 0x0005
	second  mesh.Address = 0x0006
	another mesh.Address = 0x0007

	onOff   = mesh.ModelID(0xFFFF1000)
	level   = mesh.ModelID(0xFFFF1002)
	missing = mesh.ModelID(0xFFFF1300)
	vendor  = mesh.ModelID(0x00590001)
)

var (
	label      = mesh.UUID{1}
	otherLabel = mesh.UUID{2}
)

func newHost() *host {
	return &host{node: state.Node{
		Address:    first,
		DefaultTTL: 10,
		Relay:      state.Enabled,
		Proxy:      state.Unsupported,
		Friend:     state.Unsupported,
		Subnets:    []state.Subnet{{Index: 0, Key: crypto.Key{1}}, {Index: 7, Key: crypto.Key{2}}},
		AppKeys:    []state.AppKey{{Index: 0, NetKey: 0, Key: crypto.Key{3}}, {Index: 1, NetKey: 7, Key: crypto.Key{4}}},
		Elements: []state.Element{
			{Location: 0x0106, Models: []state.Model{{ID: foundation.ConfigurationServerID}, {ID: foundation.HealthServerID}, {ID: onOff}}},
			{Models: []state.Model{{ID: level}, {ID: vendor}}},
		},
	}}
}

func (h *host) model(element int, id mesh.ModelID) *state.Model {
	return h.node.Elements[element].Model(id)
}

// step is a request, its answer, and what is then true.
type step struct {
	name   string
	send   access.Message
	answer access.Message // nil: none
	check  func(h *host) bool
}

// play gives requests to one server, in turn.
func play(t *testing.T, h *host, steps []step) {
	t.Helper()
	s := foundation.NewConfigServer(foundation.Product{CompanyID: 0xFFFF, ProductID: 2, VersionID: 3, ReplaySize: 99})
	s.Attach(h)
	playOn(t, h, s, steps)
}

// playOn is play with another server than the Configuration Server.
func playOn(t *testing.T, h *host, s access.Model, steps []step) {
	t.Helper()
	b := servertest.New(t, s)
	for _, step := range steps {
		before, err := h.node.Encode()
		if err != nil {
			t.Fatal(err)
		}
		changes := h.changes
		answer := b.Send(step.send)
		if !reflect.DeepEqual(answer, step.answer) && !(answer == nil && step.answer == nil) {
			t.Errorf("%s: got %+v, want %+v", step.name, answer, step.answer)
		}
		if step.check != nil && !step.check(h) {
			t.Errorf("%s: the node's state is %+v", step.name, h.node)
		}
		if after, err := h.node.Encode(); err != nil || h.changes == changes && !bytes.Equal(before, after) {
			t.Errorf("%s: the state changed and the node was not told", step.name)
		}
	}
}

func TestConfigServerNodeStates(t *testing.T) {
	transmit := state.Retransmit{Count: 3, Steps: 7}
	play(t, newHost(), []step{
		{"beacon get", &foundation.ConfigBeaconGet{}, &foundation.ConfigBeaconStatus{}, nil},
		{
			"beacon set", &foundation.ConfigBeaconSet{Beacon: true}, &foundation.ConfigBeaconStatus{Beacon: true},
			func(h *host) bool { return h.node.Beacon && h.changes == 1 },
		},
		{"TTL get", &foundation.ConfigDefaultTTLGet{}, &foundation.ConfigDefaultTTLStatus{TTL: 10}, nil},
		{
			"TTL set", &foundation.ConfigDefaultTTLSet{TTL: 127}, &foundation.ConfigDefaultTTLStatus{TTL: 127},
			func(h *host) bool { return h.node.DefaultTTL == 127 },
		},
		{
			"transmit set", &foundation.ConfigNetworkTransmitSet{NetworkTransmit: transmit}, &foundation.ConfigNetworkTransmitStatus{NetworkTransmit: transmit},
			func(h *host) bool { return h.node.NetworkTransmit == transmit },
		},
		{"transmit get", &foundation.ConfigNetworkTransmitGet{}, &foundation.ConfigNetworkTransmitStatus{NetworkTransmit: transmit}, nil},
		{
			"relay set", &foundation.ConfigRelaySet{Relay: state.Disabled, RelayRetransmit: transmit}, &foundation.ConfigRelayStatus{RelayRetransmit: transmit},
			func(h *host) bool { return h.node.Relay == state.Disabled && h.node.RelayRetransmit == transmit },
		},
		{"relay get", &foundation.ConfigRelayGet{}, &foundation.ConfigRelayStatus{RelayRetransmit: transmit}, nil},
		{"proxy get", &foundation.ConfigGATTProxyGet{}, &foundation.ConfigGATTProxyStatus{GATTProxy: state.Unsupported}, nil},
		{"proxy set", &foundation.ConfigGATTProxySet{GATTProxy: state.Enabled}, &foundation.ConfigGATTProxyStatus{GATTProxy: state.Unsupported}, nil},
		{"friend get", &foundation.ConfigFriendGet{}, &foundation.ConfigFriendStatus{Friend: state.Unsupported}, nil},
		{"friend set", &foundation.ConfigFriendSet{Friend: state.Enabled}, &foundation.ConfigFriendStatus{Friend: state.Unsupported}, nil},
		{"identity get", &foundation.ConfigNodeIdentityGet{NetKeyIndex: 7}, &foundation.ConfigNodeIdentityStatus{NetKeyIndex: 7, Identity: state.Unsupported}, nil},
		{"identity get", &foundation.ConfigNodeIdentityGet{NetKeyIndex: 8}, &foundation.ConfigNodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8}, nil},
		{
			"identity on", &foundation.ConfigNodeIdentitySet{Identity: state.Enabled},
			&foundation.ConfigNodeIdentityStatus{Status: foundation.FeatureNotSupported, Identity: state.Unsupported}, nil,
		},
		{"poll timeout", &foundation.ConfigLowPowerNodePollTimeoutGet{LPNAddress: 9}, &foundation.ConfigLowPowerNodePollTimeoutStatus{LPNAddress: 9}, nil},
		{"heartbeat publication", &foundation.ConfigHeartbeatPublicationGet{}, &foundation.ConfigHeartbeatPublicationStatus{}, nil},
		{"heartbeat off", &foundation.ConfigHeartbeatPublicationSet{}, &foundation.ConfigHeartbeatPublicationStatus{}, nil},
		{
			"heartbeat on", &foundation.ConfigHeartbeatPublicationSet{Destination: 1, CountLog: 1, PeriodLog: 1},
			&foundation.ConfigHeartbeatPublicationStatus{Status: foundation.CannotSet, Destination: 1, CountLog: 1, PeriodLog: 1}, nil,
		},
		{
			"heartbeat to a label", &foundation.ConfigHeartbeatPublicationSet{Destination: 0x8001},
			&foundation.ConfigHeartbeatPublicationStatus{Status: foundation.InvalidAddress, Destination: 0x8001}, nil,
		},
		{
			"heartbeat in no subnet", &foundation.ConfigHeartbeatPublicationSet{Destination: 1, NetKeyIndex: 5},
			&foundation.ConfigHeartbeatPublicationStatus{Status: foundation.InvalidNetKeyIndex, Destination: 1, NetKeyIndex: 5}, nil,
		},
		{"heartbeat subscription", &foundation.ConfigHeartbeatSubscriptionGet{}, &foundation.ConfigHeartbeatSubscriptionStatus{}, nil},
		{
			"listen to heartbeats", &foundation.ConfigHeartbeatSubscriptionSet{Source: 1, Destination: 5, PeriodLog: 3},
			&foundation.ConfigHeartbeatSubscriptionStatus{Status: foundation.CannotSet, Source: 1, Destination: 5, PeriodLog: 3}, nil,
		},
		{"listen no more", &foundation.ConfigHeartbeatSubscriptionSet{}, &foundation.ConfigHeartbeatSubscriptionStatus{}, nil},
	})

	h := newHost()
	h.node.Relay, h.node.Proxy, h.node.Friend = state.Unsupported, state.Disabled, state.Disabled
	play(t, h, []step{
		{"no relay", &foundation.ConfigRelaySet{Relay: state.Enabled, RelayRetransmit: transmit}, &foundation.ConfigRelayStatus{Relay: state.Unsupported}, nil},
		{"proxy", &foundation.ConfigGATTProxySet{GATTProxy: state.Enabled}, &foundation.ConfigGATTProxyStatus{GATTProxy: state.Enabled}, nil},
		{"friend", &foundation.ConfigFriendSet{Friend: state.Enabled}, &foundation.ConfigFriendStatus{Friend: state.Enabled}, nil},
	})
}

func TestConfigServerComposition(t *testing.T) {
	h := newHost()
	s := foundation.NewConfigServer(foundation.Product{CompanyID: 0xFFFF, ProductID: 2, VersionID: 3, ReplaySize: 99})
	s.Attach(h)
	b := servertest.New(t, s)
	get := func(page uint8) *foundation.ConfigCompositionDataStatus {
		t.Helper()
		status, ok := b.Send(&foundation.ConfigCompositionDataGet{Page: page}).(*foundation.ConfigCompositionDataStatus)
		if !ok {
			t.Fatalf("page %d was not answered", page)
		}
		return status
	}
	c, err := get(0).Composition()
	if err != nil {
		t.Fatal(err)
	}
	want := &foundation.Composition{
		CompanyID: 0xFFFF, ProductID: 2, VersionID: 3, CRPL: 99, Features: foundation.FeatureRelay,
		Elements: []foundation.CompositionElement{
			{Location: 0x0106, Models: []mesh.ModelID{foundation.ConfigurationServerID, foundation.HealthServerID, onOff}},
			{Models: []mesh.ModelID{level, vendor}},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	// The last page that there is answers for those above it.
	for _, page := range []uint8{1, 2, 128, 255} {
		r, err := get(page).Relations()
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Elements) != 2 || len(r.Elements[0].SIGModels) != 3 || len(r.Elements[1].SIGModels) != 1 || len(r.Elements[1].VendorModels) != 1 {
			t.Errorf("page %d: %+v", page, r)
		}
	}
}

func TestConfigServerReset(t *testing.T) {
	h := newHost()
	play(t, h, []step{{"reset", &foundation.ConfigNodeReset{}, &foundation.ConfigNodeResetStatus{}, nil}})
	if h.resets != 1 {
		t.Errorf("the node was reset %d times", h.resets)
	}
}

func TestConfigServerIgnores(t *testing.T) {
	s := foundation.NewConfigServer(foundation.Product{})
	b := servertest.New(t, s)
	if b.Send(&foundation.ConfigBeaconGet{}) != nil {
		t.Error("a server without a node answered")
	}
	s.Attach(newHost())
	for _, m := range []struct {
		op     mesh.Opcode
		params []byte
	}{
		{foundation.OpConfigBeaconSet, []byte{2}},
		{foundation.OpConfigBeaconSet, nil},
		{foundation.OpConfigBeaconSet, []byte{1, 0}},
		{foundation.OpConfigDefaultTTLSet, []byte{1}},
		{foundation.OpConfigDefaultTTLSet, []byte{128}},
		{foundation.OpConfigKeyRefreshPhaseSet, []byte{0, 0, 1}},
		{foundation.OpConfigModelAppBind, []byte{0, 0, 0, 0, 0, 0x10}}, // of the unassigned address
		{0x82FF, nil},
	} {
		if answer := b.Raw(s, m.op, m.params); answer != nil {
			t.Errorf("%s % x was answered with %+v", m.op, m.params, answer)
		}
	}
	opcodes := s.Opcodes()
	slices.Sort(opcodes)
	if len(slices.Compact(slices.Clone(opcodes))) != len(opcodes) {
		t.Error("a message is handled twice")
	}
}
