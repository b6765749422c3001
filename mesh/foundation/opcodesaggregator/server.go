package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Dispatcher is a Host that hands messages of a sequence to its models.
type Dispatcher interface {
	// DispatchItem gives an access message to the models of one element, as if
	// it had come with the address, the keys and the source of in, and returns
	// what they answered, nil for nothing. The answer is not sent.
	DispatchItem(in *access.Incoming, element mesh.Address, op mesh.Opcode, params []byte) (answer access.Message, status AggregatorStatus)
}

// AggregatorServer is the Opcodes Aggregator Server model (section 4.4): it
// takes many messages in one and answers them in one.
type AggregatorServer struct {
	responder
}

// NewAggregatorServer makes the model for the primary element of a node, whose
// Host is a Dispatcher.
func NewAggregatorServer() *AggregatorServer {
	s := &AggregatorServer{newResponder(OpcodesAggregatorServerID)}
	on(s, func(in *access.Incoming, m *OpcodesAggregatorSequence) access.Message { return s.sequence(in, m) })
	return s
}

// sequence handles the items in their order, until one fails or the answers no
// longer fit.
func (s *AggregatorServer) sequence(in *access.Incoming, m *OpcodesAggregatorSequence) access.Message {
	status := &OpcodesAggregatorStatus{ElementAddress: m.ElementAddress}
	dispatcher, ok := s.Host().(Dispatcher)
	if !ok {
		return nil
	}
	if s.Host().State().Element(m.ElementAddress) == nil {
		status.Status = AggregatorInvalidAddress
		return status
	}
	const header = 5 // octets of opcode, status and address
	size := header
	for _, item := range m.Items {
		op, params, err := access.ParseOpcode(item)
		if err != nil || op == OpOpcodesAggregatorSequence || op == OpOpcodesAggregatorStatus {
			status.Status = AggregatorWrongOpcode // a sequence holds no sequence
			return status
		}
		answer, outcome := dispatcher.DispatchItem(in, m.ElementAddress, op, params)
		if status.Status = outcome; outcome != AggregatorSuccess {
			return status
		}
		var octets []byte
		if answer != nil {
			if octets, err = access.Append(nil, answer); err != nil {
				status.Status = AggregatorMessageNotUnderstood
				return status
			}
		}
		const longest = 2 // octets of a length
		if size += longest + len(octets); size > access.MaxPayload {
			status.Status = AggregatorResponseOverflow
			return status
		}
		status.Items = append(status.Items, octets)
	}
	return status
}
