package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// readOnly is a connection that is only read.
type readOnly struct{ io.Reader }

func (readOnly) Write(p []byte) (int, error) { return len(p), nil }
func (readOnly) Close() error                { return nil }

func packets() [][]byte {
	long := append([]byte{4, 0xff, 255}, bytes.Repeat([]byte{0xaa}, 255)...)
	iso := append([]byte{5, 1, 0, 0x02, 0xc1}, bytes.Repeat([]byte{0xbb}, 0x102)...) // two reserved bits set
	return [][]byte{
		{4, 0x0e, 4, 1, 3, 0x0c, 0},
		{4, 0xff, 0},
		{1, 3, 0x0c, 0},
		{2, 0x40, 0x20, 3, 0, 1, 2, 3},
		{3, 0, 0, 1, 9},
		iso,
		long,
	}
}

// TestStreamKeepsPacketsApart reads packets that arrive octet by octet, and all
// at once.
func TestStreamKeepsPacketsApart(t *testing.T) {
	for name, chop := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r },
		"octet": iotest.OneByteReader,
		"half":  iotest.HalfReader,
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(readOnly{chop(bytes.NewReader(bytes.Join(packets(), nil)))})
			p := make([]byte, packet.MaxLen)
			for i, want := range packets() {
				n, err := s.Read(p)
				if err != nil || !bytes.Equal(p[:n], want) {
					t.Fatalf("packet %d: %x, %v", i, p[:n], err)
				}
			}
			if _, err := s.Read(p); !errors.Is(err, io.EOF) {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestStreamLosesStep(t *testing.T) {
	for name, test := range map[string]struct {
		octets []byte
		hint   string
		is     error
	}{
		"unknown type":    {[]byte{0x7e, 1, 2, 4, 0xff, 0}, "0x7e", packet.ErrMalformed},
		"zero":            {[]byte{0x00}, "0x00", packet.ErrMalformed},
		"ACL too long":    {[]byte{2, 0, 0, 0xff, 0xff}, "65535", packet.ErrMalformed},
		"ends in header":  {[]byte{4, 0xff}, "rest of event", io.ErrUnexpectedEOF},
		"ends in body":    {[]byte{4, 0xff, 2, 0}, "rest of event", io.ErrUnexpectedEOF},
		"ends after head": {[]byte{4, 0xff, 2}, "rest of event", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(readOnly{bytes.NewReader(append([]byte{4, 0xff, 0}, test.octets...))})
			p := make([]byte, packet.MaxLen)
			if n, err := s.Read(p); n != 3 || err != nil {
				t.Fatalf("the valid packet: %d, %v", n, err)
			}
			_, err := s.Read(p)
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("got %v", err)
			}
			if _, again := s.Read(p); again == nil || again.Error() != err.Error() {
				t.Errorf("after the end, Read returns %v", again)
			}
		})
	}
}

// TestStreamOverPipe uses both ends of a connection, and closes one during a
// Read.
func TestStreamOverPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		host, device := NewStream(a), NewStream(b)
		done := make(chan error, 1)
		go func() {
			for _, p := range packets() {
				if err := host.Write(p); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		p := make([]byte, packet.MaxLen)
		for _, want := range packets() {
			n, err := device.Read(p)
			if err != nil || !bytes.Equal(p[:n], want) {
				t.Fatalf("%x, %v", p[:n], err)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := device.Read(p)
			done <- err
		}()
		synctest.Wait() // it is waiting for a packet
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("read under close: %v", err)
		}
		if err := device.Write([]byte{4, 0xff, 0}); !errors.Is(err, ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
		if err := host.Write([]byte{1, 3, 0x0c, 0}); err == nil || errors.Is(err, ErrClosed) {
			t.Errorf("write after the peer has closed: %v", err)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestStreamReadAllocatesNothing(t *testing.T) {
	event := packets()[0]
	s := NewStream(readOnly{endless{event}})
	p := make([]byte, packet.MaxLen)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Read(p); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// endless repeats one packet.
type endless struct{ packet []byte }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.packet) <= len(p) {
		n += copy(p[n:], e.packet)
	}
	return n, nil
}

func FuzzStream(f *testing.F) {
	f.Add(bytes.Join(packets(), nil))
	f.Add([]byte{4, 0xff, 2})
	f.Add([]byte{2, 0, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, octets []byte) {
		// Any input is cut into complete packets, which together are the input,
		// and then an error.
		s := NewStream(readOnly{bytes.NewReader(octets)})
		p := make([]byte, packet.MaxLen)
		rest := octets
		for {
			n, err := s.Read(p)
			if err != nil {
				break
			}
			if n == 0 || !bytes.HasPrefix(rest, p[:n]) {
				t.Fatalf("read %x of %x", p[:n], rest)
			}
			body, err := packet.BodyLen(p[:n])
			if err != nil || packet.Type(p[0]).HeaderLen()+body != n {
				t.Fatalf("%x is not exactly one packet: %d, %v", p[:n], body, err)
			}
			rest = rest[n:]
		}
	})
}
