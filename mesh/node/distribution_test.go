package node_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// distribution is a gateway, a distributor, and nodes that hear the distributor
// but not the gateway; the gateway does not hear them either.
type distribution struct {
	*updates
	distributor *member
	address     mesh.Address // of the element with the distributor
	asked       int          // messages from the gateway
}

const distributionGroup mesh.Address = 0xC0DE

func newDistribution(t *testing.T, receivers int) *distribution {
	d := &distribution{updates: newUpdates(t, receivers)}
	m, uuid := d.addDevice("distributor", node.DeviceOptions{}, func() []access.Element { return device.NewDistributor().Elements() })
	peer := d.provision(d.gateway, uuid, provision.Auth{})
	d.setUp(d.gateway, peer)
	m.edit(func(n *state.Node) { n.Relay = state.Disabled })
	d.distributor, d.address = m, peer.Address+device.Distributor
	for _, r := range d.receivers {
		var status configuration.ModelSubscriptionStatus
		d.ask(d.gateway, node.Request{Dst: r.address, Key: transport.Key{Device: r.address}}, &configuration.ModelSubscriptionAdd{
			ElementAddress: r.address, Address: distributionGroup, ModelIdentifier: blob.TransferServerID,
		}, &status)
		d.success("Subscription Add", status.Status)
	}
	d.deaf = func(from, to *member) bool {
		return (from == d.gateway || to == d.gateway) && from != d.distributor && to != d.distributor
	}
	return d
}

// order returns a distribution of firmware to all nodes.
func (d *distribution) order(size int, version byte) firmware.Distribution {
	u := image(size, version)
	o := firmware.Distribution{
		Object: u.Object, Metadata: u.Metadata, Firmware: u.Firmware,
		TTL: mesh.DefaultTTL, TimeoutBase: 30, UploadTimeoutBase: 10,
	}
	for _, r := range d.receivers {
		o.Receivers = append(o.Receivers, firmware.Receiver{Address: r.address})
	}
	return o
}

// initiate runs an initiator until it is done, or stop returns true.
func (d *distribution) initiate(i *firmware.Initiator, stop func() bool) {
	d.Helper()
	for end := d.now.Add(6 * time.Hour); !i.Done() && (stop == nil || !stop()); {
		if d.now.After(end) {
			d.Fatalf("the distribution does not end: it is %s", i.Stage())
		}
		ask, ok := i.Next(d.now)
		if !ok {
			d.pass(time.Second)
			continue
		}
		d.asked++
		m, err := d.await(d.address, ask)
		i.Answer(d.now, m, err)
	}
}

// updated fails the test if a node does not run the version.
func (d *distribution) updated(version byte) {
	d.Helper()
	d.deaf = nil
	for _, r := range d.receivers {
		if got := d.runs(r); !bytes.Equal(got, []byte{version}) {
			d.Errorf("%s runs %x, want %x", r.name, got, version)
		}
	}
}

// A gateway uploads firmware to a distributor, which transfers it to four nodes
// out of the gateway's range. Every twentieth advertisement is lost.
func TestFirmwareIsDistributedByANode(t *testing.T) {
	for _, c := range []struct {
		mode  blob.Mode
		group mesh.Address
	}{
		{blob.Push, distributionGroup},
		{blob.Push, mesh.Unassigned},
		{blob.Pull, mesh.Unassigned},
	} {
		t.Run(fmt.Sprintf("%s to %s", c.mode, c.group), func(t *testing.T) {
			d := newDistribution(t, 4)
			d.loss = 0.05
			o := d.order(5000, 5)
			o.Mode, o.Group = c.mode, c.group
			began := d.now
			i := firmware.NewInitiator(o)
			if d.initiate(i, nil); i.Err() != nil || i.Stage() != firmware.StageDone {
				t.Fatalf("%s: %v, %+v", i.Stage(), i.Err(), i.Receivers())
			}
			t.Logf("four nodes in %s, %d messages from the gateway", d.now.Sub(began).Round(time.Second), d.asked)
			d.updated(5)
		})
	}
}

// The distributor restarts in the middle of a transfer. So does the gateway,
// which has lost its own state of the distribution.
func TestDistributionSurvivesRestarts(t *testing.T) {
	d := newDistribution(t, 3)
	d.loss = 0.05
	o := d.order(9000, 6)
	o.Group = distributionGroup
	first := firmware.NewInitiator(o)
	d.initiate(first, func() bool { return first.Stage() == firmware.StageUploading && first.Progress() > 50 })
	d.restart(d.distributor)
	d.initiate(first, func() bool { return first.Stage() == firmware.StageTransferring && first.Progress() > 20 })
	if first.Done() {
		t.Fatal(first.Err())
	}
	d.restart(d.distributor)
	d.pass(30 * time.Second)
	d.restart(d.gateway)
	asked := d.asked
	second := firmware.NewInitiator(o)
	d.initiate(second, func() bool { return second.Stage() == firmware.StageTransferring })
	if more := d.asked - asked; more > 10 {
		t.Errorf("the gateway sent %d messages until it found its distribution", more)
	}
	if d.initiate(second, nil); second.Err() != nil || second.Stage() != firmware.StageDone {
		t.Fatalf("%s: %v, %+v", second.Stage(), second.Err(), second.Receivers())
	}
	d.updated(6)
}

// A distribution is cancelled in the middle. The nodes are then ready for
// another.
func TestDistributionByANodeIsCancelled(t *testing.T) {
	d := newDistribution(t, 3)
	o := d.order(9000, 7)
	o.Group = distributionGroup
	i := firmware.NewInitiator(o)
	d.initiate(i, func() bool { return i.Stage() == firmware.StageTransferring && i.Progress() > 20 })
	i.Cancel()
	if d.initiate(i, nil); i.Stage() != firmware.StageCancelled || i.Err() != nil {
		t.Fatalf("%s: %v", i.Stage(), i.Err())
	}
	hears := d.deaf
	d.deaf = nil
	for _, r := range d.receivers {
		var status firmware.UpdateStatus
		d.control(d.gateway, r.address, &firmware.UpdateGet{}, &status)
		if status.Phase != firmware.Idle {
			t.Errorf("%s is %s", r.name, status.Phase)
		}
	}
	d.deaf = hears
	o = d.order(3000, 8)
	i = firmware.NewInitiator(o)
	if d.initiate(i, nil); i.Err() != nil {
		t.Fatalf("%v, %+v", i.Err(), i.Receivers())
	}
	d.updated(8)
}

// A distribution with an AppKey that the distributor does not know is refused.
func TestDistributionWithAnUnknownKey(t *testing.T) {
	d := newDistribution(t, 1)
	o := d.order(100, 9)
	o.AppKey = 5
	i := firmware.NewInitiator(o)
	if d.initiate(i, nil); i.Err() == nil || !bytes.Contains([]byte(i.Err().Error()), []byte("AppKey")) {
		t.Errorf("%v", i.Err())
	}
}
