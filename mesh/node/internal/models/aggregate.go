package models

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
)

// collector is the context of a model that handles an item of an Opcodes
// Aggregator Sequence: its answer goes into the answer to the sequence.
type collector struct {
	*context
	answer access.Message
}

var _ access.Context = (*collector)(nil)

// Reply implements access.Context.
func (x *collector) Reply(m access.Message) {
	if x.answer == nil {
		x.answer = m
	}
}

// DispatchItem implements opcodesaggregator.AggregatorHost.
func (m *Models) DispatchItem(in *access.Incoming, element mesh.Address, op mesh.Opcode, params []byte) (access.Message, opcodesaggregator.StatusCode) {
	item := *in
	item.Dst, item.Opcode, item.Params = element, op, params
	status := opcodesaggregator.WrongOpcode
	var answer access.Message
	for _, i := range m.byOpcode[op] {
		switch {
		case int(element)-int(m.host.State().Address) != i.element:
		case !mayUse(i, &item):
			if status != opcodesaggregator.Success {
				status = opcodesaggregator.WrongAccessKey
			}
		default:
			x := collector{context: &i.context}
			i.model.Receive(&x, &item)
			m.keep(i)
			status = opcodesaggregator.Success
			if answer == nil {
				answer = x.answer
			}
		}
	}
	return answer, status
}
