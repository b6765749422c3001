package blob

import (
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// MulticastTransfer lets several clients in push mode share their chunks: a chunk that
// more than one node lacks is sent once, to a group that all of them are
// subscribed to. All nodes begin and end blocks at the same time, because a
// chunk does not say which block it belongs to.
//
//	all: information, start | block 0: start, chunks, missing? ... | block 1 ... | complete?
type MulticastTransfer struct {
	clients  []*Client
	agreed   bool
	block    int // current block of all, noBlock between two
	strays   []stray
	maxCount uint16 // chunks of a block
}

// stray is a node that was given up in the middle of a block: it still accepts
// chunks as belonging to that block.
type stray struct {
	left             *Client
	length           uint32 // of the block
	chunkSize, count int
}

// chunkLength is the length in octets of a chunk of a block; the last one may
// be shorter.
func chunkLength(block uint32, chunkSize, number int) int {
	return min(chunkSize, int(block)-number*chunkSize)
}

// NewMulticastTransfer joins clients that have not begun. All must have the same object.
func NewMulticastTransfer(clients ...*Client) *MulticastTransfer {
	for _, c := range clients {
		c.options.Mode = Push
	}
	return &MulticastTransfer{clients: clients, block: noBlock}
}

// Shared is a message for some of the clients, by their numbers. For one client
// it is sent to its node, for more to the group.
type Shared struct {
	Ask
	To []int
}

// Done reports whether all transfers have ended.
func (v *MulticastTransfer) Done() bool {
	return v.every(func(c *Client) bool { return c.step == ended })
}

func (v *MulticastTransfer) every(is func(c *Client) bool) bool {
	return !slices.ContainsFunc(v.clients, func(c *Client) bool { return !is(c) })
}

// Next returns what to send now. A message to more than one client is answered
// for each of them.
func (v *MulticastTransfer) Next(now time.Time) []Shared {
	v.agree()
	v.turn()
	var all []Shared
	for i, c := range v.clients {
		switch c.step {
		case sendChunk, ended:
			continue
		case askStart:
			if !v.agreed {
				continue
			}
		case askBlock:
			if c.block != v.block {
				continue
			}
		}
		if ask, ok := c.Next(now); ok {
			all = append(all, Shared{ask, []int{i}})
		}
	}
	if chunk, ok := v.chunk(now); ok {
		all = append(all, chunk)
	}
	return all
}

// Answer is Client.Answer for the client with this number.
func (v *MulticastTransfer) Answer(now time.Time, number int, m access.Message, failed error) {
	v.clients[number].Answer(now, m, failed)
}

// agree makes all clients use the same blocks and chunks, which the weakest
// node supports, once the limits of all nodes are known.
func (v *MulticastTransfer) agree() {
	if v.agreed || !v.every(func(c *Client) bool { return c.step != askInformation }) {
		return
	}
	v.agreed = true
	var blockLog uint8 = 0xFF
	var chunk, count uint16 = 0xFFFF, 0xFFFF
	for _, c := range v.clients {
		if c.step != ended {
			blockLog, chunk, count = min(blockLog, c.blockLog), min(chunk, c.maxChunk), min(count, c.maxCount)
		}
	}
	for blockLog > 0 && blockLog < 64 && uint64(chunk)*uint64(count) < 1<<blockLog {
		blockLog--
	}
	v.maxCount = count
	for _, c := range v.clients {
		if c.step == ended {
			continue
		}
		if blockLog < c.leastLog || c.mode != Push {
			c.end(fmt.Errorf("%w: it does not support the same blocks as the others", ErrNoMatch))
			continue
		}
		c.blockLog, c.maxChunk = blockLog, chunk
	}
}

// turn goes to the next block when all have finished the current one: the first
// that any node lacks.
func (v *MulticastTransfer) turn() {
	next := noBlock
	for _, c := range v.clients {
		switch c.step {
		case askInformation, askStart, askWhere:
			return
		case askBlock:
			if c.block == v.block {
				return
			}
			if next == noBlock || c.block < next {
				next = c.block
			}
		case sendChunk, askMissing:
			return
		}
	}
	v.lose()
	v.block = next
	v.cut()
}

// lose records the nodes that were given up in the block that ends.
func (v *MulticastTransfer) lose() {
	for _, c := range v.clients {
		known := slices.ContainsFunc(v.strays, func(s stray) bool { return s.left == c })
		if c.step == ended && c.Err() != nil && c.blocks != nil && c.block >= 0 && c.chunkSize > 0 && !known {
			v.strays = append(v.strays, stray{c, c.length(), int(c.chunkSize), c.count})
		}
	}
}

// cut chooses the chunks of the block: as large as possible, but not such that
// a node that was given up would accept them for its own block.
func (v *MulticastTransfer) cut() {
	if len(v.strays) == 0 {
		return
	}
	for _, c := range v.clients {
		if c.step != askBlock || c.block != v.block {
			continue
		}
		for size := c.maxChunk; size > 0; size-- {
			if c.cut(size); c.count > int(v.maxCount) {
				c.cut(c.maxChunk) // there is none
				break
			}
			if !v.confuses(c) {
				break
			}
		}
	}
}

// confuses reports whether a node that was given up would accept a chunk of a
// client's block.
func (v *MulticastTransfer) confuses(c *Client) bool {
	for _, s := range v.strays {
		for number := range min(c.count, s.count) {
			if chunkLength(s.length, s.chunkSize, number) == chunkLength(c.length(), int(c.chunkSize), number) {
				return true
			}
		}
	}
	return false
}

// chunk returns the first chunk that a node lacks, once no client has a pending
// request.
func (v *MulticastTransfer) chunk(now time.Time) (Shared, bool) {
	first := noBlock
	for _, c := range v.clients {
		switch c.step {
		case sendChunk:
			if c.waiting {
				return Shared{}, false
			}
			if first == noBlock || c.chunk < first {
				first = c.chunk
			}
		case askBlock:
			if c.block == v.block {
				return Shared{}, false
			}
		case askWhere, askMissing:
			return Shared{}, false
		}
	}
	var members []int
	for i, c := range v.clients {
		if c.step != sendChunk || c.chunk != first {
			continue
		}
		// A client in a block that an earlier client has begun gets its own
		// chunks. So do all if a node that was given up could accept them.
		if len(members) == 0 || !c.alone && !v.clients[members[0]].alone && !v.confuses(c) {
			members = append(members, i)
		}
	}
	var shared Shared
	for _, i := range members {
		if ask, ok := v.clients[i].Next(now); ok {
			shared.Ask = ask
			shared.To = append(shared.To, i)
		}
	}
	return shared, len(shared.To) > 0
}

// Abort ends the transfer of a client at once. The node is not informed.
func (c *Client) Abort() {
	if c.step != ended {
		c.waiting = false
		c.end(ErrAborted)
	}
}
