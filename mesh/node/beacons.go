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
	if !c.options.Monitor && c.remote.server == nil {
		return
	}
	b, err := beacon.ParseUnprovisioned(in.PDU())
	if err != nil {
		c.counters.Malformed++
		return
	}
	if c.remote.server != nil && c.state.IsProvisioned() {
		c.remote.server.Heard(c.now, &b, in.RSSI)
		c.collectTransport(0)
	}
	if !c.options.Monitor {
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

// hearNetwork follows the IV index of the network and the refresh of its keys
// (sections 3.10.3, 3.11.4 and 3.11.5).
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
			if c.state.IVIndexUnknown {
				c.learnIVIndex(said)
				return
			}
			s.heard(kind)
			c.heardNetwork()
			// Only the primary subnet's beacons move the IV index of a node
			// that is on it (section 3.11.5).
			if s.index == mesh.PrimaryNetKey || c.subnet(mesh.PrimaryNetKey) == nil {
				c.followIVIndex(said)
			}
			if keys == s.renewed {
				c.followKeyRefresh(s, said.KeyRefresh)
			}
			return
		}
	}
	c.counters.ForeignBeacons++
}

// tickBeacons sends the beacons that are due: as an unprovisioned device its
// own, as a node those of its subnets.
func (c *Core) tickBeacons() {
	if c.device != nil && !c.state.IsProvisioned() && due(c.nextDeviceBeacon, c.now) {
		c.nextDeviceBeacon = c.now.Add(c.options.Device.beaconInterval())
		if !c.device.Linked() {
			b := beacon.Unprovisioned{UUID: c.state.UUID, OOB: c.options.Device.information()}
			c.sendBeacon(b.Append(nil), c.state.NetworkTransmit.Transmit())
		}
	}
	if !c.sendsBeacons() {
		return
	}
	for _, s := range c.subnets {
		if !due(s.schedule.Due(), c.now) {
			continue
		}
		s.schedule.Sent(c.now.Add(c.jitter(0, time.Second)))
		// Each is sent once: those who count what they hear to find their own
		// pace cannot tell a repetition from the beacon of another node.
		once := bearer.Transmit{Count: 1, Interval: leastInterval}
		c.sendBeacon(s.beaconKeys().AppendSecure(nil, c.beaconState(s)), once)
	}
}

// sendsBeacons reports whether the node sends secure network beacons: as its
// state says (section 4.2.11), and while an IV Update is in progress that it
// has begun.
func (c *Core) sendsBeacons() bool {
	return c.state.IsProvisioned() && !c.state.IVIndexUnknown && (c.state.Beacon || c.iv.began && c.state.IVUpdate)
}

// beaconState is what a beacon of a subnet says, be it secure or private
// (sections 3.10.3 and 3.10.4).
func (c *Core) beaconState(s *subnet) beacon.State {
	said := c.ivState()
	said.KeyRefresh = s.phase == state.SecondPhase
	return said
}

// beaconSoon makes the node tell its neighbours soon of what has changed, each
// node at another moment.
func (c *Core) beaconSoon() {
	for _, s := range c.subnets {
		s.schedule.Start(c.now.Add(c.jitter(0, beacon.MinInterval)))
	}
}

func (c *Core) beaconDeadline() time.Time {
	var next time.Time
	if c.device != nil && !c.state.IsProvisioned() {
		next = c.nextDeviceBeacon
	}
	if c.sendsBeacons() {
		for _, s := range c.subnets {
			next = earliest(next, s.schedule.Due())
		}
	}
	return next
}
