package server

import (
	"bytes"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// Machine is the state behind the servers of a Group.
type Machine interface {
	// Deadline is when Advance has something to do; zero for never.
	Deadline() time.Time
	// Advance brings the state up to date. It reports changes with
	// Group.Changed.
	Advance(now time.Time)
	// State and Restore are those of access.Persistent: the stored state,
	// target values only.
	State() []byte
	Restore(state []byte) error
}

// Group is the servers of one machine. The first server stores the machine's
// state and wakes it.
type Group struct {
	machine Machine
	servers []*Server
	touched time.Time // when the machine last changed without being saved
}

// NewGroup makes a group without servers.
func NewGroup(m Machine) *Group { return &Group{machine: m} }

// Add adds a server that publishes status whenever the machine has changed. For
// setup servers, which have no status, it is nil.
func (g *Group) Add(id mesh.ModelID, status func(now time.Time) access.Message) *Server {
	s := g.AddSetting(id, status)
	s.follows = status != nil
	return s
}

// AddSetting adds a server that publishes status only when its own Changed is
// called.
func (g *Group) AddSetting(id mesh.ModelID, status func(now time.Time) access.Message) *Server {
	s := &Server{id: id, group: g, status: status, periodic: status}
	s.handlers = map[mesh.Opcode]func(access.Context, *access.Incoming){}
	g.servers = append(g.servers, s)
	return s
}

// Changed makes all servers of the group publish their changes, and saves the
// machine.
func (g *Group) Changed(now time.Time) {
	g.touched = now
	for _, s := range g.servers {
		if s.follows {
			s.due = now
		}
	}
}

// Save saves the machine without publishing.
func (g *Group) Save(now time.Time) { g.touched = now }

// Compile-time checks of what the node uses it as.
var (
	_ access.Model      = (*Server)(nil)
	_ access.Waker      = (*Server)(nil)
	_ access.Publisher  = (*Server)(nil)
	_ access.Persistent = (*Server)(nil)
)

// Server is a server model as a view of a machine. It implements access.Model,
// access.Waker, access.Publisher and access.Persistent.
type Server struct {
	id       mesh.ModelID
	group    *Group
	status   func(now time.Time) access.Message
	periodic func(now time.Time) access.Message
	follows  bool

	opcodes      []mesh.Opcode
	handlers     map[mesh.Opcode]func(access.Context, *access.Incoming)
	transactions Transactions

	due       time.Time // a publication is due
	published []byte    // the last one
}

// ID implements access.Model.
func (s *Server) ID() mesh.ModelID { return s.id }

// Opcodes implements access.Model.
func (s *Server) Opcodes() []mesh.Opcode { return s.opcodes }

// Receive implements access.Model. An invalid or prohibited message is ignored
// (section 3.7.4.1).
func (s *Server) Receive(ctx access.Context, in *access.Incoming) {
	if handle := s.handlers[in.Opcode]; handle != nil {
		s.group.machine.Advance(ctx.Now())
		handle(ctx, in)
	}
}

// leads reports whether the server stores the machine's state and wakes it.
func (s *Server) leads() bool { return s.group.servers[0] == s }

// NextDeadline implements access.Waker.
func (s *Server) NextDeadline() time.Time {
	next := s.due
	if s.leads() {
		next = deadline.Earliest(next, s.group.touched)
		next = deadline.Earliest(next, s.group.machine.Deadline())
	}
	return next
}

// Wake implements access.Waker.
func (s *Server) Wake(ctx access.Context) {
	if s.leads() {
		s.group.machine.Advance(ctx.Now())
		s.group.touched = time.Time{} // the node saves State after this call
	}
	if s.due.IsZero() {
		return
	}
	s.due = time.Time{}
	m := s.status(ctx.Now())
	octets, err := access.Append(nil, m)
	if err != nil || bytes.Equal(octets, s.published) {
		return // nothing has changed in this view
	}
	if ctx.Publish(m) {
		s.published = octets
	}
}

// Changed makes only this server publish its status, and saves the machine.
func (s *Server) Changed(now time.Time) {
	s.group.touched = now
	s.due = now
}

// Periodic sets another message for periodic publication than for changes.
func (s *Server) Periodic(status func(now time.Time) access.Message) { s.periodic = status }

// PublishPeriodically implements access.Publisher.
func (s *Server) PublishPeriodically(ctx access.Context) {
	if s.periodic != nil {
		ctx.Publish(s.periodic(ctx.Now()))
	}
}

// State implements access.Persistent.
func (s *Server) State() []byte {
	if !s.leads() {
		return nil
	}
	return s.group.machine.State()
}

// Restore implements access.Persistent.
func (s *Server) Restore(state []byte) error {
	if !s.leads() {
		return nil
	}
	return s.group.machine.Restore(state)
}
