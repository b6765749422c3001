package transport

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Stream frames H4 packets on an octet stream. Both ends work in the same way,
// so a virtual controller uses it too.
type Stream struct {
	conn  io.ReadWriteCloser
	in    [streamBuffer]byte
	from  int   // in[from:to] has arrived and was not returned yet
	to    int   //
	ended error // of conn

	stale     bool      // what arrived before the last pause is no complete packet
	lost      bool      // the framing is lost: the next packet is searched for
	skipped   int       // octets since the last error about it
	reported  time.Time // of that error
	resetting atomic.Bool
	closed    atomic.Bool
}

// Sizes in octets. A controller of LE sends at most 251 octets of data at once,
// and one of BR/EDR 1021. A header with a larger length is no header.
const (
	maxBody      = 2048
	streamBuffer = 2 * (maxBody + packet.ACLHeader)
	// noise is how much may be skipped before another error reports it.
	noise = 4096
)

const (
	// pause is more time than there can be between two octets of a packet.
	pause = 500 * time.Millisecond
	// reportEvery is the least time between two errors about less noise.
	reportEvery = 100 * time.Millisecond
)

// NewStream takes ownership of conn. Closing conn must unblock a pending Read.
func NewStream(conn io.ReadWriteCloser) *Stream { return &Stream{conn: conn} }

// Read reads one packet. An error that wraps ErrFraming says that octets were
// skipped because they are not a packet; the next Read goes on with the next
// packet that can be recognised. All other errors are final.
func (s *Stream) Read(p []byte) (int, error) {
	for {
		if s.closed.Load() {
			return 0, ErrClosed
		}
		n, err := s.next(p)
		if n > 0 || err != nil {
			return n, err
		}
		if s.ended != nil {
			return 0, s.end()
		}
		s.fill()
	}
}

// end is the error at the end of the stream.
func (s *Stream) end() error {
	switch {
	case s.closed.Load():
		return ErrClosed
	case s.to > s.from && !s.lost && errors.Is(s.ended, io.EOF):
		return fmt.Errorf("transport: expected the rest of %s, got: %w", packet.Type(s.in[s.from]), io.ErrUnexpectedEOF)
	default:
		return fmt.Errorf("transport: expected a packet, got: %w", s.ended)
	}
}

// fill reads what has arrived. There is always room for the rest of a packet.
func (s *Stream) fill() {
	if s.from > 0 {
		s.to = copy(s.in[:], s.in[s.from:s.to])
		s.from = 0
	}
	const tries = 100 // a port with a timeout returns nothing now and then
	began := time.Now()
	for range tries {
		n, err := s.conn.Read(s.in[s.to:])
		s.to += n
		s.ended = err
		s.stale = s.stale || s.to > n && time.Since(began) > pause
		if n > 0 || err != nil {
			return
		}
	}
	s.ended = io.ErrNoProgress
}

// next takes the next packet from what has arrived. It returns 0 if more octets
// are needed.
func (s *Stream) next(p []byte) (int, error) {
	if s.lost && !s.search() {
		if now := time.Now(); s.skipped >= noise || s.skipped > 0 && now.Sub(s.reported) >= reportEvery {
			skipped := s.skipped
			s.skipped, s.reported = 0, now
			return 0, fmt.Errorf("transport: expected a packet, got %d octets more without any; the baud rate is wrong, or this is no H4 controller: %w", skipped, ErrFraming)
		}
		return 0, nil
	}
	have := s.in[s.from:s.to]
	n, err := length(have)
	switch {
	case err != nil:
		return 0, s.lose(err)
	case n == 0 || n > len(have):
		if i := s.resetCompleted(have); i > 0 {
			s.skipped += i
			s.from += i
			return 0, s.lose(fmt.Errorf("transport: expected the rest of %s, got the end of a Reset: %w", packet.Type(have[0]), packet.ErrMalformed))
		}
		if s.stale {
			s.from++
			return 0, s.lose(fmt.Errorf("transport: expected the rest of %s, got only %d octets for more than %s: %w", packet.Type(have[0]), len(have), pause, packet.ErrMalformed))
		}
		return 0, nil
	case n > len(p):
		return 0, fmt.Errorf("transport: expected a buffer for %d octets of %s, got one of %d: %w", n, packet.Type(have[0]), len(p), io.ErrShortBuffer)
	case !follows(have[n:]) && plausible(have[:n]) == no:
		return 0, s.lose(fmt.Errorf("transport: expected an H4 packet type of 0x01 to 0x05 after %d octets of %s, got 0x%02x: %w", n, packet.Type(have[0]), have[n], packet.ErrMalformed))
	}
	if s.resetting.Load() && isResetComplete(have[:n]) {
		s.resetting.Store(false)
	}
	s.from += n
	s.stale = false
	return copy(p, have[:n]), nil
}

// lose begins the search for the next packet.
func (s *Stream) lose(cause error) error {
	s.lost, s.stale, s.skipped, s.reported = true, false, 0, time.Now()
	if s.from < s.to && plausible(s.in[s.from:s.to]) == no {
		s.from++
		s.skipped = 1
	}
	return fmt.Errorf("%w: %w; the next packet is searched for", ErrFraming, cause)
}

// length returns the length of the packet that begins with p, or 0 if p does
// not contain the whole header.
func length(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	head := packet.Type(p[0]).HeaderLen()
	if head == 0 {
		return 0, fmt.Errorf("transport: expected an H4 packet type of 0x01 to 0x05, got 0x%02x; octets were lost, or the baud rate is wrong: %w", p[0], packet.ErrMalformed)
	}
	if len(p) < head {
		return 0, nil
	}
	n, err := packet.BodyLen(p[:head])
	if err != nil {
		return 0, err
	}
	if n > maxBody {
		return 0, fmt.Errorf("transport: expected at most %d octets of %s, got the length %d: %w", maxBody, packet.Type(p[0]), n, packet.ErrMalformed)
	}
	return head + n, nil
}

// follows reports whether p can begin with a packet; if it is empty, that is
// not known yet.
func follows(p []byte) bool { return len(p) == 0 || packet.Type(p[0]).HeaderLen() > 0 }

// search moves on to the next octets that look like a packet of a controller,
// and reports whether there are any.
func (s *Stream) search() bool {
	for ; s.from < s.to; s.from++ {
		switch plausible(s.in[s.from:s.to]) {
		case yes:
			s.lost = false
			return true
		case unknown:
			return false
		}
		s.skipped++
	}
	return false
}

// Write writes one packet.
func (s *Stream) Write(p []byte) error {
	if isReset(p) {
		s.resetting.Store(true)
	}
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
