package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// responder is what the servers of a node's own states have in common: each
// message changes the state of the node and has one answer or none.
type responder struct {
	id       mesh.ModelID
	host     Host
	opcodes  []mesh.Opcode
	handlers map[mesh.Opcode]func(in *access.Incoming) access.Message
}

func newResponder(id mesh.ModelID) responder {
	return responder{id: id, handlers: map[mesh.Opcode]func(*access.Incoming) access.Message{}}
}

// Attach implements Attacher.
func (r *responder) Attach(h Host) { r.host = h }

// Host is the node, nil before Attach.
func (r *responder) Host() Host { return r.host }

// ID implements access.Model.
func (r *responder) ID() mesh.ModelID { return r.id }

// Opcodes implements access.Model.
func (r *responder) Opcodes() []mesh.Opcode { return r.opcodes }

// Receive implements access.Model. A message that cannot be decoded is ignored.
func (r *responder) Receive(ctx access.Context, in *access.Incoming) {
	if answer := r.Answer(in); answer != nil {
		ctx.Reply(answer)
	}
}

// Answer acts on a message; nil when there is nothing to say.
func (r *responder) Answer(in *access.Incoming) access.Message {
	handle := r.handlers[in.Opcode]
	if handle == nil || r.host == nil {
		return nil
	}
	return handle(in)
}

// Change changes the node's state.
func (r *responder) Change(f func(*state.Node)) {
	f(r.host.State())
	r.host.Changed()
}

// Register says what to do with the messages of an opcode. Its answer may be nil.
func (r *responder) Register(op mesh.Opcode, handle func(in *access.Incoming) access.Message) {
	r.opcodes = append(r.opcodes, op)
	r.handlers[op] = handle
}

// registrar is a server that embeds a responder.
type registrar interface {
	Register(op mesh.Opcode, handle func(in *access.Incoming) access.Message)
}

// on registers what to do with the messages of type T. The answer may be nil.
func on[T any, M interface {
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
