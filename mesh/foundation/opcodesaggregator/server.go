package opcodesaggregator

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// AggregatorHost is a Host that passes the messages of a sequence to its
// models.
type AggregatorHost interface {
	// DispatchItem passes an access message to the models of one element, with
	// the source, address and keys of in. It returns their answer, or nil for
	// none. It does not send the answer.
	DispatchItem(in *access.Incoming, element mesh.Address, op mesh.Opcode, params []byte) (answer access.Message, status StatusCode)
}

// Server is the Opcodes Aggregator Server model (section 4.4). It handles
// several messages in one and answers them in one.
type Server struct {
	foundation.Responder
}

// NewServer makes the model for the primary element of a node, whose
// Host is an AggregatorHost.
func NewServer() *Server {
	s := &Server{foundation.NewResponder(foundation.OpcodesAggregatorServerID)}
	foundation.On(s, func(in *access.Incoming, m *Sequence) access.Message { return s.sequence(in, m) })
	return s
}

// sequence handles the items in order, until one fails or the answers no longer
// fit.
func (s *Server) sequence(in *access.Incoming, m *Sequence) access.Message {
	status := &Status{ElementAddress: m.ElementAddress}
	dispatcher, ok := s.Host().(AggregatorHost)
	if !ok {
		return nil
	}
	if s.Host().State().Element(m.ElementAddress) == nil {
		status.Status = InvalidAddress
		return status
	}
	const header = 5 // octets of opcode, status and address
	size := header
	for _, item := range m.Items {
		op, params, err := access.ParseOpcode(item)
		if err != nil || op == OpSequence || op == OpStatus {
			status.Status = WrongOpcode // a sequence cannot contain a sequence
			return status
		}
		answer, outcome := dispatcher.DispatchItem(in, m.ElementAddress, op, params)
		if status.Status = outcome; outcome != Success {
			return status
		}
		var octets []byte
		if answer != nil {
			if octets, err = access.Append(nil, answer); err != nil {
				status.Status = MessageNotUnderstood
				return status
			}
		}
		const longest = 2 // octets of a length field
		if size += longest + len(octets); size > access.MaxPayload {
			status.Status = ResponseOverflow
			return status
		}
		status.Items = append(status.Items, octets)
	}
	return status
}
