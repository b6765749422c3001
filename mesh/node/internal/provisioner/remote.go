package provisioner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Waits for a device that is reached through another node. A PDU that is passed on
// takes as long as PB-ADV allows, and messages of the mesh on top.
const (
	remoteOpenTime   = 20 // seconds that the server has to open the link
	remoteAttempts   = 20
	remoteCloseTries = 8
)

// Requests sends messages to servers.
type Requests interface {
	Add(r part.Request) (part.RequestID, error)
	// Last makes the present attempt of a request its last one.
	Last(id part.RequestID)
}

// RemoteClient is the part of a node that is the Remote Provisioning Client
// (section 4.4.6): sessions whose provisioning PDUs go through another node, or to
// a node of the network that is provisioned once more.
//
//	session ──▶ PDU Send ──▶ server ──▶ device
//	session ◀── PDU Report ◀── server ◀── device
type RemoteClient struct {
	part.None
	host     part.Host
	requests Requests
	peers    Peers
	sessions *Provisioner
}

var _ part.Part = (*RemoteClient)(nil)

// remoteLink is the client's side of the link of one session.
type remoteLink struct {
	id        uint32
	server    state.Peer
	procedure *remoteprovisioning.RefreshProcedure // nil for a device
	queue     [][]byte                             // PDUs to send
	sending   bool
	request   part.RequestID // the last to the server
	out, in   uint8          // numbers of the last PDUs
	closing   bool
	success   bool
	over      bool
	renewed   *state.Peer // outcome of the procedure
}

// renews reports whether the session renews a node of the network.
func (s *session) renews() bool { return s.remote != nil && s.remote.procedure != nil }

// expects reports what is wrong with a node that is renewed: only a new address
// can come with another number of elements.
func (s *session) expects(offered *provision.Capabilities) error {
	if !s.renews() || *s.remote.procedure == remoteprovisioning.RefreshNodeAddress || int(offered.Elements) == s.remote.server.Elements {
		return nil
	}
	return fmt.Errorf("node: expected %d elements, the node now has %d; it needs new addresses: refresh its address", s.remote.server.Elements, offered.Elements)
}

// prepare prepares the link of a session through another node.
func (c *RemoteClient) prepare(s *session, o *provision.ProvisionerOptions) error {
	server := c.peers.Find(s.want.Via)
	if server == nil {
		return part.ErrUnknownServer
	}
	for _, other := range c.sessions.sessions {
		if other.remote != nil && !other.remote.over && other.remote.server.Address == server.Address {
			return part.ErrServerBusy
		}
	}
	var id [4]byte
	if _, err := io.ReadFull(c.host.Random(), id[:]); err != nil {
		return fmt.Errorf("node: no randomness for a link: %w", err)
	}
	s.remote = &remoteLink{id: binary.BigEndian.Uint32(id[:]), server: server.Peer}
	o.Bearer, o.Link = provision.PBRemote, s.remote.id
	return nil
}

// Refresh begins to renew something on a node (section 3.11.8). Its end is
// reported as RefreshDone.
func (c *RemoteClient) Refresh(r part.Refresh) error {
	node := c.peers.Find(r.Address)
	if node == nil {
		return part.ErrUnknownServer
	}
	if err := c.sessions.free(node.UUID); err != nil {
		return err
	}
	s := &session{want: part.Provision{UUID: node.UUID, NetKey: node.NetKey, Via: node.Address}}
	if r.Procedure != remoteprovisioning.RefreshNodeAddress {
		s.address = node.Address
	}
	options := provision.ProvisionerOptions{UUID: node.UUID, Random: c.host.Random()}
	if err := c.prepare(s, &options); err != nil {
		return err
	}
	s.remote.procedure = &r.Procedure
	return c.sessions.start(s, options)
}

// ask sends a message to the server of a link. done gets the answer.
func (c *RemoteClient) ask(l *remoteLink, m access.Message, respond mesh.Opcode, attempts int, accept func([]byte) bool, done func([]byte, error)) {
	payload, err := access.Append(nil, m)
	if err == nil {
		l.request, err = c.requests.Add(part.Request{
			Dst: l.server.Address, NetKey: l.server.NetKey, Key: transport.Key{Device: l.server.Address},
			TTL: mesh.DefaultTTL, Payload: payload, Respond: respond, Accept: accept, Attempts: attempts,
			Class: part.ClassConfiguration,
			Done:  func(r part.Response, err error) { done(r.Params, err) },
		})
	}
	if err != nil {
		done(nil, err)
	}
}

// disconnected ends the link of a session.
func (c *RemoteClient) disconnected(s *session, err error) {
	s.Disconnected(c.host.Now(), err, c.sessions.output())
}

// open asks the server to open the link.
func (c *RemoteClient) open(s *session) {
	l := s.remote
	m := &remoteprovisioning.LinkOpen{HasUUID: true, UUID: s.want.UUID, HasTimeout: true, Timeout: remoteOpenTime}
	if l.procedure != nil {
		m = &remoteprovisioning.LinkOpen{Procedure: *l.procedure}
	}
	c.ask(l, m, remoteprovisioning.OpLinkStatus, part.DefaultAttempts, nil, func(params []byte, err error) {
		var status remoteprovisioning.LinkStatus
		switch {
		case err == nil && access.Decode(params, &status) != nil:
			err = errors.New("its answer cannot be read")
		case err == nil && status.Status != remoteprovisioning.Success:
			l.over = true // it is somebody else's link
			err = fmt.Errorf("the node %s says: %v (%v)", l.server.Address, status.Status, status.State)
		}
		switch {
		case err != nil:
			c.disconnected(s, err)
		case status.State == remoteprovisioning.LinkActive:
			s.Connected(c.host.Now(), c.sessions.output())
		}
	})
}

// carry queues a PDU of a session.
func (c *RemoteClient) carry(s *session, pdu []byte) {
	s.remote.queue = append(s.remote.queue, pdu)
	c.send(s)
}

// end closes the link of a session once what is queued is sent, or at once when
// the session has failed.
func (c *RemoteClient) end(s *session, success bool) {
	l := s.remote
	if l.closing {
		return
	}
	l.closing, l.success = true, success
	if !success {
		l.queue, l.sending = nil, false
		c.requests.Last(l.request)
	}
	c.send(s)
}

// send sends the next PDU, or closes the link when there is none.
func (c *RemoteClient) send(s *session) {
	l := s.remote
	if l.sending || l.over {
		return
	}
	if len(l.queue) == 0 {
		if l.closing {
			c.close(s)
		}
		return
	}
	l.sending = true
	l.out++
	number, pdu := l.out, l.queue[0]
	l.queue = l.queue[1:]
	c.ask(l, &remoteprovisioning.PDUSend{OutboundPDUNumber: number, ProvisioningPDU: pdu},
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
				c.disconnected(s, err)
				return
			}
			c.send(s)
		})
}

// close asks the server to close the link. The session ends here; what a procedure
// has renewed is decided with the answer.
func (c *RemoteClient) close(s *session) {
	l := s.remote
	l.over = true
	reason := remoteprovisioning.ReasonFail
	if l.success {
		reason = remoteprovisioning.ReasonSuccess
	}
	c.ask(l, &remoteprovisioning.LinkClose{Reason: reason},
		remoteprovisioning.OpLinkStatus, remoteCloseTries, nil, func(_ []byte, err error) {
			if l.renewed != nil && l.success {
				c.finish(l, err)
			}
		})
	c.disconnected(s, nil)
}

// finish ends a procedure whose provisioning has gone well. What the node has become
// only it can tell: it may not have heard the end of the link, or may not have been
// able to take on its new address or models though it has confirmed that. So it is
// asked under its new identity and under the former one in turn. Only a device key
// whose end is confirmed is certain.
func (c *RemoteClient) finish(l *remoteLink, closed error) {
	if closed == nil && *l.procedure == remoteprovisioning.RefreshDeviceKey {
		c.renewed(*l.renewed, c.peers.Add(*l.renewed))
		return
	}
	c.identify(l, []state.Peer{*l.renewed, l.server, *l.renewed, l.server}, l.server)
}

// identify asks a node under the first of its identities, and under the next when it
// does not answer. If it answers to none, the last one stays.
func (c *RemoteClient) identify(l *remoteLink, identities []state.Peer, former state.Peer) {
	if len(identities) == 0 {
		c.renewed(former, part.ErrUncertain)
		return
	}
	l.server = identities[0]
	if err := c.peers.Add(l.server); err != nil {
		c.renewed(l.server, err)
		return
	}
	c.ask(l, &configuration.DefaultTTLGet{}, configuration.OpDefaultTTLStatus, remoteCloseTries, nil, func(_ []byte, err error) {
		switch {
		case err != nil:
			c.identify(l, identities[1:], former)
		case l.server == former:
			c.renewed(former, part.ErrNotRenewed)
		default:
			c.renewed(l.server, nil)
		}
	})
}

// renewed reports the end of a procedure.
func (c *RemoteClient) renewed(p state.Peer, err error) {
	c.host.Report(part.RefreshDone{UUID: p.UUID, Peer: p, Err: err})
}

// Inputs implements part.Part.
func (c *RemoteClient) Inputs() part.Inputs { return part.Message }

// Input implements part.Part. It takes what a Remote Provisioning Server reports.
func (c *RemoteClient) Input(in *part.Input) bool {
	m := in.Message
	if !m.Key.IsDevice() || m.Key.Device != m.Src {
		return false
	}
	switch m.Opcode {
	case remoteprovisioning.OpScanReport:
		var report remoteprovisioning.ScanReport
		if c.sessions.cfg.Scanner.monitor && access.Decode(m.Params, &report) == nil {
			c.host.Report(part.DeviceHeard{UUID: report.UUID, OOB: uint16(report.OOBInformation), RSSI: report.RSSI, Via: m.Src, Bearer: provision.PBRemote})
		}
	case remoteprovisioning.OpLinkReport:
		if s := c.through(m.Src); s != nil {
			c.linkReport(s, m.Params)
		}
	case remoteprovisioning.OpPDUReport:
		if s := c.through(m.Src); s != nil {
			c.pduReport(s, m.Params)
		}
	}
	return false
}

// through finds the session whose link goes through a node, nil for none.
func (c *RemoteClient) through(server mesh.Address) *session {
	for _, s := range c.sessions.sessions {
		if s.remote != nil && !s.remote.over && s.remote.server.Address == server {
			return s
		}
	}
	return nil
}

// linkReport takes a report of the link of a session.
func (c *RemoteClient) linkReport(s *session, params []byte) {
	var report remoteprovisioning.LinkReport
	if access.Decode(params, &report) != nil {
		return
	}
	switch {
	case report.Status == remoteprovisioning.Success && report.State == remoteprovisioning.LinkActive:
		s.Connected(c.host.Now(), c.sessions.output())
	case report.State == remoteprovisioning.LinkIdle && report.Status != remoteprovisioning.Success && report.Status != remoteprovisioning.LinkClosedByClient:
		s.remote.over = true
		c.disconnected(s, fmt.Errorf("the node %s says: %v", s.remote.server.Address, report.Status))
	}
}

// pduReport takes a PDU of the device.
func (c *RemoteClient) pduReport(s *session, params []byte) {
	l := s.remote
	var report remoteprovisioning.PDUReport
	if access.Decode(params, &report) != nil || report.InboundPDUNumber == l.in {
		return // nothing, or the last one again
	}
	if report.InboundPDUNumber != l.in+1 {
		s.Abort(c.host.Now(), fmt.Sprintf("expected PDU %d of the device through %s, got %d", l.in+1, l.server.Address, report.InboundPDUNumber), c.sessions.output())
		return
	}
	l.in++
	s.ReceivePDU(c.host.Now(), report.ProvisioningPDU, c.sessions.output())
}
