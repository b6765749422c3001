package server

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Reply makes the answer to a message, nil for none.
type Reply func(now time.Time) access.Message

// Get handles a request for a state. Each message is decoded into m, which
// reply reads.
func (s *Server) Get(m access.Message, reply Reply) {
	s.on(m.Opcode(), m, func(ctx access.Context, _ *access.Incoming) { answer(ctx, reply) })
}

// Set handles the two forms of a message without a transaction identifier. m is
// the acknowledged form, which has the layout of both. If apply does not accept
// a message, it is ignored and not answered.
func (s *Server) Set(m access.Message, unacknowledged mesh.Opcode, apply func(now time.Time) bool, reply Reply) {
	s.on(m.Opcode(), m, func(ctx access.Context, _ *access.Incoming) {
		if apply(ctx.Now()) {
			answer(ctx, reply)
		}
	})
	s.on(unacknowledged, m, func(ctx access.Context, _ *access.Incoming) { apply(ctx.Now()) })
}

// Once is Set for a message with a transaction identifier, to which tid points
// in m: a repeated transaction is answered but not executed.
func (s *Server) Once(m access.Message, tid *uint8, unacknowledged mesh.Opcode, apply func(now time.Time) bool, reply Reply) {
	s.Within(m, tid, unacknowledged, func(now time.Time, again bool) bool { return again || apply(now) }, reply)
}

// Within is Once for a message that acts on each message of a transaction;
// apply is called with whether the transaction is that of the previous message.
func (s *Server) Within(m access.Message, tid *uint8, unacknowledged mesh.Opcode, apply func(now time.Time, again bool) bool, reply Reply) {
	accepted := func(ctx access.Context, in *access.Incoming) bool {
		again := s.transactions.Repeated(ctx.Now(), in.Src, in.Dst, *tid)
		return apply(ctx.Now(), again)
	}
	s.on(m.Opcode(), m, func(ctx access.Context, in *access.Incoming) {
		if accepted(ctx, in) {
			answer(ctx, reply)
		}
	})
	s.on(unacknowledged, m, func(ctx access.Context, in *access.Incoming) { accepted(ctx, in) })
}

func (s *Server) on(op mesh.Opcode, m access.Message, handle func(access.Context, *access.Incoming)) {
	s.opcodes = append(s.opcodes, op)
	s.handlers[op] = func(ctx access.Context, in *access.Incoming) {
		if access.Decode(in.Params, m) == nil {
			handle(ctx, in)
		}
	}
}

func answer(ctx access.Context, reply Reply) {
	if m := reply(ctx.Now()); m != nil {
		ctx.Reply(m)
	}
}
