package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// collector is the context of a model that handles an item of a sequence: its
// answer goes into the answer to the sequence.
type collector struct {
	*modelContext
	answer access.Message
}

func (x *collector) Reply(m access.Message) {
	if x.answer == nil {
		x.answer = m
	}
}

// DispatchItem implements foundation.Dispatcher.
func (c *Core) DispatchItem(in *access.Incoming, element mesh.Address, op mesh.Opcode, params []byte) (access.Message, foundation.AggregatorStatus) {
	item := *in
	item.Dst, item.Opcode, item.Params = element, op, params
	status := foundation.AggregatorWrongOpcode
	var answer access.Message
	for _, i := range c.byOpcode[op] {
		switch {
		case int(element)-int(c.state.Address) != i.element:
		case !mayUse(i, &item):
			if status != foundation.AggregatorSuccess {
				status = foundation.AggregatorWrongAccessKey
			}
		default:
			x := collector{modelContext: &i.context}
			i.model.Receive(&x, &item)
			c.keep(i)
			status = foundation.AggregatorSuccess
			if answer == nil {
				answer = x.answer
			}
		}
	}
	return answer, status
}
