package network

import (
	"encoding/binary"
	"math/bits"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// The network message cache (section 3.4.6.5) is two tables. Only authentic
// PDUs are added to them, so nobody without the keys can displace entries or
// make a message look like a duplicate.
//
// Both tables are divided into sets of a few entries. The hash of an entry
// selects its set, where it replaces the oldest entry. So a look-up reads one
// or two cache lines for any input, an insertion moves nothing, and no input
// makes either slow. In return, the number of remembered messages is only an
// average.

// message identifies a message within the cache: subnet, low bits of the IV
// index, length of the PDU in octets, SEQ and SRC, from high to low. Zero is
// not a valid message, because SRC is never zero.
//
// Seven bits of the IV index are enough: it changes at most once in 96 hours,
// when sequence numbers start over. The subnet is included because a subnet
// bridge sends the same SRC and SEQ on both sides. The length is included
// because BlueZ before 5.84 removes four octets from what it relays and
// encrypts the rest again. That PDU is authentic, but must not suppress the
// whole message, which arrives over another path.
type message uint64

func messageOf(index mesh.KeyIndex, iv mesh.IVIndex, length int, seq mesh.SequenceNumber, src mesh.Address) message {
	return message(index&0xFFF)<<52 | message(iv&0x7F)<<45 | message(length&0x1F)<<40 | message(seq)<<16 | message(src)
}

const messageWays = 8 // eight entries of eight octets fill a cache line

// messages remembers the identity of authentic messages.
type messages struct {
	sets  [][messageWays]message
	next  []uint8 // index of the oldest entry of each set
	shift int     // shift of the hash, so that its highest bits select the set
}

// newMessages makes room for size messages, a power of two of at least
// messageWays.
func newMessages(size int) messages {
	sets := size / messageWays
	return messages{
		sets:  make([][messageWays]message, sets),
		next:  make([]uint8, sets),
		shift: 64 - bits.TrailingZeros(uint(sets)),
	}
}

// set spreads values that differ in a few bits over the whole table, with the
// golden ratio (multiplicative hashing).
func (c *messages) set(m message) int { return int(uint64(m) * 0x9E3779B97F4A7C15 >> c.shift) }

func (c *messages) has(m message) bool {
	for _, known := range &c.sets[c.set(m)] {
		if known == m {
			return true
		}
	}
	return false
}

func (c *messages) add(m message) {
	s := c.set(m)
	c.sets[s][c.next[s]] = m
	c.next[s] = (c.next[s] + 1) % messageWays
}

// forget removes the messages of one source.
func (c *messages) forget(src mesh.Address) {
	for s := range c.sets {
		for i, m := range c.sets[s] {
			if mesh.Address(m) == src {
				c.sets[s][i] = 0
			}
		}
	}
}

// clear removes everything.
func (c *messages) clear() { clear(c.sets) }

// image is a whole PDU in four words, padded with zeros; the last octet is its
// length. Zero is not a PDU.
type image [4]uint64

// imageOf reads a PDU of minPDU to MaxPDU octets as words. The last word is
// read so that it ends with the PDU; the part that it shares with the previous
// word is shifted out.
func imageOf(pdu []byte) image {
	n := len(pdu)
	le := binary.LittleEndian
	var v image
	v[0] = le.Uint64(pdu)
	last := le.Uint64(pdu[n-8:])
	switch {
	case n > 24:
		v[1], v[2], v[3] = le.Uint64(pdu[8:]), le.Uint64(pdu[16:]), last>>(8*(32-n))
	case n > 16:
		v[1], v[2] = le.Uint64(pdu[8:]), last>>(8*(24-n))
	default:
		v[1] = last >> (8 * (16 - n))
	}
	v[3] |= uint64(n) << 56
	return v
}

const imageWays = 4

// images remembers authentic PDUs with all octets.
type images struct {
	sets [][imageWays]image
	next []uint8
}

// newImages makes room for size PDUs, a power of two of at least imageWays.
func newImages(size int) images {
	sets := size / imageWays
	return images{sets: make([][imageWays]image, sets), next: make([]uint8, sets)}
}

// set selects by encrypted octets, which are already as good as random. Word 1
// consists of the second octet of DST and the seven octets after it, in every
// PDU.
func (c *images) set(v *image) int { return int(v[1]) & (len(c.sets) - 1) }

func (c *images) has(v *image) bool {
	set := &c.sets[c.set(v)]
	for i := range set {
		if e := &set[i]; e[0] == v[0] && e[1] == v[1] && e[2] == v[2] && e[3] == v[3] {
			return true
		}
	}
	return false
}

func (c *images) add(v *image) {
	s := c.set(v)
	c.sets[s][c.next[s]] = *v
	c.next[s] = (c.next[s] + 1) % imageWays
}

// clear removes everything. The octets of a PDU have another meaning after a
// change of keys or IV index.
func (c *images) clear() { clear(c.sets) }
