package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// The SAR Transmitter and SAR Receiver states take effect when they are set,
// and return to their defaults.
func TestSegmentationFollowsItsStates(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("lamp", node.DeviceOptions{}, lamp)
	peer := p.provision(gateway, uuid, provision.Auth{})
	var segments []time.Time // of the composition data
	p.tap = func(to *member, in bearer.Incoming) {
		if to == gateway && in.Kind == bearer.Message && len(in.PDU()) > 26 {
			segments = append(segments, p.now)
		}
	}
	ask := func() (apart time.Duration) {
		t.Helper()
		segments = segments[:0]
		var data configuration.CompositionDataStatus
		p.configure(gateway, peer, &configuration.CompositionDataGet{}, &data)
		p.pass(10 * time.Second)
		if len(segments) < 3 {
			t.Fatalf("got %d segments", len(segments))
		}
		return segments[1].Sub(segments[0])
	}
	if apart := ask(); apart != 60*time.Millisecond {
		t.Errorf("segments are %s apart", apart)
	}
	slow := transport.DefaultTransmitter()
	slow.SegmentIntervalStep = 15
	p.change(dev, func(n *state.Node) { n.SARTransmitter = &slow })
	if apart := ask(); apart != 160*time.Millisecond {
		t.Errorf("segments are %s apart, want 160 ms", apart)
	}
	p.restart(dev)
	if apart := ask(); apart != 160*time.Millisecond {
		t.Errorf("after a restart segments are %s apart, want 160 ms", apart)
	}

	// A Bluetooth 4.2 controller needs 330 ms for a PDU, more than the state
	// can express.
	p.change(dev, func(n *state.Node) { n.SARTransmitter = nil })
	dev.SetPace(bearer.Pace{Interval: 100 * time.Millisecond, Delay: 10 * time.Millisecond, End: 110 * time.Millisecond})
	if apart := ask(); apart != 330*time.Millisecond {
		t.Errorf("on a slow radio segments are %s apart, want 330 ms", apart)
	}
	dev.SetPace(bearer.UsualPace())

	acks := func() uint64 {
		t.Helper()
		before := gateway.Counters().Transport.AcksSent
		ask()
		return gateway.Counters().Transport.AcksSent - before
	}
	p.change(dev, func(n *state.Node) { n.SARTransmitter = nil })
	once := acks()
	again := transport.DefaultReceiver()
	again.SegmentsThreshold, again.AckRetransmissions = 0, 3
	p.change(gateway, func(n *state.Node) { n.SARReceiver = &again })
	if n := acks(); n < once+3 {
		t.Errorf("%d acknowledgments, %d without repetition", n, once)
	}
	p.change(gateway, func(n *state.Node) { n.SARReceiver = nil })
	if apart, n := ask(), acks(); apart != 60*time.Millisecond || n > once {
		t.Errorf("with the defaults again: %s apart, %d acknowledgments", apart, n)
	}
}

// TestRequestWaitsForASlowRadio: a request is repeated only after the radio has
// had the time to send it and all PDUs before it.
func TestRequestWaitsForASlowRadio(t *testing.T) {
	const (
		questions = 6 // each to an address without a node
		airtime   = 330 * time.Millisecond
	)
	again := func(pace bearer.Pace) time.Duration {
		p := newPump(t)
		gateway := p.addGateway()
		_, uuid := p.addDevice("lamp", node.DeviceOptions{}, lamp)
		p.provision(gateway, uuid, provision.Auth{})
		p.pass(10 * time.Second)
		gateway.SetPace(pace)
		began := p.now
		var at []time.Duration
		seen := map[string]bool{}
		p.tap = func(to *member, in bearer.Incoming) {
			if to != gateway && in.Kind == bearer.Message && !seen[string(in.PDU())] {
				seen[string(in.PDU())] = true
				at = append(at, p.now.Sub(began))
			}
		}
		for i := range questions {
			p.post(gateway, node.Request{Dst: mesh.Address(0x0700 + i), Attempts: 2, Respond: generic.OpOnOffStatus}, &generic.OnOffGet{})
		}
		p.pass(5 * time.Second)
		if len(at) != 2*questions {
			t.Fatalf("%d PDUs of %d questions: %v", len(at), questions, at)
		}
		return slices.Min(at[questions:])
	}
	usual := again(bearer.UsualPace())
	slow := again(bearer.Pace{Interval: 100 * time.Millisecond, Delay: 10 * time.Millisecond, End: 110 * time.Millisecond})
	t.Logf("repeated after %s, on a slow radio after %s", usual, slow)
	if usual > time.Second || slow < airtime+600*time.Millisecond {
		t.Errorf("repeated after %s, on a slow radio after %s", usual, slow)
	}
}
