package bench_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
)

// broker is a minimal MQTT 3.1.1 broker for one connection: it acknowledges
// everything and stores nothing.
type broker struct {
	conn      net.Conn
	replies   chan []byte
	published chan string       // topics of the wanted PUBLISH packets
	wanted    map[string]string // topic by topic, so that a look-up allocates no string
	parts     sync.WaitGroup
}

// Types of MQTT control packets, in the high four bits of the first octet.
const (
	typeConnect = iota + 1
	typeConnack
	typePublish
	typePuback
	_
	_
	_
	typeSubscribe
	typeSuback
	_
	_
	typePingreq
	typePingresp
)

// newBroker makes a connection and returns the session's end of it.
func newBroker(topics ...string) (*broker, net.Conn) {
	theirs, ours := net.Pipe()
	b := &broker{conn: ours, replies: make(chan []byte, 1024), published: make(chan string, 1024), wanted: map[string]string{}}
	for _, t := range topics {
		b.wanted[t] = t
	}
	b.parts.Go(b.read)
	b.parts.Go(b.write)
	return b, theirs
}

func (b *broker) write() {
	for p := range b.replies {
		if _, err := b.conn.Write(p); err != nil {
			_ = b.conn.Close()
		}
	}
}

func (b *broker) read() {
	defer close(b.replies)
	r := bufio.NewReader(b.conn)
	var body []byte
	for {
		first, err := r.ReadByte()
		if err != nil {
			return
		}
		size, err := binary.ReadUvarint(r) // the same seven bits per octet
		if err != nil {
			return
		}
		body = append(body[:0], make([]byte, size)...)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		b.take(first, body)
	}
}

func (b *broker) take(first byte, body []byte) {
	switch first >> 4 {
	case typeConnect:
		b.replies <- []byte{typeConnack << 4, 2, 0, 0}
	case typePublish:
		n := 2 + binary.BigEndian.Uint16(body)
		if first>>1&3 == 1 {
			b.replies <- []byte{typePuback << 4, 2, body[n], body[n+1]}
		}
		if topic, ok := b.wanted[string(body[2:n])]; ok {
			b.published <- topic
		}
	case typeSubscribe:
		filters := 0
		for rest := body[2:]; len(rest) > 2; filters++ {
			rest = rest[2+binary.BigEndian.Uint16(rest)+1:]
		}
		b.replies <- append([]byte{typeSuback << 4, byte(2 + filters), body[0], body[1]}, make([]byte, filters)...)
	case typePingreq:
		b.replies <- []byte{typePingresp << 4, 0}
	}
}

// publish sends a message to the session with QoS 0. Topic and payload are
// short.
func (b *broker) publish(topic, payload string) {
	var p strings.Builder
	p.WriteByte(typePublish << 4)
	p.WriteByte(byte(2 + len(topic) + len(payload)))
	p.WriteByte(0)
	p.WriteByte(byte(len(topic)))
	p.WriteString(topic)
	p.WriteString(payload)
	if _, err := io.WriteString(b.conn, p.String()); err != nil {
		_ = b.conn.Close()
	}
}

func (b *broker) close() {
	_ = b.conn.Close()
	b.parts.Wait()
}
