package bearer_test

import (
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// radio counts what it accepts; it is full if err is set.
type radio struct {
	err             error
	sent, cancelled int
}

func (r *radio) Send(bearer.Outgoing) error {
	if r.err == nil {
		r.sent++
	}
	return r.err
}

func (r *radio) Cancel(bearer.Lane) { r.cancelled++ }

func TestFanoutSendsOnEveryRadioThatTakesIt(t *testing.T) {
	full, free, other := &radio{err: bearer.ErrFull}, &radio{}, &radio{}
	f := bearer.Fanout{full, free, other}
	if err := f.Send(bearer.Outgoing{}); err != nil {
		t.Errorf("two radios accepted it, but the error is %v", err)
	}
	if free.sent != 1 || other.sent != 1 {
		t.Errorf("sent %d and %d times, expected once each", free.sent, other.sent)
	}
	f.Cancel(bearer.OwnLane(5))
	if full.cancelled+free.cancelled+other.cancelled != 3 {
		t.Error("a cancellation did not reach every radio")
	}
	if err := (bearer.Fanout{full, full}).Send(bearer.Outgoing{}); !errors.Is(err, bearer.ErrFull) {
		t.Errorf("no radio accepted it, got %v", err)
	}
}

func TestLanesDoNotMeet(t *testing.T) {
	seen := map[bearer.Lane]string{}
	for name, lane := range map[string]bearer.Lane{
		"own to a group":   bearer.GroupLane(),
		"own to nobody":    bearer.OwnLane(0),
		"own to 0x0001":    bearer.OwnLane(1),
		"own to 0x7fff":    bearer.OwnLane(0x7FFF),
		"beacon":           bearer.BeaconLane(),
		"relay of 0x0000":  bearer.RelayLane(0),
		"relay of 0xffff":  bearer.RelayLane(0xFFFF),
		"link 0x00000000":  bearer.LinkLane(0),
		"link 0xffffffff":  bearer.LinkLane(0xFFFFFFFF),
		"link like source": bearer.LinkLane(0xFFFF),
	} {
		if other, taken := seen[lane]; taken {
			t.Errorf("%s and %s share a lane", name, other)
		}
		seen[lane] = name
	}
}

func TestKindsOfLanes(t *testing.T) {
	for want, lanes := range [bearer.LaneKinds][]bearer.Lane{
		{bearer.OwnLane(5)},
		{bearer.RelayLane(0), bearer.RelayLane(0xFFFF)},
		{bearer.LinkLane(0), bearer.LinkLane(0xFFFFFFFF)},
		{bearer.BeaconLane()},
	} {
		for _, lane := range lanes {
			if got := lane.Kind(); got != want {
				t.Errorf("lane %x: kind %d, expected %d", uint64(lane), got, want)
			}
		}
	}
}

func TestNewOutgoingCopies(t *testing.T) {
	pdu := []byte{1, 2, 3}
	o := bearer.NewOutgoing(bearer.Beacon, bearer.BeaconLane(), bearer.Transmit{Count: 1}, pdu)
	pdu[0] = 9
	if got := o.PDU(); len(got) != 3 || got[0] != 1 {
		t.Errorf("got % x", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a PDU of 30 octets was accepted")
		}
	}()
	bearer.NewOutgoing(bearer.Beacon, bearer.BeaconLane(), bearer.Transmit{}, make([]byte, bearer.MaxPDU+1))
}
