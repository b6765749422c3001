package node

import (
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// BearerChoice is what a device is to be provisioned over.
type BearerChoice uint8

// The choices.
const (
	// AnyBearer is PB-ADV when the device was heard there, else PB-GATT when it
	// was sighted there, else PB-ADV.
	AnyBearer BearerChoice = iota
	OnlyPBADV
	OnlyPBGATT
)

// ErrNotSighted is returned when a device is to be provisioned over PB-GATT
// whose advertisement was not heard lately: nobody knows where to connect to.
var ErrNotSighted = errors.New("node: the device has not advertised that it can be provisioned over PB-GATT in the last half minute; wait until it is listed with pb-gatt, or take another bearer")

// maxConnects is how often the connection to a device is tried: now and then
// one fails although the device is there.
const maxConnects = 3

// recent is for how long a device is taken to be where it was heard.
const recent = 30 * time.Second

// sightedDevice is an unprovisioned device that can be connected to.
type sightedDevice struct {
	peer     bearer.Peer
	adapter  uint8
	seen     time.Time
	reported time.Time
}

// sightDevice notes an unprovisioned device, and reports it every few seconds.
func (c *Core) sightDevice(s *bearer.Sighting) {
	if !c.options.Monitor || !s.Connectable {
		return
	}
	uuid, oob, ok := proxy.ParseDeviceServiceData(s.ServiceData())
	if !ok {
		c.counters.Malformed++
		return
	}
	d := c.gatt.sighted[uuid]
	if d == nil {
		if len(c.gatt.sighted) >= maxHeard {
			c.forgetSighted()
		}
		if len(c.gatt.sighted) >= maxHeard {
			c.counters.Unheard++
			return
		}
		d = &sightedDevice{}
		c.gatt.sighted[uuid] = d
	}
	d.peer, d.adapter, d.seen = s.From, s.Adapter, c.now
	if c.now.Before(d.reported.Add(hearAgain)) {
		return
	}
	d.reported = c.now
	c.gatt.counters.Sighted++
	c.report(DeviceHeard{UUID: uuid, OOB: uint16(oob), RSSI: s.RSSI, Adapter: s.Adapter, Bearer: provision.PBGATT})
}

// forgetSighted drops the devices that have not been heard for a while.
func (c *Core) forgetSighted() {
	for uuid, d := range c.gatt.sighted {
		if c.now.Sub(d.seen) > recent {
			delete(c.gatt.sighted, uuid)
		}
	}
}

// chooseBearer decides what a device is provisioned over, and sets what the
// session needs for PB-GATT. connectDevice follows.
func (c *Core) chooseBearer(s *session, o *provision.ProvisionerOptions) error {
	d := c.gatt.sighted[s.want.UUID]
	if d != nil && c.now.Sub(d.seen) > recent {
		d = nil
	}
	heard, advertises := c.heard[s.want.UUID]
	advertises = advertises && c.now.Sub(heard) <= recent
	switch {
	case s.want.Via != mesh.Unassigned, s.want.Bearer == OnlyPBADV, s.want.Bearer == AnyBearer && (d == nil || advertises):
		return nil
	case d == nil:
		return ErrNotSighted
	}
	s.connect = &Connect{ID: c.nextLink(), Adapter: d.adapter, To: d.peer, Service: bearer.ProvisioningService}
	o.Bearer, o.Link = provision.PBGATT, uint32(s.connect.ID)
	return nil
}

// connectDevice makes the connection of a session over PB-GATT.
func (c *Core) connectDevice(s *session) {
	if to := s.connect; to != nil {
		s.connects++
		c.gatt.all = append(c.gatt.all, &link{id: to.ID, role: provisioner, service: to.Service, adapter: to.Adapter, peer: to.To})
		c.act(*to)
	}
}

// reconnectDevice tries once more when a connection could not be made, and
// reports false when that was often enough.
func (c *Core) reconnectDevice(s *session, l *link) bool {
	if l.open || l.ending || s.connects >= maxConnects {
		return false
	}
	s.connect.ID = c.nextLink()
	if d := c.gatt.sighted[s.want.UUID]; d != nil {
		s.connect.To, s.connect.Adapter = d.peer, d.adapter
	}
	c.connectDevice(s)
	return true
}

// carrier is the connection of a session over PB-GATT, of others or of this
// node, by the name that the session has for it.
func (c *Core) carrier(name uint32) *link {
	for _, s := range c.sessions {
		if s.connect != nil && s.Link() == name {
			return c.link(s.connect.ID)
		}
	}
	return c.link(bearer.LinkID(name))
}

// sessionOf finds the session of a connection.
func (c *Core) sessionOf(id bearer.LinkID) *session {
	for _, s := range c.sessions {
		if s.connect != nil && s.connect.ID == id {
			return s
		}
	}
	return nil
}

// receiveCarried gives a provisioning PDU to the session of its connection.
func (c *Core) receiveCarried(l *link, pdu []byte) {
	switch {
	case l.role == provisionee && c.device != nil:
		c.device.ReceivePDU(c.now, uint32(l.id), pdu, &c.provisioning)
	case l.role == provisioner:
		if s := c.sessionOf(l.id); s != nil {
			s.ReceivePDU(c.now, pdu, &c.provisioning)
		}
	}
	c.collectProvisioning()
}

// carryOverGATT sends what sessions over PB-GATT have to say, and ends their
// connections.
func (c *Core) carryOverGATT(pdus []provision.CarriedPDU, ends []provision.CarriedEnd) {
	for _, p := range pdus {
		if l := c.carrier(p.Link); l != nil {
			c.write(l, proxy.ProvisioningPDU, p.PDU)
		}
	}
	for _, e := range ends {
		if l := c.carrier(e.Link); l != nil {
			c.endLink(l)
		}
	}
}

// welcomeNewcomer notes a node that was provisioned over PB-GATT: it is to be
// configured, and may hear nothing but what comes over a connection.
func (c *Core) welcomeNewcomer(s *session, address mesh.Address) {
	if s.connect != nil {
		c.gatt.newcomer = newcomer{address: address, until: c.now.Add(newcomerTime)}
	}
}

// identifyAfterProvisioning lets a node that was provisioned over PB-GATT say
// who it is: its provisioner wants to configure it over a proxy connection
// (section 7.1.2.2).
func (c *Core) identifyAfterProvisioning() {
	if !c.state.IsProvisioned() || c.state.Proxy == state.Unsupported {
		return
	}
	for _, p := range c.gatt.subnets {
		c.SetNodeIdentity(p.index, true)
	}
}
