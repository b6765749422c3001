package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// addFriend adds a gateway that is a friend.
func (p *pump) addFriend() *member {
	p.Helper()
	gateway := p.addGateway()
	gateway.State().Friend = state.Enabled
	gateway.Changed()
	p.carryOut(gateway)
	return gateway
}

// addSleeper adds an unprovisioned Low Power node.
func (p *pump) addSleeper(name string, o node.LowPowerOptions, elements func() []access.Element) (*member, mesh.UUID) {
	p.Helper()
	var uuid mesh.UUID
	copy(uuid[:], name)
	return p.add(name, node.NewDevice(uuid), node.Options{LowPower: &o}, elements), uuid
}

func TestSleeperIsConfiguredAndSwitchedThroughItsFriend(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	sleeper, uuid := p.addSleeper("sleeper", node.LowPowerOptions{PollTimeout: 30 * time.Second}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	await(p, gateway, 10*time.Second, func(e node.FriendshipChanged) bool { return e.Established && e.LPN == peer.Address })
	c := p.setUp(gateway, peer)
	if c.Features&foundation.FeatureLowPower == 0 || c.Features&foundation.FeatureRelay != 0 {
		t.Errorf("features %v", c.Features)
	}
	var status generic.OnOffStatus
	p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
	if !status.PresentOnOff {
		t.Errorf("%+v", status)
	}
	t.Logf("listened %s of %s, missed %d", sleeper.listened, p.now.Sub(start), sleeper.missed)
	t.Logf("%+v", gateway.Friendships())
	t.Logf("%+v", gateway.Counters())
}
