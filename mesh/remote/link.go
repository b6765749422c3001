package remote

import (
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// openTimeout is how long a device may take to answer unless the client sets
// another time.
const openTimeout = 10 * time.Second

// ownLink identifies the link to the server's own node.
const ownLink = 1

// link is the only link of a server: to a device over PB-ADV, or to its own
// node.
type link struct {
	state  remoteprovisioning.LinkState
	client Client
	out    uint8 // number of the client's last PDU
	in     uint8 // number of the device's last PDU
	ended  bool  // the client has been informed that the link has ended

	uuid   mesh.UUID
	served *provision.ServedLink // to a device; nil for none

	own       *provision.Device // this node, being provisioned again; nil for none
	procedure remoteprovisioning.RefreshProcedure
	prepared  bool // the procedure has a result
}

func (l *link) deadline() time.Time {
	var next time.Time
	if l.served != nil {
		next = l.served.NextDeadline()
	}
	if l.own != nil {
		next = deadline.Earliest(next, l.own.NextDeadline())
	}
	return next
}

func (s *Server) linkStatus(status remoteprovisioning.Status) *remoteprovisioning.LinkStatus {
	return &remoteprovisioning.LinkStatus{Status: status, State: s.link.state}
}

// report reports a change of the link to the client.
func (s *Server) report(status remoteprovisioning.Status, done func(bool)) {
	s.host.SendTo(s.link.client, &remoteprovisioning.LinkReport{Status: status, State: s.link.state}, done)
}

// reportClosed reports the end of the link to the client, with a reason.
func (s *Server) reportClosed(status remoteprovisioning.Status, reason remoteprovisioning.LinkCloseReason) {
	s.host.SendTo(s.link.client, &remoteprovisioning.LinkReport{
		Status: status, State: s.link.state, HasReason: true, Reason: reason,
	}, nil)
}

// openLink handles Link Open (section 4.4.5.5.3).
func (s *Server) openLink(ctx access.Context, from Client, m *remoteprovisioning.LinkOpen) {
	l := &s.link
	status := remoteprovisioning.Success
	switch l.state {
	case remoteprovisioning.LinkOutboundSend, remoteprovisioning.LinkClosing:
		status = remoteprovisioning.InvalidState
	case remoteprovisioning.LinkOpening, remoteprovisioning.LinkActive:
		// The same request again, from this or another client, or another
		// request.
		same := l.own != nil && !m.HasUUID && m.Procedure == l.procedure ||
			l.own == nil && m.HasUUID && m.UUID == l.uuid
		if from != l.client || !same {
			status = remoteprovisioning.LinkCannotOpen
		}
	default:
		if m.HasUUID {
			status = s.openServed(from, m)
		} else {
			s.openOwn(ctx, from, m.Procedure)
			return
		}
	}
	ctx.Reply(s.linkStatus(status))
}

// openServed opens a link to a device.
func (s *Server) openServed(from Client, m *remoteprovisioning.LinkOpen) remoteprovisioning.Status {
	served, err := provision.NewServedLink(m.UUID, s.host.Random())
	if err != nil {
		return remoteprovisioning.LinkCannotOpen
	}
	timeout := openTimeout
	if m.HasTimeout {
		timeout = time.Duration(m.Timeout) * time.Second
	}
	s.link = link{state: remoteprovisioning.LinkOpening, client: from, uuid: m.UUID, served: served}
	var out provision.Output
	served.Open(s.now, timeout, &out)
	s.host.Radio(&out)
	return remoteprovisioning.Success
}

// openOwn begins a procedure on this node.
func (s *Server) openOwn(ctx access.Context, from Client, p remoteprovisioning.RefreshProcedure) {
	elements := s.host.Elements(p)
	var own *provision.Device
	err := errors.New("the composition has not changed")
	if elements > 0 {
		own, err = provision.NewDevice(provision.DeviceOptions{
			UUID:         s.host.UUID(),
			Capabilities: provision.Capabilities{Elements: uint8(elements), Algorithms: provision.AllAlgorithms},
			Random:       s.host.Random(),
			Check: func(network provision.Network, address mesh.Address) (provision.ErrorCode, string) {
				return s.host.Check(p, network, address)
			},
		})
	}
	if err != nil {
		ctx.Reply(s.linkStatus(remoteprovisioning.LinkCannotOpen))
		return
	}
	s.host.Discard() // of a procedure that was not finished
	s.link = link{state: remoteprovisioning.LinkActive, client: from, own: own, procedure: p}
	ctx.Reply(s.linkStatus(remoteprovisioning.Success))
	s.report(remoteprovisioning.Success, nil)
	var out provision.Output
	own.Connected(s.now, ownLink, &out)
	s.followOwn(&out)
}

// closeLink handles Link Close (section 4.4.5.5.3.3).
func (s *Server) closeLink(ctx access.Context, from Client, m *remoteprovisioning.LinkClose) {
	l := &s.link
	switch {
	case l.state == remoteprovisioning.LinkIdle || l.state == remoteprovisioning.LinkClosing:
		ctx.Reply(s.linkStatus(remoteprovisioning.Success))
		return
	case from != l.client:
		ctx.Reply(s.linkStatus(remoteprovisioning.InvalidState))
		return
	}
	l.state = remoteprovisioning.LinkClosing
	ctx.Reply(s.linkStatus(remoteprovisioning.Success))
	success := m.Reason == remoteprovisioning.ReasonSuccess
	if l.own != nil {
		s.finishOwn(success)
		return
	}
	var out provision.Output
	l.served.Close(s.now, success, &out)
	l.ended, l.state = true, remoteprovisioning.LinkIdle
	s.host.Radio(&out)
	s.report(remoteprovisioning.LinkClosedByClient, nil)
}

// finishOwn ends a procedure as the client requests. Its result is applied when
// the client has received the last message with the old key and address, or
// cannot be reached any more.
func (s *Server) finishOwn(success bool) {
	l := s.link
	s.link.state = remoteprovisioning.LinkIdle
	commit := success && l.prepared
	if !commit {
		s.host.Discard()
	}
	s.report(remoteprovisioning.LinkClosedByClient, func(bool) {
		if commit {
			s.host.Commit(l.procedure)
		}
	})
	s.link = link{client: l.client}
}

// sendPDU handles PDU Send (section 4.4.5.5.3).
func (s *Server) sendPDU(from Client, m *remoteprovisioning.PDUSend) {
	l := &s.link
	if l.state != remoteprovisioning.LinkActive || from != l.client {
		return
	}
	if m.OutboundPDUNumber != l.out+1 {
		s.outboundReport() // it arrived before, and this node's report was lost
		return
	}
	var out provision.Output
	if l.own != nil {
		l.out++
		s.outboundReport()
		l.own.ReceivePDU(s.now, ownLink, m.ProvisioningPDU, &out)
		s.followOwn(&out)
		return
	}
	if !l.served.Send(s.now, m.ProvisioningPDU, &out) {
		s.lose(remoteprovisioning.LinkClosedAsCannotSendPDU, remoteprovisioning.ReasonFail, &out)
		return
	}
	l.state = remoteprovisioning.LinkOutboundSend
	s.host.Radio(&out)
}

func (s *Server) outboundReport() {
	s.host.SendTo(s.link.client, &remoteprovisioning.PDUOutboundReport{OutboundPDUNumber: s.link.out},
		s.mustArrive(remoteprovisioning.LinkClosedAsCannotDeliverOutboundReport))
}

// inbound forwards a PDU to the client.
func (s *Server) inbound(pdu []byte) {
	s.link.in++
	s.host.SendTo(s.link.client, &remoteprovisioning.PDUReport{
		InboundPDUNumber: s.link.in, ProvisioningPDU: append([]byte(nil), pdu...),
	}, s.mustArrive(remoteprovisioning.LinkClosedAsCannotDeliverPDUReport))
}

// mustArrive ends the link if one of its reports does not reach the client.
func (s *Server) mustArrive(status remoteprovisioning.Status) func(bool) {
	served, own := s.link.served, s.link.own
	return func(delivered bool) {
		same := s.link.served == served && s.link.own == own
		if delivered || !same || s.link.state == remoteprovisioning.LinkIdle || s.link.ended {
			return
		}
		var out provision.Output
		s.lose(status, remoteprovisioning.ReasonFail, &out)
	}
}

// lose ends the link from this side.
func (s *Server) lose(status remoteprovisioning.Status, reason remoteprovisioning.LinkCloseReason, out *provision.Output) {
	l := &s.link
	if l.own != nil {
		s.host.Discard()
		l.own = nil
	}
	if l.served != nil {
		l.served.Close(s.now, false, out)
		s.host.Radio(out)
	}
	l.ended = true
	l.state = remoteprovisioning.LinkIdle
	s.reportClosed(status, reason)
}

// follow continues after an input to the link to a device.
func (s *Server) follow(result *provision.LinkResult, out *provision.Output) {
	l := &s.link
	s.host.Radio(out)
	if l.ended {
		s.endServed()
		return
	}
	if result.Opened {
		l.state = remoteprovisioning.LinkActive
		s.report(remoteprovisioning.Success, nil)
	}
	if result.Delivered && l.state == remoteprovisioning.LinkOutboundSend {
		l.state = remoteprovisioning.LinkActive
		l.out++
		s.outboundReport()
	}
	if result.PDU != nil {
		s.inbound(result.PDU)
	}
	if result.End == provision.LinkOngoing {
		return
	}
	l.ended, l.state = true, remoteprovisioning.LinkIdle
	switch result.End {
	case provision.LinkNotOpened:
		s.report(remoteprovisioning.LinkOpenFailed, nil)
	case provision.LinkByDevice:
		reason := remoteprovisioning.ReasonFail
		if result.Success {
			reason = remoteprovisioning.ReasonSuccess
		}
		s.reportClosed(remoteprovisioning.LinkClosedByDevice, reason)
	case provision.LinkUnreadable:
		s.reportClosed(remoteprovisioning.LinkClosedAsCannotReceivePDU, remoteprovisioning.ReasonFail)
	case provision.LinkUnsent:
		s.reportClosed(remoteprovisioning.LinkClosedAsCannotSendPDU, remoteprovisioning.ReasonTimeout)
	default:
		s.reportClosed(remoteprovisioning.LinkClosedByServer, remoteprovisioning.ReasonTimeout)
	}
	s.endServed()
}

// endServed removes the link to the device when its end has been sent often
// enough.
func (s *Server) endServed() {
	l := &s.link
	if l.served != nil && l.served.Done() {
		l.served = nil
	}
}

// followOwn continues after an input to the link to this node.
func (s *Server) followOwn(out *provision.Output) {
	l := &s.link
	for i := range out.Events {
		if e := &out.Events[i]; e.Joined != nil {
			l.prepared = true
			s.host.Prepare(l.procedure, e.Joined)
		}
	}
	for _, c := range out.Carry {
		s.inbound(c.PDU)
	}
	if len(out.End) > 0 {
		var nothing provision.Output
		s.lose(remoteprovisioning.LinkClosedByServer, remoteprovisioning.ReasonFail, &nothing)
	}
}

func (s *Server) wakeLink() {
	l := &s.link
	var out provision.Output
	if l.served != nil && deadline.Due(l.served.NextDeadline(), s.now) {
		result := l.served.Tick(s.now, &out)
		s.follow(&result, &out)
	}
	out = provision.Output{}
	if l.own != nil && deadline.Due(l.own.NextDeadline(), s.now) {
		l.own.Tick(s.now, &out)
		s.followOwn(&out)
	}
}
