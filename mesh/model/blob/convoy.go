package blob

import (
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Convoy lets several clients in push mode share their chunks: one that more
// than one node misses is sent once, to a group that all of them listen to.
// Blocks begin and end for all at the same time, for a chunk does not say which
// block it is of.
//
//	all: information, start | block 0: start, chunks, missing? ... | block 1 ... | complete?
type Convoy struct {
	clients  []*Client
	agreed   bool
	block    int // that all are at, noBlock between two
	strays   []stray
	maxCount uint16 // of chunks of a block
}

// stray is a node that was given up in the middle of a block: it still takes
// what it hears for chunks of that one.
type stray struct {
	left             *Client
	length           uint32 // of the block
	chunkSize, count int
}

// chunkLength is the octets of a chunk of a block; the last one may be shorter.
func chunkLength(block uint32, chunkSize, number int) int {
	return min(chunkSize, int(block)-number*chunkSize)
}

// NewConvoy joins clients that have not begun. All have the same object.
func NewConvoy(clients ...*Client) *Convoy {
	for _, c := range clients {
		c.options.Mode = Push
	}
	return &Convoy{clients: clients, block: noBlock}
}

// Shared is a message for some of the clients, by their numbers: for one its
// own node, for more the group.
type Shared struct {
	Ask
	To []int
}

// Done reports whether all transfers have ended.
func (v *Convoy) Done() bool { return v.every(func(c *Client) bool { return c.step == ended }) }

func (v *Convoy) every(is func(c *Client) bool) bool {
	return !slices.ContainsFunc(v.clients, func(c *Client) bool { return !is(c) })
}

// Next is what to send now. What is sent to more than one client is answered
// for each of them.
func (v *Convoy) Next(now time.Time) []Shared {
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

// Answer is Client.Answer for the client with a number.
func (v *Convoy) Answer(now time.Time, number int, m access.Message, failed error) {
	v.clients[number].Answer(now, m, failed)
}

// agree makes all clients use the same blocks and chunks, those that the
// weakest node can take, once all know what theirs can.
func (v *Convoy) agree() {
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
			c.end(fmt.Errorf("%w: it cannot take the same blocks as the others", ErrNoMatch))
			continue
		}
		c.blockLog, c.maxChunk = blockLog, chunk
	}
}

// turn goes to the next block when all are done with the last one: the first
// that any node lacks.
func (v *Convoy) turn() {
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

// lose notes the nodes that were given up in the block that ends.
func (v *Convoy) lose() {
	for _, c := range v.clients {
		known := slices.ContainsFunc(v.strays, func(s stray) bool { return s.left == c })
		if c.step == ended && c.Err() != nil && c.blocks != nil && c.block >= 0 && c.chunkSize > 0 && !known {
			v.strays = append(v.strays, stray{c, c.length(), int(c.chunkSize), c.count})
		}
	}
}

// cut chooses the chunks of the block: as large as they may be, but none that a
// node which was given up would take for one of its own block.
func (v *Convoy) cut() {
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

// confuses reports whether a node that was given up would take a chunk of a
// client's block.
func (v *Convoy) confuses(c *Client) bool {
	for _, s := range v.strays {
		for number := range min(c.count, s.count) {
			if chunkLength(s.length, s.chunkSize, number) == chunkLength(c.length(), int(c.chunkSize), number) {
				return true
			}
		}
	}
	return false
}

// chunk is the first chunk that a node lacks, once no client asks any more.
func (v *Convoy) chunk(now time.Time) (Shared, bool) {
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
		// One in a block that an earlier client has begun gets its chunks for
		// itself. So do all, if a node that was given up could take them.
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

// Abort ends the transfer of a client, in the middle of whatever it does. The
// node is not told.
func (c *Client) Abort() {
	if c.step != ended {
		c.waiting = false
		c.end(ErrAborted)
	}
}
