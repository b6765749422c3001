package commission

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// aggregateAttempts is how often a sequence is sent. A node that does not answer it may
// not understand it, and gets its messages one by one.
const aggregateAttempts = 8

// aggregate sends items in Opcodes Aggregator Sequences (section 4.3.9), as long as the
// node answers them, and returns the items that were not answered.
//
//	Sequence  | element | bind | bind | ... | publication |    one segmented message
//	Status    | status  | element | answer | answer | ... |    one answer for each, in order
func (c *configurator) aggregate(ctx context.Context, items []*item) (left []*item, err error) {
	const worth = 2 // items, for which a sequence is shorter than single messages
	for len(items) >= worth && c.aggregates {
		n, sequence, err := c.sequence(items)
		if err != nil {
			return nil, err
		}
		to := server(c.peer)
		to.attempts = aggregateAttempts
		status, err := ask(ctx, c, to, sequence, func(s *opcodesaggregator.Status) bool {
			return s.ElementAddress == sequence.ElementAddress && len(s.Items) <= n
		})
		if errors.Is(err, node.ErrNoResponse) || errors.Is(err, node.ErrNotSent) {
			c.aggregates = false
			break
		}
		if err != nil {
			return nil, fmt.Errorf("commission: the Opcodes Aggregator Sequence to %s: %w", c.peer.Address, err)
		}
		c.aggregates = status.Status == opcodesaggregator.Success && len(status.Items) == n
		left = append(left, c.take(items[:n], status)...)
		items = items[n:]
	}
	return append(left, items...), nil
}

// sequence puts as many items into a sequence as fit into it, and whose answers fit into
// its status.
func (c *configurator) sequence(items []*item) (n int, m *opcodesaggregator.Sequence, err error) {
	const (
		header = 5 // octets of the opcode, the status and the address
		length = 2 // at most, before an item
		answer = 3 // octets that an answer is longer than the message, at most
	)
	m = &opcodesaggregator.Sequence{ElementAddress: c.peer.Address}
	size := header
	for _, i := range items {
		octets, err := access.Append(nil, i.message)
		if err != nil {
			return 0, nil, err
		}
		longest := len(octets) + answer
		if i.respond == configuration.OpModelPublicationStatus {
			longest = publicationStatusSize
		}
		if size += length + longest; size > access.MaxPayload {
			break
		}
		m.Items = append(m.Items, octets)
	}
	return len(m.Items), m, nil
}

// publicationStatusSize is the length of a Model Publication Status of a vendor model in
// octets; that of a Get is much shorter.
const publicationStatusSize = 16

// take gives the answers of a status to their items, and returns the items without an
// answer of their own.
func (c *configurator) take(items []*item, status *opcodesaggregator.Status) (left []*item) {
	before := c.step.Done
	for at, i := range items {
		var refusal error
		ok := false
		if at < len(status.Items) {
			if op, params, err := access.ParseOpcode(status.Items[at]); err == nil && op == i.respond {
				refusal, ok = i.read(params)
			}
		}
		switch {
		case !ok:
			left = append(left, i)
		case c.unbound[i.at] && i.step != stepBind:
			c.end(i, nil) // it could not be done without the binding, which is recorded
		default:
			c.end(i, refusal)
		}
	}
	if c.step.Done > before {
		c.show()
	}
	return left
}

// hasAggregator reports whether a node lists an Opcodes Aggregator Server.
func hasAggregator(c *configuration.Composition) bool {
	return len(c.Elements) > 0 && slices.Contains(c.Elements[0].Models, foundation.OpcodesAggregatorServerID)
}
