package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Changes by another provisioner are reported: its keys appear in bridge/info,
// and its Config Node Reset of the bridge is logged.
func TestAnotherProvisionerConfiguresTheBridge(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		own := w.net.Own()
		own.Subnets = append(own.Subnets, state.Subnet{Index: 0x0AB})
		w.svc.Report(node.KeysChanged{})
		pass(time.Second)
		if info := w.out.value("b/bridge/info"); !strings.Contains(info, `"net_key":171`) {
			t.Errorf("info %s", info)
		}
		w.out.take("b/bridge/event")
		w.svc.Report(node.ResetRefused{By: 0x1234})
		pass(time.Second)
		if got := w.out.take("b/bridge/event"); len(got) != 1 || got[0] != `{"data":{"by":"0x1234"},"type":"reset_refused"}` {
			t.Errorf("events %v", got)
		}
		if got := w.out.take("b/bridge/logging"); len(got) != 1 || !strings.Contains(got[0], "0x1234") {
			t.Errorf("logging %v", got)
		}
	})
}

// What the node could not do, and nobody waits for, is told in the log and on
// bridge/logging. One that happens again with every message is told once a minute.
func TestFaultOfTheNodeIsTold(t *testing.T) {
	household(t, func(t *testing.T, w *world, _, _ *fake.Node) {
		fault := node.Faulted{Err: errors.New("node: a part of the node cannot be stored: no room")}
		for range 100 {
			w.svc.Report(fault)
		}
		pass(time.Second)
		got := w.out.take("b/bridge/logging")
		if len(got) != 1 || !strings.Contains(got[0], fault.Err.Error()) {
			t.Errorf("logging %v", got)
		}
		w.svc.Report(node.Faulted{Err: errors.New("node: another one")})
		pass(time.Second)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 || !strings.Contains(got[0], "another one") {
			t.Errorf("logging %v", got)
		}
		w.svc.Report(node.Faulted{Err: errors.New("node: another one")})
		pass(time.Second)
		if got := w.out.take("b/bridge/logging"); len(got) != 0 {
			t.Errorf("logging %v", got)
		}
		pass(time.Minute)
		w.svc.Report(node.Faulted{Err: errors.New("node: another one")})
		pass(time.Second)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 {
			t.Errorf("logging %v", got)
		}
		w.stop()
		if !strings.Contains(w.logs.String(), fault.Err.Error()) {
			t.Error("the fault is not in the log")
		}
	})
}
