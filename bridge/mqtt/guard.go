package mqtt

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
)

// guard watches what the broker sends for two things that the client library
// does not check: a packet so large that it would be allocated whole, and a
// SUBACK with more answers than there were questions, on which the library
// panics.
//
//	octet 0        packet type, flags    MQTT 3.1.1 section 2.2
//	octets 1..1-4  remaining length, 7 bits each, lowest first, top bit: goes on
//	the rest       skipped
type guard struct {
	net.Conn
	limit   int         // of remaining length
	dropped atomic.Bool // by us

	kind      byte // type of the packet whose length is being read
	state     guardState
	shift     uint
	remaining int
	err       error
}

type guardState uint8

const (
	atHeader guardState = iota
	atLength
	inBody
)

const (
	suback = 9
	// subackLength is a packet identifier and one return code: we subscribe to
	// one filter at a time.
	subackLength = 3
	// overhead is what a PUBLISH has beside its payload: topic with length,
	// packet identifier.
	overhead = 2 + maxTopic + 2
)

func newGuard(conn net.Conn, payload int) *guard {
	return &guard{Conn: conn, limit: payload + overhead}
}

// errDropped is what the library is told when we close the connection: it takes
// the system's own error for a sign that it did so itself, and would go on.
var errDropped = errors.New("mqtt: the connection was dropped by this side")

// drop closes the connection, whoever uses it.
func (g *guard) drop() {
	g.dropped.Store(true)
	_ = g.Close() // whatever is wrong with it, it is gone
}

// Read passes on what came up to the first octet that is not acceptable.
func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.Conn.Read(p)
	if ok, bad := g.follow(p[:n]); bad != nil {
		g.err = bad
		return ok, bad
	}
	if err != nil && g.dropped.Load() {
		err = errDropped
	}
	return n, err
}

// follow steps through octets and returns how many of them were acceptable.
func (g *guard) follow(data []byte) (int, error) {
	for i := 0; i < len(data); {
		switch g.state {
		case inBody:
			skip := min(g.remaining, len(data)-i)
			g.remaining -= skip
			i += skip
			if g.remaining == 0 {
				g.state = atHeader
			}
		case atHeader:
			g.kind, g.state, g.shift, g.remaining = data[i]>>4, atLength, 0, 0
			i++
		case atLength:
			g.remaining |= int(data[i]&0x7f) << g.shift
			g.shift += 7
			if data[i]&0x80 == 0 {
				if err := g.judge(); err != nil {
					return i, err
				}
			} else if g.shift > 21 {
				return i, errors.New("mqtt: the broker sent a packet length of more than four octets")
			}
			i++
		}
	}
	return len(data), nil
}

// judge looks at a complete header.
func (g *guard) judge() error {
	switch {
	case g.remaining > g.limit:
		return fmt.Errorf("mqtt: the broker sent a packet of %d octets, at most %d are accepted", g.remaining, g.limit)
	case g.kind == suback && g.remaining != subackLength:
		return fmt.Errorf("mqtt: the broker sent a SUBACK of %d octets, expected %d", g.remaining, subackLength)
	}
	g.state = inBody
	if g.remaining == 0 {
		g.state = atHeader
	}
	return nil
}
