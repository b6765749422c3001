package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// beats removes the received heartbeats from a node's events and returns them.
func beats(m *member) (all []node.HeartbeatReceived) {
	for {
		e, ok := take[node.HeartbeatReceived](m, nil)
		if !ok {
			return all
		}
		all = append(all, e)
	}
}

func TestHeartbeatsAreSentAsConfigured(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	set := func(count, period uint8) {
		t.Helper()
		var status configuration.HeartbeatPublicationStatus
		p.configure(gateway, peer, &configuration.HeartbeatPublicationSet{
			Destination: gatewayAddress, CountLog: count, PeriodLog: period, TTL: 9, Features: configuration.FeatureRelay | 0x8000,
		}, &status)
		p.success("Heartbeat Publication Set", status.Status)
		if status.Features != configuration.FeatureRelay || status.Destination != gatewayAddress || status.PeriodLog != period {
			t.Errorf("%+v", status)
		}
	}
	left := func() uint8 {
		t.Helper()
		var status configuration.HeartbeatPublicationStatus
		p.configure(gateway, peer, &configuration.HeartbeatPublicationGet{}, &status)
		return status.CountLog
	}
	set(3, 4) // four heartbeats, eight seconds apart
	p.pass(17 * time.Second)
	got := beats(gateway)
	if n := left(); n != 1 || len(got) != 3 {
		t.Errorf("%d heartbeats, left %d", len(got), n)
	}
	p.pass(time.Minute)
	got = append(got, beats(gateway)...)
	if n := left(); n != 0 || len(got) != 4 {
		t.Errorf("%d heartbeats, left %d", len(got), n)
	}
	want := node.HeartbeatReceived{Src: peer.Address, Dst: gatewayAddress, Hops: 1, Features: uint16(configuration.FeatureRelay), RSSI: -60}
	if len(got) > 0 && got[0] != want {
		t.Errorf("%+v, want %+v", got[0], want)
	}
	// A changed feature is published at once.
	var relay configuration.RelayStatus
	for _, feature := range []state.Feature{state.Disabled, state.Disabled, state.Enabled} {
		changes := uint64(0)
		if dev.State().Relay != feature {
			changes = 1
		}
		before := gateway.Counters().Transport.Control
		p.configure(gateway, peer, &configuration.RelaySet{Relay: feature}, &relay)
		p.pass(time.Second)
		if n := gateway.Counters().Transport.Control - before; n != changes {
			t.Errorf("%d heartbeats for %d changes", n, changes)
		}
	}
	// Heartbeats without a count limit continue after a restart.
	set(0xFF, 3)
	p.restart(dev)
	beats(gateway)
	p.pass(time.Minute)
	if n := len(beats(gateway)); n < 14 || n > 16 {
		t.Errorf("%d heartbeats in a minute, want one in four seconds", n)
	}
	var status configuration.HeartbeatPublicationStatus
	p.configure(gateway, peer, &configuration.HeartbeatPublicationSet{}, &status)
	beats(gateway)
	p.pass(time.Minute)
	if n := len(beats(gateway)); n != 0 {
		t.Errorf("%d heartbeats after the end", n)
	}
}

func TestHeartbeatsAreCounted(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	near, nearID := p.addDevice("near", node.DeviceOptions{}, plug)
	_, farID := p.addDevice("far", node.DeviceOptions{}, plug)
	nearPeer := p.provision(gateway, nearID, provision.Auth{})
	farPeer := p.provision(gateway, farID, provision.Auth{})
	const group mesh.Address = 0xC100
	var subscribed configuration.HeartbeatSubscriptionStatus
	p.configure(gateway, nearPeer, &configuration.HeartbeatSubscriptionSet{
		Source: farPeer.Address, Destination: group, PeriodLog: 7, // 64 s
	}, &subscribed)
	p.success("Heartbeat Subscription Set", subscribed.Status)
	if subscribed.MinHops != 0x7F || subscribed.MaxHops != 0 || subscribed.CountLog != 0 || subscribed.PeriodLog != 7 {
		t.Errorf("%+v", subscribed)
	}
	// The first path goes through the gateway: two hops.
	direct := false
	p.deaf = func(from, to *member) bool { return !direct && from.name == "far" && to == near }
	publish := func() {
		t.Helper()
		var status configuration.HeartbeatPublicationStatus
		p.configure(gateway, farPeer, &configuration.HeartbeatPublicationSet{
			Destination: group, CountLog: 0xFF, PeriodLog: 3, TTL: 5,
		}, &status)
		p.success("Heartbeat Publication Set", status.Status)
	}
	publish()
	p.pass(30 * time.Second)
	direct = true
	p.pass(20 * time.Second)
	p.configure(gateway, nearPeer, &configuration.HeartbeatSubscriptionGet{}, &subscribed)
	if subscribed.MinHops != 1 || subscribed.MaxHops != 2 || subscribed.CountLog != 4 || subscribed.PeriodLog != 4 {
		t.Errorf("%+v, want one and two hops, 8 to 15 heartbeats, 8 to 15 s left", subscribed)
	}
	p.pass(30 * time.Second)
	p.configure(gateway, nearPeer, &configuration.HeartbeatSubscriptionGet{}, &subscribed)
	counted := subscribed
	p.pass(30 * time.Second)
	p.configure(gateway, nearPeer, &configuration.HeartbeatSubscriptionGet{}, &subscribed)
	if subscribed != counted || subscribed.PeriodLog != 0 {
		t.Errorf("%+v after the period, then %+v", counted, subscribed)
	}
	for _, refused := range []configuration.HeartbeatSubscriptionSet{
		{Source: group, Destination: group, PeriodLog: 1},
		{Source: 1, Destination: nearPeer.Address + 1, PeriodLog: 1},
		{Source: 1, Destination: 0x8000, PeriodLog: 1},
	} {
		p.configure(gateway, nearPeer, &refused, &subscribed)
		if subscribed.Status != foundation.InvalidAddress {
			t.Errorf("%+v: %s", refused, subscribed.Status)
		}
	}
	p.configure(gateway, nearPeer, &configuration.HeartbeatSubscriptionSet{}, &subscribed)
	if subscribed != (configuration.HeartbeatSubscriptionStatus{}) {
		t.Errorf("%+v", subscribed)
	}
}

// A Low Power node publishes the start and end of its friendship as a feature
// change.
func TestHeartbeatOfAFriendship(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	var status configuration.HeartbeatPublicationStatus
	s.configure(s.gateway, s.peer, &configuration.HeartbeatPublicationSet{
		Destination: gatewayAddress, TTL: 3, Features: configuration.FeatureLowPower,
	}, &status)
	s.success("Heartbeat Publication Set", status.Status)
	s.pass(10 * time.Second)
	beats(s.gateway)
	s.lowPower.LeaveFriend(s.now)
	s.carryOut(s.lowPower)
	s.pass(10 * time.Second)
	got := beats(s.gateway)
	if !slices.ContainsFunc(got, func(e node.HeartbeatReceived) bool { return e.Features == 0 }) {
		t.Errorf("%+v", got)
	}
}
