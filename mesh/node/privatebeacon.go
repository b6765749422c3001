package node

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// privateBeacon is the sending of mesh private beacons in one subnet (section
// 3.10.4). Who follows a node cannot tell its beacons from those of others, for
// their random number changes.
type privateBeacon struct {
	schedule beacon.Schedule
	random   [crypto.NonceSize]byte
	drawn    time.Time // zero: not yet
	said     beacon.State
}

// heard counts a beacon of a neighbour: the more there are, the fewer of that
// kind the node itself sends.
func (s *subnet) heard(kind beacon.Type) {
	switch {
	case kind == beacon.TypeSecure:
		s.schedule.Heard()
	case !s.private.schedule.Due().IsZero(): // it sends them itself
		s.private.schedule.Heard()
	}
}

// tickPrivateBeacons sends the private beacons that are due.
func (c *Core) tickPrivateBeacons() {
	for _, s := range c.subnets {
		b := &s.private
		if !c.sendsPrivateBeacons() {
			*b = privateBeacon{}
			continue
		}
		if b.schedule.Due().IsZero() {
			b.schedule.Start(c.now.Add(c.jitter(0, beacon.MinInterval)))
		}
		if !due(b.schedule.Due(), c.now) {
			continue
		}
		b.schedule.Sent(c.now.Add(c.jitter(0, time.Second)))
		said := c.beaconState(s)
		if b.drawn.IsZero() || said != b.said || c.now.Sub(b.drawn) >= c.state.PrivateBeacon.UpdateInterval() {
			if _, err := io.ReadFull(c.options.Random, b.random[:]); err != nil {
				c.counters.Unsent++
				continue // another state under the old number would lay both open
			}
			b.drawn, b.said = c.now, said
		}
		c.sendBeacon(s.beaconKeys().AppendPrivate(nil, said, b.random), c.state.NetworkTransmit.Transmit())
	}
}

func (c *Core) sendsPrivateBeacons() bool {
	return c.state.PrivateBeacon.Enabled && c.state.IsProvisioned() && !c.state.IVIndexUnknown
}

func (c *Core) privateBeaconDeadline() time.Time {
	var next time.Time
	if c.sendsPrivateBeacons() {
		for _, s := range c.subnets {
			if s.private.schedule.Due().IsZero() {
				return c.now // to begin
			}
			next = earliest(next, s.private.schedule.Due())
		}
	}
	return next
}
