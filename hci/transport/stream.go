package transport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Stream frames H4 packets on an octet stream. Both ends work in the same way,
// so a virtual controller uses it too.
type Stream struct {
	conn   io.ReadWriteCloser
	in     *bufio.Reader
	broken error // the framing is lost for good
	closed atomic.Bool
}

// streamBuffer holds about forty advertising reports, so that a burst takes one
// system call.
const streamBuffer = 4096

// NewStream takes ownership of conn. Closing conn must unblock a pending Read.
func NewStream(conn io.ReadWriteCloser) *Stream {
	return &Stream{conn: conn, in: bufio.NewReaderSize(conn, streamBuffer)}
}

// Read reads one packet. After an unknown packet type, or a packet that does
// not fit in p, every Read returns that error; see the package comment.
func (s *Stream) Read(p []byte) (int, error) {
	if s.broken != nil {
		return 0, s.broken
	}
	n, err := s.read(p)
	if err == nil {
		return n, nil
	}
	if s.closed.Load() {
		return 0, ErrClosed
	}
	if errors.Is(err, packet.ErrMalformed) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.broken = err
	}
	return 0, err
}

func (s *Stream) read(p []byte) (int, error) {
	first, err := s.in.ReadByte()
	if err != nil {
		return 0, fmt.Errorf("transport: expected a packet, got: %w", err)
	}
	head := packet.Type(first).HeaderLen()
	if head == 0 {
		return 0, fmt.Errorf("transport: expected an H4 packet type of 0x01 to 0x05, got 0x%02x; the framing is lost or the baud rate is wrong: %w", first, packet.ErrMalformed)
	}
	if len(p) < head {
		return 0, fmt.Errorf("transport: expected a buffer for %s, got one of %d octets: %w", packet.Type(first), len(p), io.ErrShortBuffer)
	}
	p[0] = first
	if _, err := io.ReadFull(s.in, p[1:head]); err != nil {
		return 0, truncated(packet.Type(first), err)
	}
	n, err := packet.BodyLen(p[:head])
	if err != nil {
		return 0, err
	}
	if n > len(p)-head {
		return 0, fmt.Errorf("transport: expected at most %d octets of %s, got the length %d: %w", len(p)-head, packet.Type(first), n, packet.ErrMalformed)
	}
	if _, err := io.ReadFull(s.in, p[head:head+n]); err != nil {
		return 0, truncated(packet.Type(first), err)
	}
	return head + n, nil
}

func truncated(t packet.Type, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("transport: expected the rest of %s, got: %w", t, err)
}

// Write writes one packet.
func (s *Stream) Write(p []byte) error {
	n, err := s.conn.Write(p)
	switch {
	case s.closed.Load():
		return ErrClosed
	case err != nil:
		return fmt.Errorf("transport: writing a packet of %d octets: %w", len(p), err)
	case n < len(p):
		return fmt.Errorf("transport: wrote %d of %d octets: %w", n, len(p), io.ErrShortWrite)
	default:
		return nil
	}
}

// Close closes the connection.
func (s *Stream) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.conn.Close()
}
