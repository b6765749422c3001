package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// maxSessions bounds the provisionings that run at once; more are refused, so
// that the radio has time for the network.
const maxSessions = 16

// Errors of Provision.
var (
	ErrNotProvisioned  = errors.New("node: this node is not part of a network yet")
	ErrProvisioning    = errors.New("node: this device is being provisioned already")
	ErrTooManySessions = fmt.Errorf("node: %d devices are being provisioned, wait for one of them", maxSessions)
	ErrNoAddresses     = errors.New("node: no unicast addresses are left for the elements of this device")
)

// Provision says which device to take into the network, and how.
type Provision struct {
	UUID mesh.UUID
	// NetKey is the subnet that the device joins.
	NetKey mesh.KeyIndex
	// Auth is how the device is authenticated.
	Auth provision.Auth
	// Policy, when it is there, chooses how the device is authenticated by what
	// the device offers. Auth does not count then.
	Policy *provision.Policy
	// Certificate, when it is there, proves who the device is.
	Certificate *Certificate
	// Attention is for how many seconds the device attracts attention.
	Attention uint8
	// Via is the node whose Remote Provisioning Server reaches the device;
	// unassigned for this node's own radio.
	Via mesh.Address
	// Bearer is what the device is provisioned over.
	Bearer BearerChoice
}

// session is one provisioning that runs.
type session struct {
	*provision.Provisioner
	want     Provision
	address  mesh.Address // reserved for the device, unassigned until its elements are counted
	elements int          // that are reserved
	records  provision.Records
	remote   *remoteLink // nil without Provision.Via
	connect  *Connect    // over PB-GATT; nil for another bearer
	connects int         // how often it was tried
	ended    bool        // its outcome was reported
}

// Provision begins to provision a device (section 5). Its steps and its end
// are reported as events.
func (c *Core) Provision(now time.Time, p Provision) error {
	c.begin(now)
	if !c.state.IsProvisioned() || c.subnet(p.NetKey) == nil {
		return ErrNotProvisioned
	}
	if c.state.IVIndexUnknown {
		return ErrNoIVIndex
	}
	if len(c.sessions) >= maxSessions {
		return ErrTooManySessions
	}
	for _, s := range c.sessions {
		if s.want.UUID == p.UUID && !s.ended {
			return ErrProvisioning
		}
	}
	options := provision.ProvisionerOptions{
		UUID:      p.UUID,
		Attention: p.Attention,
		Random:    c.options.Random,
		Records:   p.Certificate.inRecords(),
	}
	s := &session{want: p}
	if err := c.chooseBearer(s, &options); err != nil {
		return err
	}
	if err := c.reach(s, &options); err != nil {
		return err
	}
	machine, err := provision.NewProvisioner(options)
	if err != nil {
		return fmt.Errorf("node: provisioning of %s cannot begin: %w", p.UUID, err)
	}
	s.Provisioner = machine
	c.sessions = append(c.sessions, s)
	c.share()
	s.Open(now, &c.provisioning)
	c.collectProvisioning()
	c.connectDevice(s)
	c.openRemote(s)
	c.collectTransport(0)
	return nil
}

// AbortProvisioning ends the provisioning of a device. It reports false when
// none runs.
func (c *Core) AbortProvisioning(now time.Time, uuid mesh.UUID, reason string) bool {
	c.begin(now)
	found := false
	for _, s := range c.sessions {
		if s.want.UUID == uuid && !s.ended {
			found = true
			s.Abort(now, reason, &c.provisioning)
		}
	}
	c.collectProvisioning()
	c.collectTransport(0)
	return found
}

// receiveProvisioning gives a PB-ADV PDU to the session of its link.
func (c *Core) receiveProvisioning(pdu []byte) {
	if c.device != nil {
		c.device.Receive(c.now, pdu, &c.provisioning)
		c.collectProvisioning()
		if !c.state.IsProvisioned() {
			return
		}
		// A node already, whose own link has not ended yet.
	}
	link, ok := provision.LinkOf(pdu)
	if !ok {
		c.counters.Malformed++
		return
	}
	if s := c.session(link); s != nil {
		s.Receive(c.now, pdu, &c.provisioning)
		c.collectProvisioning()
		return
	}
	if c.remote.server != nil && c.remote.server.ReceivePDU(c.now, pdu) {
		c.collectTransport(0)
	}
}

func (c *Core) tickProvisioning() {
	c.sendSpread()
	if c.device != nil && due(c.device.NextDeadline(), c.now) {
		c.device.Tick(c.now, &c.provisioning)
	}
	for _, s := range c.sessions {
		if due(s.NextDeadline(), c.now) {
			s.Tick(c.now, &c.provisioning)
		}
	}
	c.collectProvisioning()
}

func (c *Core) provisioningDeadline() time.Time {
	next := c.spreadDeadline()
	if c.device != nil {
		next = earliest(next, c.device.NextDeadline())
	}
	for _, s := range c.sessions {
		next = earliest(next, s.NextDeadline())
	}
	return next
}

// collectProvisioning acts on what the machines put out. Accepting a device
// puts out more, hence the loop.
func (c *Core) collectProvisioning() {
	for len(c.provisioning.Events)+len(c.provisioning.Send)+len(c.provisioning.Cancel)+len(c.provisioning.Carry)+len(c.provisioning.End) > 0 {
		events := c.provisioning.Events
		carried, ends := c.provisioning.Carry, c.provisioning.End
		c.spread(c.provisioning.Cancel, c.provisioning.Send)
		c.provisioning = provision.Output{Cancel: c.provisioning.Cancel[:0], Send: c.provisioning.Send[:0]}
		for _, e := range events {
			if s := c.session(e.Link); s != nil {
				c.sessionEvent(s, e)
			} else if c.device != nil {
				c.deviceEvent(e)
			}
		}
		c.carryOverGATT(carried, ends)
		c.carry(carried, ends)
	}
	kept := c.sessions[:0]
	for _, s := range c.sessions {
		if !s.Done() {
			kept = append(kept, s)
		}
	}
	if len(kept) < len(c.sessions) {
		clear(c.sessions[len(kept):])
		c.sessions = kept
		c.share()
	}
	if c.device != nil && c.device.Done() {
		c.device = nil
	}
}

// session finds the session of a link, nil for none.
func (c *Core) session(link uint32) *session {
	for _, s := range c.sessions {
		if s.Link() == link {
			return s
		}
	}
	return nil
}

// sessionEvent follows one session of the provisioner.
func (c *Core) sessionEvent(s *session, e provision.Event) {
	switch e.Step {
	case provision.RecordsGot:
		s.records = e.Records
		c.report(ProvisioningStep{UUID: e.UUID, Step: string(e.Step)})
	case provision.CapabilitiesGot:
		c.report(ProvisioningStep{UUID: e.UUID, Step: string(e.Step), Offers: e.Capabilities})
		if err := c.accept(s, e.Capabilities); err != nil {
			s.Reject(c.now, err, &c.provisioning)
		}
	case provision.Completed:
		peer := state.Peer{
			UUID:      e.UUID,
			Address:   e.Node.Address,
			Elements:  int(e.Node.Elements),
			NetKey:    e.Node.NetKey,
			DeviceKey: e.Node.DeviceKey,
		}
		s.ended = true
		c.report(ProvisioningStep{UUID: e.UUID, Step: string(e.Step)})
		c.welcomeNewcomer(s, peer.Address)
		if s.renews() {
			s.remote.renewed = &peer
			return
		}
		err := c.addPeer(peer)
		c.report(ProvisioningDone{UUID: e.UUID, Peer: peer, Err: err})
	case provision.Failed:
		s.ended = true
		if s.renews() {
			c.report(RefreshDone{UUID: e.UUID, Err: e.Failure})
			return
		}
		c.report(ProvisioningDone{UUID: e.UUID, Err: e.Failure})
	default:
		c.report(ProvisioningStep{UUID: e.UUID, Step: string(e.Step), Prompt: e.Prompt, Start: e.Start})
	}
}

// accept takes the device in: it gets the next addresses and the network as it
// is now.
func (c *Core) accept(s *session, offered *provision.Capabilities) error {
	key := c.state.Subnet(s.want.NetKey)
	if key == nil {
		return fmt.Errorf("node: the network key %d is gone", s.want.NetKey)
	}
	if err := s.expects(offered); err != nil {
		return err
	}
	if s.address == mesh.Unassigned {
		address, err := c.reserveAddresses(int(offered.Elements))
		if err != nil {
			return err
		}
		s.address, s.elements = address, int(offered.Elements)
	}
	network := provision.Network{
		Key:        key.Sending(),
		Index:      key.Index,
		KeyRefresh: key.Phase == state.SecondPhase,
		IVUpdate:   c.state.IVUpdate,
		IVIndex:    c.state.IVIndex,
	}
	auth, err := c.authentication(s, offered)
	if err != nil {
		return err
	}
	return s.Accept(c.now, provision.Acceptance{Network: network, Address: s.address, Auth: auth}, &c.provisioning)
}

// startDevice makes an unprovisioned device of the node: it sends beacons and
// waits for a provisioner.
func (c *Core) startDevice() error {
	d := c.options.Device
	capabilities := provision.Capabilities{
		Elements:   uint8(len(c.options.Elements)),
		Algorithms: provision.AllAlgorithms,
	}
	d.describe(&capabilities)
	device, err := provision.NewDevice(provision.DeviceOptions{
		UUID:         c.state.UUID,
		Capabilities: capabilities,
		StaticOOB:    d.StaticOOB,
		KeyPair:      d.KeyPair,
		Records:      d.Records,
		Random:       c.options.Random,
	})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	c.device = device
	c.nextDeviceBeacon = c.now
	return nil
}

// deviceEvent follows the session of an unprovisioned device.
func (c *Core) deviceEvent(e provision.Event) {
	if e.Step != provision.Completed {
		c.report(ProvisioningStep{UUID: e.UUID, Step: string(e.Step), Prompt: e.Prompt})
		return
	}
	j := e.Joined
	key := state.Subnet{Index: j.Network.Index, Key: j.Network.Key}
	if j.Network.KeyRefresh {
		key.Phase, key.NewKey = state.SecondPhase, j.Network.Key
	}
	c.state.Address = j.Address
	c.state.DeviceKey = j.DeviceKey
	c.state.IVIndex = j.Network.IVIndex
	c.state.IVUpdate = j.Network.IVUpdate
	c.state.Subnets = []state.Subnet{key}
	c.sequence.restart(c.ivState().TransmitIVIndex())
	c.gatt.solicitor.sequence.restart(0) // section 6.9.1.1
	c.iv = newIVClock(c.now, true)
	c.stateDirty = true
	c.output.ForgetReplay = true // had Reset been cut short, it would still be there
	c.derive()
	c.report(Joined{Address: j.Address, NetKey: key.Index})
}

// sendBeacon puts a mesh beacon into the output.
func (c *Core) sendBeacon(pdu []byte, transmit bearer.Transmit) {
	c.output.Send = append(c.output.Send, bearer.NewOutgoing(bearer.Beacon, bearer.BeaconLane(), transmit, pdu))
}
