package mqtt

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// guard is the connection as the client library reads it. It watches what the
// broker sends for what the library does not check.
//
//	octet 0        packet type, flags    MQTT 3.1.1 section 2.2
//	octets 1..1-4  remaining length, 7 bits each, lowest first, top bit: goes on
//	the rest       passed on as it is
//
// A PUBLISH that is too large would be allocated whole. Hanging up would not help:
// a retained one comes again on every connection. So the guard reads topic and
// packet identifier, discards the payload piece by piece, and gives the library the
// same PUBLISH with a mark as its payload. The library then acknowledges it as its
// QoS demands, and marked tells the receiver that there is nothing to deliver.
//
//	broker   PUBLISH  topic  id  2,000,000 octets
//	library  PUBLISH  topic  id  mark
//
// A SUBACK with more answers than there were questions makes the library panic.
// It ends the connection, as does any other packet that is too large.
type guard struct {
	net.Conn
	in      *bufio.Reader
	limit   int // of remaining length
	skipped func(topic string, octets int)
	mark    []byte      // payload in place of one that was discarded
	dropped atomic.Bool // by us

	ready    []byte // passed on before anything else
	body     int    // octets of the packet that are still to be passed on
	discard  int    // octets of the packet that are still to be discarded
	alive    time.Time
	progress atomic.Int64 // when octets were discarded last, in Unix nanoseconds
	err      error
}

const (
	publishType = 3
	subackType  = 9
	// subackLength is a packet identifier and one return code: we subscribe to
	// one filter at a time.
	subackLength = 3
	// overhead is what a PUBLISH has beside its payload: topic with length,
	// packet identifier.
	overhead = 2 + maxTopic + 2
	// readSize is how much is read at a time.
	readSize = 16 << 10
	// aliveEvery is how often the library is told that the broker is there while
	// a long payload is discarded: the answer to its ping comes behind it.
	aliveEvery = time.Second
)

// newGuard reads from conn. Payloads of more than payload octets are discarded and
// skipped is told; it is called by the reader and must not wait.
func newGuard(conn net.Conn, payload int, skipped func(topic string, octets int)) *guard {
	g := &guard{Conn: conn, in: bufio.NewReaderSize(conn, readSize), limit: payload + overhead, skipped: skipped, mark: make([]byte, 16)}
	_, _ = rand.Read(g.mark) // never fails
	return g
}

// marked reports whether a payload stands for one that was discarded.
func (g *guard) marked(payload []byte) bool { return string(payload) == string(g.mark) }

// discarding is when octets of a payload that is too large came last; zero if
// never.
func (g *guard) discarding() time.Time {
	if at := g.progress.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// errDropped is what the library is told when we close the connection: it takes
// the system's own error for a sign that it did so itself, and would go on.
var errDropped = errors.New("mqtt: the connection was dropped by this side")

// drop closes the connection, whoever uses it.
func (g *guard) drop() {
	g.dropped.Store(true)
	_ = g.Close() // whatever is wrong with it, it is gone
}

// Read passes on what is acceptable.
func (g *guard) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case len(g.ready) > 0:
			n := copy(p, g.ready)
			g.ready = g.ready[n:]
			return n, nil
		case g.err != nil:
			return 0, g.err
		case g.body > 0:
			n, err := g.in.Read(p[:min(len(p), g.body)])
			g.body -= n
			g.fail(err)
			if n > 0 {
				return n, nil
			}
		case g.discard > 0:
			g.throwAway()
		default:
			g.fail(g.header())
		}
	}
	return 0, g.err
}

// fail keeps the first error.
func (g *guard) fail(err error) {
	if err != nil && g.dropped.Load() {
		err = errDropped
	}
	if g.err == nil {
		g.err = err
	}
}

// throwAway discards a piece of a payload.
func (g *guard) throwAway() {
	n, err := g.in.Discard(min(g.discard, max(1, g.in.Buffered())))
	g.discard -= n
	g.fail(err)
	now := time.Now()
	g.progress.Store(now.UnixNano())
	if g.discard > 0 && now.Sub(g.alive) >= aliveEvery {
		g.alive = now
		g.ready = append(g.ready, 0xd0, 0) // PINGRESP
	}
}

// header reads a fixed header and decides what becomes of the packet.
func (g *guard) header() error {
	first, err := g.in.ReadByte()
	if err != nil {
		return err
	}
	head := append(g.ready[:0], first)
	remaining := 0
	for shift := 0; ; shift += 7 {
		b, err := g.in.ReadByte()
		if err != nil {
			return unexpected(err)
		}
		head = append(head, b)
		remaining |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
		if shift == 21 {
			return errors.New("mqtt: the broker sent a packet length of more than four octets")
		}
	}
	kind := first >> 4
	switch {
	case kind == publishType && remaining > g.limit:
		return g.skip(first, remaining)
	case remaining > g.limit:
		return fmt.Errorf("mqtt: the broker sent a packet of %d octets, at most %d are accepted", remaining, g.limit)
	case kind == subackType && remaining != subackLength:
		return fmt.Errorf("mqtt: the broker sent a SUBACK of %d octets, expected %d", remaining, subackLength)
	}
	g.ready, g.body = head, remaining
	return nil
}

// skip replaces a PUBLISH that is too large. The limit is larger than topic and
// packet identifier can be, so they are there.
func (g *guard) skip(first byte, remaining int) error {
	var length [2]byte
	if _, err := io.ReadFull(g.in, length[:]); err != nil {
		return unexpected(err)
	}
	topic := int(binary.BigEndian.Uint16(length[:]))
	variable := make([]byte, 2+topic, 2+topic+2)
	copy(variable, length[:])
	if first&0x06 != 0 { // QoS
		variable = variable[:2+topic+2]
	}
	if _, err := io.ReadFull(g.in, variable[2:]); err != nil {
		return unexpected(err)
	}
	g.discard = remaining - len(variable)
	g.alive = time.Now()
	g.skipped(string(variable[2:2+topic]), g.discard)

	g.ready = append(g.ready[:0], first)
	for rest := len(variable) + len(g.mark); ; {
		b := byte(rest & 0x7f)
		if rest >>= 7; rest == 0 {
			g.ready = append(g.ready, b)
			break
		}
		g.ready = append(g.ready, b|0x80)
	}
	g.ready = append(append(g.ready, variable...), g.mark...)
	return nil
}

// unexpected is the error of a stream that ends inside a packet.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
