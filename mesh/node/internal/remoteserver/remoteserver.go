// Package remoteserver joins the Remote Provisioning Server model (Mesh Protocol
// 1.1, section 4.4.5) to its node: the messages that have to arrive, the radio, and
// the node's own identity, which the Node Provisioning Protocol Interface
// procedures renew (section 3.11.8). The model is that of mesh/remote.
package remoteserver

import (
	"io"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Limits of what a server has to say: how often it tries, and how much may wait.
// Reports of sixteen devices and those of a link are far fewer.
const (
	maxAttempts = 3
	maxWaiting  = 64
)

// Sender sends access messages.
type Sender interface {
	// Send returns a handle when the message is segmented.
	Send(o *part.Outgoing, payload []byte) (transport.Handle, error)
}

// Radio sends the PDUs of PB-ADV links.
type Radio interface {
	Send(cancel []bearer.Lane, send []bearer.Outgoing)
}

// Candidate keeps the device key candidate.
type Candidate interface{ SetCandidate(key crypto.Key) }

// Composition is the elements and models of the node's program.
type Composition interface {
	HasNewComposition() bool
	TakeComposition() error
}

// Config is what the part works with.
type Config struct {
	Host        part.Host
	Sender      Sender
	Radio       Radio
	Keys        Candidate
	Composition Composition
	Elements    int // of the node's program
}

// Server is the part of a node that has a Remote Provisioning Server.
type Server struct {
	part.None
	cfg     Config
	host    part.Host
	codec   access.Codec
	model   *remote.Server // nil without the model
	waiting []message
	renewed *provision.Joined // outcome of a procedure that is not committed yet
}

// Compile-time checks of what others use it as.
var (
	_ part.Part   = (*Server)(nil)
	_ remote.Host = (*Server)(nil)
)

// message is a message to a client on its way, or behind one that is.
type message struct {
	to       remote.Client
	payload  []byte
	done     func(delivered bool)
	attempts int
	handle   transport.Handle // while it is on its way
}

// New makes the part. Serve follows, if the node has the model.
func New(cfg Config) *Server { return &Server{cfg: cfg, host: cfg.Host} }

// Serve introduces the node to the model.
func (s *Server) Serve(m *remote.Server) {
	s.model = m
	m.Attach(s)
}

// LeftNetwork implements part.Part.
func (s *Server) LeftNetwork() error {
	s.waiting, s.renewed = nil, nil
	if s.model != nil {
		s.model.Attach(s)
	}
	return nil
}

// Inputs implements part.Part.
func (s *Server) Inputs() part.Inputs { return part.Beacon | part.Provisioning | part.Delivery }

// Input implements part.Part.
func (s *Server) Input(in *part.Input) bool {
	switch {
	case s.model == nil:
	case in.Kind == part.Beacon:
		s.hear(in)
	case in.Kind == part.Provisioning:
		return s.model.ReceivePDU(s.host.Now(), in.PDU)
	case in.Kind == part.Delivery:
		return s.delivered(in.Delivery)
	}
	return false
}

// hear takes the beacon of an unprovisioned device to a scan.
func (s *Server) hear(in *part.Input) {
	if kind, err := beacon.TypeOf(in.PDU); err != nil || kind != beacon.TypeUnprovisioned || !s.host.State().IsProvisioned() {
		return
	}
	if b, err := beacon.ParseUnprovisioned(in.PDU); err == nil {
		s.model.Heard(s.host.Now(), &b, in.Origin.RSSI)
	}
}

// UUID implements remote.Host.
func (s *Server) UUID() mesh.UUID { return s.host.State().UUID }

// Random implements remote.Host.
func (s *Server) Random() io.Reader { return s.host.Random() }

// SendTo implements remote.Host.
func (s *Server) SendTo(to remote.Client, m access.Message, done func(bool)) {
	payload, err := s.codec.Append(nil, m)
	if err != nil || len(s.waiting) >= maxWaiting {
		s.host.CountUnsent(err)
		if done != nil {
			done(false)
		}
		return
	}
	s.waiting = append(s.waiting, message{to: to, payload: payload, done: done})
	s.next()
}

// next sends the first message unless it is on its way. One at a time keeps them
// in order.
func (s *Server) next() {
	for len(s.waiting) > 0 && s.waiting[0].handle == 0 {
		m, n := &s.waiting[0], s.host.State()
		m.attempts++
		handle, err := s.cfg.Sender.Send(&part.Outgoing{
			Src: n.Address, Dst: m.to.Address, NetKey: m.to.NetKey,
			Key: transport.Key{Device: n.Address}, TTL: n.DefaultTTL, Segmented: true,
		}, m.payload)
		if err == nil && handle != 0 {
			m.handle = handle
			return
		}
		s.end(err == nil)
	}
}

// delivered follows a message of the server. It reports false for any other.
func (s *Server) delivered(d *transport.Delivery) bool {
	if len(s.waiting) == 0 || s.waiting[0].handle != d.Message {
		return false
	}
	m := &s.waiting[0]
	m.handle = 0
	if d.Result.Success() || m.attempts >= maxAttempts {
		s.end(d.Result.Success())
	}
	s.next()
	return true
}

func (s *Server) end(delivered bool) {
	done := s.waiting[0].done
	s.waiting = slices.Delete(s.waiting, 0, 1)
	if done != nil {
		done(delivered)
	}
}

// Radio implements remote.Host.
func (s *Server) Radio(out *provision.Output) { s.cfg.Radio.Send(out.Cancel, out.Send) }
