package opcodesaggregator_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/largecomposition"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

// dispatcher is a host whose models answer Beacon Get, handle a Health Fault
// Clear Unacknowledged, and reject all other messages.
type dispatcher struct {
	*hosttest.Host
	got []mesh.Opcode
	big bool
}

func (d *dispatcher) DispatchItem(_ *access.Incoming, element mesh.Address, op mesh.Opcode, _ []byte) (access.Message, opcodesaggregator.StatusCode) {
	d.got = append(d.got, op)
	switch {
	case d.big:
		return &largecomposition.DataStatus{Data: make([]byte, 200)}, opcodesaggregator.Success
	case op == configuration.OpBeaconGet && element == hosttest.First:
		return &configuration.BeaconStatus{Beacon: true}, opcodesaggregator.Success
	case op == health.OpFaultClearUnacknowledged:
		return nil, opcodesaggregator.Success
	}
	return nil, opcodesaggregator.WrongOpcode
}

func TestAggregatorServer(t *testing.T) {
	d, s := &dispatcher{Host: hosttest.New()}, opcodesaggregator.NewServer()
	s.Attach(d)
	get, quiet, unknown := []byte{0x80, 0x09}, []byte{0x80, 0x30, 1, 0}, []byte{0x82, 0x01}
	answered := []byte{0x80, 0x0B, 1}
	sequence := func(items ...[]byte) *opcodesaggregator.Sequence {
		return &opcodesaggregator.Sequence{ElementAddress: hosttest.First, Items: items}
	}
	status := func(s opcodesaggregator.StatusCode, items ...[]byte) *opcodesaggregator.Status {
		return &opcodesaggregator.Status{Status: s, ElementAddress: hosttest.First, Items: items}
	}
	hosttest.Play(t, d.Host, s, []hosttest.Step{
		{"all", sequence(get, quiet, get), status(opcodesaggregator.Success, answered, nil, answered), nil},
		{"a failing item ends the sequence", sequence(get, unknown, get), status(opcodesaggregator.WrongOpcode, answered), func(*hosttest.Host) bool { return len(d.got) == 5 }},
		{"no sequence in a sequence", sequence(get, []byte{0x80, 0x72, 5, 0}), status(opcodesaggregator.WrongOpcode, answered), nil},
		{"empty item", sequence(nil), status(opcodesaggregator.WrongOpcode), nil},
		{
			"another element", &opcodesaggregator.Sequence{ElementAddress: hosttest.Another, Items: [][]byte{get}},
			&opcodesaggregator.Status{Status: opcodesaggregator.InvalidAddress, ElementAddress: hosttest.Another}, nil,
		},
	})
	d.big = true
	overflow, ok := servertest.New(t, s).Send(sequence(get, get, get)).(*opcodesaggregator.Status)
	if !ok || overflow.Status != opcodesaggregator.ResponseOverflow || len(overflow.Items) != 1 {
		t.Errorf("%+v", overflow)
	}
}
