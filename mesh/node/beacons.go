package node

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Pace of beacons; that of secure network beacons is beacon.Schedule's.
const (
	deviceBeaconInterval = time.Second
	hearAgain            = 5 * time.Second // between two reports of one unprovisioned device
	maxHeard             = 256             // unprovisioned devices remembered
)

func (c *Core) receiveBeacon(in *bearer.Incoming) {
	kind, err := beacon.TypeOf(in.PDU())
	if err != nil {
		c.counters.Malformed++
		return
	}
	switch kind {
	case beacon.TypeUnprovisioned:
		c.hearDevice(in)
	case beacon.TypeSecure, beacon.TypePrivate:
		c.hearNetwork(kind, in.PDU())
	}
}

// hearDevice reports an unprovisioned device, not each of its beacons.
func (c *Core) hearDevice(in *bearer.Incoming) {
	if !c.options.Monitor {
		return
	}
	b, err := beacon.ParseUnprovisioned(in.PDU())
	if err != nil {
		c.counters.Malformed++
		return
	}
	last, known := c.heard[b.UUID]
	if known && c.now.Before(last.Add(hearAgain)) {
		return
	}
	if !known && len(c.heard) >= maxHeard {
		c.forgetHeard()
		if len(c.heard) >= maxHeard {
			c.counters.Unheard++
			return
		}
	}
	c.heard[b.UUID] = c.now
	c.report(DeviceHeard{UUID: b.UUID, OOB: uint16(b.OOB), RSSI: in.RSSI, Adapter: in.Adapter})
}

// forgetHeard drops the devices that have not been heard for a while. Anybody
// can make up devices, so their number is bounded.
func (c *Core) forgetHeard() {
	for uuid, last := range c.heard {
		if c.now.Sub(last) > 2*hearAgain {
			delete(c.heard, uuid)
		}
	}
}

// hearNetwork follows the IV index of the network (section 3.10.3, 3.11.5).
func (c *Core) hearNetwork(kind beacon.Type, pdu []byte) {
	for _, s := range c.subnets {
		for _, keys := range s.beacons {
			var said beacon.State
			var err error
			if kind == beacon.TypeSecure {
				said, err = keys.OpenSecure(pdu)
			} else {
				said, err = keys.OpenPrivate(pdu)
			}
			if err != nil {
				continue
			}
			s.heard(kind)
			// Only the primary subnet's beacons move the IV index of a node
			// that is on it (section 3.11.5).
			if s.index == mesh.PrimaryNetKey || c.subnet(mesh.PrimaryNetKey) == nil {
				c.followIVIndex(said)
			}
			return
		}
	}
	c.counters.ForeignBeacons++
}

// maxIVIndexAhead is how far ahead a node believes a beacon (section 3.11.6).
const maxIVIndexAhead = 42

// followIVIndex takes over a newer IV index or the other update state. The
// procedure's own time limits belong to the node that starts an update; a
// beacon behind ours, or too far ahead, changes nothing.
func (c *Core) followIVIndex(said beacon.State) {
	current := c.state.IVIndex
	newer := said.IVIndex > current && said.IVIndex-current <= maxIVIndexAhead
	ended := said.IVIndex == current && c.state.IVUpdate && !said.IVUpdate
	if !newer && !ended {
		return
	}
	transmit := transmitIVIndex(said.IVIndex, said.IVUpdate)
	changes := transmit != c.sequence.iv
	if changes && ended && c.transport.Sending() > 0 {
		return // a segmented message is on its way; the next beacon says it again
	}
	c.state.IVIndex, c.state.IVUpdate = said.IVIndex, said.IVUpdate
	c.stateDirty = true
	if changes {
		c.sequence.restart(transmit)
	}
	c.receiver.SetIVIndex(c.state.IVIndex)
	c.report(IVIndexChanged{IVIndex: c.state.IVIndex, Update: c.state.IVUpdate})
}

// transmitIVIndex is the IV index to send with: the one before the current
// while an update is in progress (section 3.11.5, table 3.68).
func transmitIVIndex(current mesh.IVIndex, update bool) mesh.IVIndex {
	if update && current > 0 {
		return current - 1
	}
	return current
}

// tickBeacons sends the beacons that are due: as an unprovisioned device its
// own, as a node those of its subnets.
func (c *Core) tickBeacons() {
	if c.device != nil && !c.state.IsProvisioned() && due(c.nextDeviceBeacon, c.now) {
		c.nextDeviceBeacon = c.now.Add(c.options.Device.beaconInterval())
		if !c.device.Linked() {
			b := beacon.Unprovisioned{UUID: c.state.UUID, OOB: c.options.Device.OOB}
			c.sendBeacon(b.Append(nil), c.state.NetworkTransmit.Transmit())
		}
	}
	if !c.state.Beacon || !c.state.IsProvisioned() {
		return
	}
	for _, s := range c.subnets {
		if s.schedule.Due().IsZero() {
			s.schedule.Start(c.now.Add(c.jitter(0, beacon.MinInterval)))
		}
		if !due(s.schedule.Due(), c.now) {
			continue
		}
		s.schedule.Sent(c.now.Add(c.jitter(0, time.Second)))
		keys := s.beacons[len(s.beacons)-1]
		pdu := keys.AppendSecure(nil, beacon.State{
			KeyRefresh: s.phase == state.SecondPhase,
			IVUpdate:   c.state.IVUpdate,
			IVIndex:    c.state.IVIndex,
		})
		c.sendBeacon(pdu, c.state.NetworkTransmit.Transmit())
	}
}

func (c *Core) beaconDeadline() time.Time {
	var next time.Time
	if c.device != nil && !c.state.IsProvisioned() {
		next = c.nextDeviceBeacon
	}
	if c.state.Beacon && c.state.IsProvisioned() {
		for _, s := range c.subnets {
			next = earliest(next, s.schedule.Due())
		}
	}
	return next
}
