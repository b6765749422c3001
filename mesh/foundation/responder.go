package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Responder is what the servers of a node's own states have in common: each
// message changes the state of the node and has one answer or none.
type Responder struct {
	id       mesh.ModelID
	host     Host
	opcodes  []mesh.Opcode
	handlers map[mesh.Opcode]func(in *access.Incoming) access.Message
}

// NewResponder makes the frame of a server with this model identifier; On fills
// it.
func NewResponder(id mesh.ModelID) Responder {
	return Responder{id: id, handlers: map[mesh.Opcode]func(*access.Incoming) access.Message{}}
}

// Attach implements HostedModel.
func (r *Responder) Attach(h Host) { r.host = h }

// Host is the node, nil before Attach.
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

// Answer acts on a message. It is nil for a message without an answer, an opcode
// that is not registered, parameters that cannot be decoded, and a server without
// a node.
func (r *Responder) Answer(in *access.Incoming) access.Message {
	handle := r.handlers[in.Opcode]
	if handle == nil || r.host == nil {
		return nil
	}
	return handle(in)
}

// Change changes the state of the node and tells the node.
func (r *Responder) Change(f func(*state.Node)) {
	r.host.Edit(func(n *state.Node) bool {
		f(n)
		return true
	})
}

// Register says what to do with the messages of an opcode. Its answer may be nil.
func (r *Responder) Register(op mesh.Opcode, handle func(in *access.Incoming) access.Message) {
	r.opcodes = append(r.opcodes, op)
	r.handlers[op] = handle
}

// registrar is a server that embeds a Responder.
type registrar interface {
	Register(op mesh.Opcode, handle func(in *access.Incoming) access.Message)
}

// On registers what to do with the messages of type T. The answer may be nil.
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
