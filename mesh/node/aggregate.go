package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
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

// DispatchItem implements opcodesaggregator.Dispatcher.
func (c *Core) DispatchItem(in *access.Incoming, element mesh.Address, op mesh.Opcode, params []byte) (access.Message, opcodesaggregator.StatusCode) {
	item := *in
	item.Dst, item.Opcode, item.Params = element, op, params
	status := opcodesaggregator.WrongOpcode
	var answer access.Message
	for _, i := range c.byOpcode[op] {
		switch {
		case int(element)-int(c.state.Address) != i.element:
		case !mayUse(i, &item):
			if status != opcodesaggregator.Success {
				status = opcodesaggregator.WrongAccessKey
			}
		default:
			x := collector{modelContext: &i.context}
			i.model.Receive(&x, &item)
			c.keep(i)
			status = opcodesaggregator.Success
			if answer == nil {
				answer = x.answer
			}
		}
	}
	return answer, status
}
