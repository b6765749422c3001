package node

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// asked counts how often it is asked for its deadline.
type asked struct {
	part.None
	times int
}

// NextDeadline implements part.Part.
func (a *asked) NextDeadline() time.Time {
	a.times++
	return time.Time{}
}

// TestDuplicatesAskNobodyForADeadline: neither does a pace that is set again before each
// of them, as the node does it.
func TestDuplicatesAskNobodyForADeadline(t *testing.T) {
	n := newEchoNetwork(t)
	o, saved := echoMember(t, 2)
	counting := &asked{}
	core, err := build(n.now, o, saved, append(table(), func(*assembly) part.Part { return counting }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.client.Request(n.now, Request{Dst: 0x0C00, TTL: mesh.DefaultTTL, Payload: echoPayload(nil)}); err != nil {
		t.Fatal(err)
	}
	out := n.client.Take()
	receive := func() int {
		core.SetPace(bearer.UsualPace())
		before := counting.times
		n.carry(out, core)
		core.Take()
		core.NextDeadline()
		return counting.times - before
	}
	core.Take()
	if got := receive(); got != 1 {
		t.Fatalf("asked %d times after a new PDU, expected 1", got)
	}
	for range 3 {
		if got := receive(); got != 0 {
			t.Errorf("asked %d times after a duplicate, expected 0", got)
		}
	}
	core.SetPace(bearer.Pace{Interval: time.Second})
	before := counting.times
	core.NextDeadline()
	if counting.times == before {
		t.Error("not asked after a change of the pace")
	}
}
