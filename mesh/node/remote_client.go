package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file is the Remote Provisioning Client (section 4.4.6): sessions whose
// provisioning PDUs go through another node, or to another node that is
// provisioned once more.

// Errors of Provision with Via, and of Refresh.
var (
	ErrUnknownServer = errors.New("node: no node of this network has that address")
	ErrServerBusy    = errors.New("node: another provisioning goes through this node already; a Remote Provisioning Server has one link at a time")
	ErrUncertain     = errors.New("node: the node did not confirm the end of its refresh, and answers neither under its old nor its new device key; try again when it can be reached")
)

// Refresh says what to renew on a node that is in the network (section 3.11.8).
type Refresh struct {
	Address   mesh.Address // of the node
	Procedure remoteprovisioning.RefreshProcedure
}

// RefreshDone ends a Refresh. Peer is the node as it is from now on, when Err is
// nil; it is in the store already.
type RefreshDone struct {
	UUID mesh.UUID
	Peer state.Peer
	Err  error
}

func (RefreshDone) isEvent() {}

// Waits for a device that is reached through another node. A PDU that is passed on
// takes as long as PB-ADV allows, and messages of the mesh on top.
const (
	remoteOpenTime   = 20 // seconds that the server has to open the link
	remoteAttempts   = 20
	remoteCloseTries = 8
)

// remoteLink is the client's side of the link of one session.
type remoteLink struct {
	id        uint32
	server    state.Peer
	procedure *remoteprovisioning.RefreshProcedure // nil for a device
	queue     [][]byte                             // PDUs to send
	sending   bool
	request   RequestID // the last to the server
	out, in   uint8     // numbers of the last PDUs
	closing   bool
	success   bool
	over      bool
	renewed   *state.Peer // what came of the procedure
}

// renews reports whether the session renews a node of the network.
func (s *session) renews() bool { return s.remote != nil && s.remote.procedure != nil }

// reach prepares the link of a session with Via; it does nothing for others.
func (c *Core) reach(s *session, o *provision.ProvisionerOptions) error {
	if s.want.Via == mesh.Unassigned {
		return nil
	}
	server := c.peer(s.want.Via)
	if server == nil {
		return ErrUnknownServer
	}
	for _, other := range c.sessions {
		if other.remote != nil && !other.remote.over && other.remote.server.Address == server.Address {
			return ErrServerBusy
		}
	}
	var id [4]byte
	if _, err := io.ReadFull(c.options.Random, id[:]); err != nil {
		return fmt.Errorf("node: no randomness for a link: %w", err)
	}
	s.remote = &remoteLink{id: binary.BigEndian.Uint32(id[:]), server: server.Peer}
	o.Bearer, o.Link = provision.PBRemote, s.remote.id
	return nil
}

// Refresh begins to renew something on a node. Its end is reported as RefreshDone.
func (c *Core) Refresh(now time.Time, r Refresh) error {
	c.begin(now)
	p := c.peer(r.Address)
	if p == nil {
		return ErrUnknownServer
	}
	for _, s := range c.sessions {
		if s.want.UUID == p.UUID && !s.ended {
			return ErrProvisioning
		}
	}
	if len(c.sessions) >= maxSessions {
		return ErrTooManySessions
	}
	s := &session{want: Provision{UUID: p.UUID, NetKey: p.NetKey, Via: p.Address}}
	if r.Procedure != remoteprovisioning.RefreshNodeAddress {
		s.address = p.Address
	}
	options := provision.ProvisionerOptions{UUID: p.UUID, Random: c.options.Random}
	if err := c.reach(s, &options); err != nil {
		return err
	}
	s.remote.procedure = &r.Procedure
	machine, err := provision.NewProvisioner(options)
	if err != nil {
		return fmt.Errorf("node: the refresh of %s cannot begin: %w", p.UUID, err)
	}
	s.Provisioner = machine
	c.sessions = append(c.sessions, s)
	s.Open(now, &c.provisioning)
	c.collectProvisioning()
	c.openRemote(s)
	c.collectTransport(0)
	return nil
}

// expects reports what is wrong with a node that is renewed: only a new address
// can come with another number of elements.
func (s *session) expects(offered *provision.Capabilities) error {
	if !s.renews() || *s.remote.procedure == remoteprovisioning.RefreshNodeAddress || int(offered.Elements) == s.remote.server.Elements {
		return nil
	}
	return fmt.Errorf("node: expected %d elements, the node now has %d; it needs new addresses: refresh its address", s.remote.server.Elements, offered.Elements)
}

// askServer sends a message to the server of a link; done is told of the answer.
func (c *Core) askServer(l *remoteLink, m access.Message, respond mesh.Opcode, attempts int, accept func([]byte) bool, done func([]byte, error)) {
	payload, err := access.Append(nil, m)
	if err == nil {
		l.request, err = c.enqueue(Request{
			Dst: l.server.Address, NetKey: l.server.NetKey, Key: transport.Key{Device: l.server.Address},
			TTL: mesh.DefaultTTL, Payload: payload, Respond: respond, Accept: accept, Attempts: attempts,
			done: func(r Response, err error) { done(r.Params, err); c.collectProvisioning() },
		})
	}
	if err != nil {
		done(nil, err)
	}
}

// openRemote asks the server to open the link; it does nothing for other sessions.
func (c *Core) openRemote(s *session) {
	l := s.remote
	if l == nil {
		return
	}
	m := &remoteprovisioning.LinkOpen{HasUUID: true, UUID: s.want.UUID, HasTimeout: true, Timeout: remoteOpenTime}
	if l.procedure != nil {
		m = &remoteprovisioning.LinkOpen{Procedure: *l.procedure}
	}
	c.askServer(l, m, remoteprovisioning.OpLinkStatus, DefaultAttempts, nil, func(params []byte, err error) {
		var status remoteprovisioning.LinkStatus
		switch {
		case err == nil && access.Decode(params, &status) != nil:
			err = errors.New("its answer cannot be read")
		case err == nil && status.Status != remoteprovisioning.Success:
			l.over = true // it is somebody else's link
			err = fmt.Errorf("the node %s says: %v (%v)", l.server.Address, status.Status, status.State)
		}
		if err != nil {
			s.Disconnected(c.now, err, &c.provisioning)
			return
		}
		if status.State == remoteprovisioning.LinkActive {
			s.Connected(c.now, &c.provisioning)
		}
	})
	c.collectProvisioning()
}

// carry sends what sessions with a remote link have to say.
func (c *Core) carry(pdus []provision.CarriedPDU, ends []provision.CarriedEnd) {
	for _, p := range pdus {
		if s := c.session(p.Link); s != nil && s.remote != nil {
			s.remote.queue = append(s.remote.queue, p.PDU)
			c.sendRemote(s)
		}
	}
	for _, e := range ends {
		if s := c.session(e.Link); s != nil && s.remote != nil && !s.remote.closing {
			s.remote.closing, s.remote.success = true, e.Success
			if !e.Success {
				s.remote.queue, s.remote.sending = nil, false
				c.hurry(s.remote.request)
			}
			c.sendRemote(s)
		}
	}
}

// sendRemote sends the next PDU, or closes the link when there is none.
func (c *Core) sendRemote(s *session) {
	l := s.remote
	if l.sending || l.over {
		return
	}
	if len(l.queue) == 0 {
		if l.closing {
			c.closeRemote(s)
		}
		return
	}
	l.sending = true
	l.out++
	number, pdu := l.out, l.queue[0]
	l.queue = l.queue[1:]
	c.askServer(l, &remoteprovisioning.PDUSend{OutboundPDUNumber: number, ProvisioningPDU: pdu},
		remoteprovisioning.OpPDUOutboundReport, remoteAttempts,
		func(params []byte) bool {
			var report remoteprovisioning.PDUOutboundReport
			return access.Decode(params, &report) == nil && report.OutboundPDUNumber == number
		},
		func(_ []byte, err error) {
			if l.over || l.closing && !l.success {
				return
			}
			l.sending = false
			if err != nil {
				l.over = true
				s.Disconnected(c.now, err, &c.provisioning)
				return
			}
			c.sendRemote(s)
		})
}

// closeRemote asks the server to close the link. The session ends here; what a
// procedure has renewed is settled with the answer.
func (c *Core) closeRemote(s *session) {
	l := s.remote
	l.over = true
	reason := remoteprovisioning.ReasonFail
	if l.success {
		reason = remoteprovisioning.ReasonSuccess
	}
	c.askServer(l, &remoteprovisioning.LinkClose{Reason: reason},
		remoteprovisioning.OpLinkStatus, remoteCloseTries, nil, func(_ []byte, err error) {
			if l.renewed != nil && l.success {
				c.settle(l, err)
			}
		})
	s.Disconnected(c.now, nil, &c.provisioning)
}

// settle ends a procedure whose provisioning has gone well. When the node did not
// confirm the end of it, only its answer tells which of its two keys it has.
func (c *Core) settle(l *remoteLink, closed error) {
	renewed, former := *l.renewed, l.server
	done := func(err error) {
		c.report(RefreshDone{UUID: renewed.UUID, Peer: renewed, Err: err})
	}
	if err := c.addPeer(renewed); err != nil {
		done(err)
		return
	}
	if closed == nil {
		done(nil)
		return
	}
	l.server = renewed
	c.askServer(l, &configuration.DefaultTTLGet{}, configuration.OpDefaultTTLStatus, remoteCloseTries, nil, func(_ []byte, err error) {
		if err != nil {
			err = errors.Join(ErrUncertain, c.addPeer(former))
		}
		done(err)
	})
}

// hearRemote takes what a Remote Provisioning Server reports.
func (c *Core) hearRemote(m *transport.AccessMessage, op mesh.Opcode, params []byte) {
	if !m.Key.IsDevice() || m.Key.Device != m.Src {
		return
	}
	switch op {
	case remoteprovisioning.OpScanReport:
		var report remoteprovisioning.ScanReport
		if c.options.Monitor && access.Decode(params, &report) == nil {
			c.report(DeviceHeard{UUID: report.UUID, OOB: uint16(report.OOBInformation), RSSI: report.RSSI, Via: m.Src, Bearer: provision.PBRemote})
		}
	case remoteprovisioning.OpLinkReport, remoteprovisioning.OpPDUReport:
		for _, s := range c.sessions {
			if s.remote != nil && !s.remote.over && s.remote.server.Address == m.Src {
				c.hearLink(s, op, params)
				c.collectProvisioning()
				return
			}
		}
	}
}

// hearLink takes a report of the link of a session.
func (c *Core) hearLink(s *session, op mesh.Opcode, params []byte) {
	l := s.remote
	if op == remoteprovisioning.OpLinkReport {
		var report remoteprovisioning.LinkReport
		if access.Decode(params, &report) != nil {
			return
		}
		switch {
		case report.Status == remoteprovisioning.Success && report.State == remoteprovisioning.LinkActive:
			s.Connected(c.now, &c.provisioning)
		case report.State == remoteprovisioning.LinkIdle && report.Status != remoteprovisioning.Success && report.Status != remoteprovisioning.LinkClosedByClient:
			l.over = true
			s.Disconnected(c.now, fmt.Errorf("the node %s says: %v", l.server.Address, report.Status), &c.provisioning)
		}
		return
	}
	var report remoteprovisioning.PDUReport
	if access.Decode(params, &report) != nil || report.InboundPDUNumber == l.in {
		return // nothing, or the last one again
	}
	if report.InboundPDUNumber != l.in+1 {
		s.Abort(c.now, fmt.Sprintf("expected PDU %d of the device through %s, got %d", l.in+1, l.server.Address, report.InboundPDUNumber), &c.provisioning)
		return
	}
	l.in++
	s.ReceivePDU(c.now, report.ProvisioningPDU, &c.provisioning)
}
