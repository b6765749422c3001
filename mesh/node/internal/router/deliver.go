package router

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Flush hands out what the transport layer has put out since the last PDU, and
// reports whether there was a message or the end of one.
func (r *Router) Flush() bool { return r.collect(nil) }

// isQuiet reports whether the transport layer has put out nothing.
func (r *Router) isQuiet() bool {
	l := &r.lower
	return len(l.Network)+len(l.Replay)+len(l.Access)+len(l.Control)+len(l.Done)+len(l.Held)+len(l.Silenced) == 0
}

// collect hands out what the transport layer has put out: because of a PDU, or,
// with nil, of something else. What a model answers and what a request does next
// puts out more, hence the loop and the two buffers.
func (r *Router) collect(by *part.Received) bool {
	found := false
	for !r.isQuiet() {
		for _, e := range r.lower.Replay {
			r.cfg.Output.Replay = append(r.cfg.Output.Replay, store.ReplayEntry(e))
		}
		r.lower.Replay = r.lower.Replay[:0]
		for _, s := range r.lower.Silenced {
			r.host.Report(part.SourceSilenced(s))
		}
		r.lower.Silenced = r.lower.Silenced[:0]
		r.collectControl(by)
		messages := append(r.queue[:0], r.lower.Access...)
		done := append(r.done[:0], r.lower.Done...)
		r.queue, r.done = messages, done
		r.lower.Access, r.lower.Done = r.lower.Access[:0], r.lower.Done[:0]
		r.seal()
		if len(messages)+len(done) == 0 {
			return found
		}
		found = true
		for i := range messages {
			r.deliver(&messages[i], by)
		}
		for i := range done {
			r.to.Receiver.ReceiveDelivery(&done[i])
		}
	}
	return found
}

// collectControl hands out control messages, and segmented messages for Low
// Power nodes.
func (r *Router) collectControl(by *part.Received) {
	for _, held := range r.lower.Held {
		r.to.Friendship.KeepMessage(held)
	}
	r.lower.Held = r.lower.Held[:0]
	for i := range r.lower.Control {
		r.control = part.ControlMessage{ControlMessage: r.lower.Control[i]}
		if by != nil {
			r.control.Origin, r.control.By = by.Origin, by.By
		}
		if !r.to.Friendship.Allows(r.control.Src, r.control.By) {
			r.host.CountMalformed()
			continue
		}
		r.to.Receiver.ReceiveControl(&r.control)
	}
	r.lower.Control = r.lower.Control[:0]
}

// deliver hands out an access message.
func (r *Router) deliver(m *transport.AccessMessage, by *part.Received) {
	// A model that answers makes the transport layer use its memory again.
	r.payload = append(r.payload[:0], m.Payload...)
	op, params, err := access.ParseOpcode(r.payload)
	if err != nil {
		r.host.CountMalformed()
		return
	}
	r.access = part.AccessMessage{AccessMessage: *m, Opcode: op, Params: params}
	if by != nil {
		r.access.Origin = by.Origin
	}
	r.to.Receiver.ReceiveMessage(&r.access)
}
