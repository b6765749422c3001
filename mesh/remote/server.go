package remote

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// Client is the client of a server: a node, and the subnet of its messages.
type Client struct {
	Address mesh.Address
	NetKey  mesh.KeyIndex
}

// Host is the node that a server belongs to.
type Host interface {
	UUID() mesh.UUID
	Random() io.Reader
	// SendTo sends a message to a client with the node's own device key,
	// segmented, so that it is acknowledged. Messages to one client arrive in
	// order. done is called with whether it was delivered; it may be nil.
	SendTo(to Client, m access.Message, done func(delivered bool))
	// Radio carries out the output of a PB-ADV link.
	Radio(out *provision.Output)
	// Elements returns how many elements the node has after a procedure. 0
	// means that there is no reason for the procedure, because the composition
	// has not changed.
	Elements(p remoteprovisioning.RefreshProcedure) int
	// Check decides whether provisioning data is valid for a procedure on this
	// node. The code is 0 if it is; otherwise the reason is given in words.
	Check(p remoteprovisioning.RefreshProcedure, network provision.Network, address mesh.Address) (code provision.ErrorCode, reason string)
	// Prepare stores the result of a procedure before the client is informed.
	Prepare(p remoteprovisioning.RefreshProcedure, joined *provision.Joined)
	// Commit applies the result; Discard drops it.
	Commit(p remoteprovisioning.RefreshProcedure)
	Discard()
}

// maxScanned is how many devices a scan can hold.
const maxScanned = 16

// Compile-time checks of what the node uses it as.
var (
	_ access.Model = (*Server)(nil)
	_ access.Waker = (*Server)(nil)
)

// Server is the Remote Provisioning Server model. It belongs to the primary
// element of a node.
type Server struct {
	host Host
	now  time.Time // time of the last input
	scan scan
	link link
}

// NewServer makes the model. Attach connects it to its node.
func NewServer() *Server { return &Server{} }

// Attach connects the model to its node, before its first message. Running
// procedures end.
func (s *Server) Attach(h Host) { *s = Server{host: h} }

// ID implements access.Model.
func (s *Server) ID() mesh.ModelID { return foundation.RemoteProvisioningServerID }

// Opcodes implements access.Model.
func (s *Server) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{
		remoteprovisioning.OpScanCapabilitiesGet,
		remoteprovisioning.OpScanGet,
		remoteprovisioning.OpScanStart,
		remoteprovisioning.OpScanStop,
		remoteprovisioning.OpExtendedScanStart,
		remoteprovisioning.OpLinkGet,
		remoteprovisioning.OpLinkOpen,
		remoteprovisioning.OpLinkClose,
		remoteprovisioning.OpPDUSend,
	}
}

// Receive implements access.Model. A message that cannot be decoded is ignored.
func (s *Server) Receive(ctx access.Context, in *access.Incoming) {
	if s.host == nil {
		return
	}
	s.now = ctx.Now()
	from := Client{Address: in.Src, NetKey: in.NetKey}
	switch in.Opcode {
	case remoteprovisioning.OpScanCapabilitiesGet:
		ctx.Reply(&remoteprovisioning.ScanCapabilitiesStatus{MaxScannedItems: maxScanned})
	case remoteprovisioning.OpScanGet:
		ctx.Reply(s.scanStatus(remoteprovisioning.Success))
	case remoteprovisioning.OpScanStart:
		var m remoteprovisioning.ScanStart
		if access.Decode(in.Params, &m) == nil {
			ctx.Reply(s.scanStatus(s.startScan(from, &m)))
		}
	case remoteprovisioning.OpScanStop:
		s.stopScan()
		ctx.Reply(s.scanStatus(remoteprovisioning.Success))
	case remoteprovisioning.OpExtendedScanStart:
		var m remoteprovisioning.ExtendedScanStart
		if access.Decode(in.Params, &m) == nil {
			s.startExtended(from, &m)
		}
	case remoteprovisioning.OpLinkGet:
		ctx.Reply(s.linkStatus(remoteprovisioning.Success))
	case remoteprovisioning.OpLinkOpen:
		var m remoteprovisioning.LinkOpen
		if access.Decode(in.Params, &m) == nil {
			s.openLink(ctx, from, &m)
		}
	case remoteprovisioning.OpLinkClose:
		var m remoteprovisioning.LinkClose
		if access.Decode(in.Params, &m) == nil {
			s.closeLink(ctx, from, &m)
		}
	case remoteprovisioning.OpPDUSend:
		var m remoteprovisioning.PDUSend
		if access.Decode(in.Params, &m) == nil {
			s.sendPDU(from, &m)
		}
	}
}

// Heard takes the beacon of an unprovisioned device.
func (s *Server) Heard(now time.Time, b *beacon.Unprovisioned, rssi int8) {
	if s.host == nil {
		return
	}
	s.now = now
	s.hear(b, rssi)
}

// ReceivePDU takes a PB-ADV PDU, and reports whether it belongs to the server's
// link.
func (s *Server) ReceivePDU(now time.Time, pdu []byte) bool {
	if s.link.served == nil {
		return false
	}
	if id, ok := provision.LinkOf(pdu); !ok || id != s.link.served.ID() {
		return false
	}
	s.now = now
	var out provision.Output
	result := s.link.served.Receive(now, pdu, &out)
	s.follow(&result, &out)
	return true
}

// NextDeadline implements access.Waker.
func (s *Server) NextDeadline() time.Time {
	return deadline.Earliest(s.scan.deadline(), s.link.deadline())
}

// Wake implements access.Waker.
func (s *Server) Wake(ctx access.Context) {
	s.now = ctx.Now()
	s.wakeScan()
	s.wakeLink()
}
