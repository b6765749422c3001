package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Compile-time checks of what the node uses it as.
var (
	_ access.Model = (*Responder)(nil)
	_ HostedModel  = (*Responder)(nil)
)

// Responder is the common part of the servers of a node's states. Each message
// reads or changes the state of the node and has one answer or none.
type Responder struct {
	id       mesh.ModelID
	host     Host
	opcodes  []mesh.Opcode
	handlers map[mesh.Opcode]func(in *access.Incoming) access.Message
}

// NewResponder makes a server without handlers for this model identifier; On
// adds them.
func NewResponder(id mesh.ModelID) Responder {
	return Responder{id: id, handlers: map[mesh.Opcode]func(*access.Incoming) access.Message{}}
}

// Attach implements HostedModel.
func (r *Responder) Attach(h Host) { r.host = h }

// Host returns the node, nil before Attach.
func (r *Responder) Host() Host { return r.host }

// ID implements access.Model.
func (r *Responder) ID() mesh.ModelID { return r.id }

// Opcodes implements access.Model.
func (r *Responder) Opcodes() []mesh.Opcode { return r.opcodes }

// Receive implements access.Model. A message that cannot be decoded is ignored.
func (r *Responder) Receive(ctx access.Context, in *access.Incoming) {
	if answer := r.Answer(in); answer != nil {
		ctx.Reply(answer)
	}
}

// Answer handles a message and returns the answer. It returns nil for a message
// without an answer, an opcode without a handler, parameters that cannot be
// decoded, and a server without a node.
func (r *Responder) Answer(in *access.Incoming) access.Message {
	handle := r.handlers[in.Opcode]
	if handle == nil || r.host == nil {
		return nil
	}
	return handle(in)
}

// Change changes the state of the node by Host.Edit.
func (r *Responder) Change(f func(*state.Node)) {
	r.host.Edit(func(n *state.Node) bool {
		f(n)
		return true
	})
}

// Register sets the handler for the messages of an opcode. It may return nil as
// the answer.
func (r *Responder) Register(op mesh.Opcode, handle func(in *access.Incoming) access.Message) {
	r.opcodes = append(r.opcodes, op)
	r.handlers[op] = handle
}

// registrar is a server that embeds a Responder.
type registrar interface {
	Register(op mesh.Opcode, handle func(in *access.Incoming) access.Message)
}

// On sets the handler for the messages of type T. It may return nil as the
// answer.
func On[T any, M interface {
	*T
	access.Message
}](s registrar, f func(in *access.Incoming, m M) access.Message) {
	s.Register(M(new(T)).Opcode(), func(in *access.Incoming) access.Message {
		m := M(new(T))
		if access.Decode(in.Params, m) != nil {
			return nil
		}
		return f(in, m)
	})
}
