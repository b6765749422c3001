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

// TestStreamEnds checks the errors at the end of a connection.
func TestStreamEnds(t *testing.T) {
	for name, octets := range map[string][]byte{
		"in the header":    {4, 0xff},
		"in the body":      {4, 0xff, 2, 0},
		"after the header": {4, 0xff, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewStream(readOnly{bytes.NewReader(append([]byte{4, 0xff, 0}, octets...))})
			p := make([]byte, packet.MaxLen)
			if n, err := s.Read(p); n != 3 || err != nil {
				t.Fatalf("the valid packet: %d, %v", n, err)
			}
			for range 2 {
				if _, err := s.Read(p); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "rest of event") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestStreamGoesOn checks that whatever is between two packets costs the octets
// up to the next packet, and nothing else.
func TestStreamGoesOn(t *testing.T) {
	reset := []byte{4, 0x0e, 4, 1, 3, 0x0c, 0}
	report := append([]byte{4, 0x3e, 15, 2, 1, 3, 0, 1, 2, 3, 4, 5, 6, 3}, 2, 0x2a, 7, 0xc0)
	data := []byte{2, 0x40, 0x20, 3, 0, 1, 2, 3}
	for name, garbage := range map[string][]byte{
		"unknown type":             {0x7e, 1, 2},
		"zeros":                    make([]byte, 300),
		"ones":                     bytes.Repeat([]byte{0xff}, 300),
		"data that is too long":    {2, 0, 0, 0xff, 0xff},
		"half an event":            report[:9],
		"end of an event":          report[9:],
		"half of data":             data[:6],
		"types only":               {4, 4, 4, 4, 4},
		"event of a wrong length":  {4, 0x0f, 3, 1, 2, 3, 0x99},
		"connection without end":   {4, 0x3e, 19, 1, 0},
		"baud rate":                []byte(strings.Repeat("\xf8\x1c\x00\xe6", 500)),
		"command from the air":     {1, 3, 0x0c, 0, 0x80},
		"SCO and ISO":              {3, 0, 0, 1, 9, 5, 1, 0, 1, 0, 7, 0x80},
		"reports of no known form": {4, 0x3e, 3, 0x70, 1, 2, 0x80},
	} {
		t.Run(name, func(t *testing.T) {
			for _, chop := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
				// What is half a packet ends in the middle of the next ones.
				after := bytes.Repeat(bytes.Join([][]byte{reset, report, data}, nil), 10)
				s := NewStream(readOnly{chop(bytes.NewReader(bytes.Join([][]byte{report, garbage, after}, nil)))})
				p := make([]byte, packet.MaxLen)
				if n, err := s.Read(p); err != nil || !bytes.Equal(p[:n], report) {
					t.Fatalf("the packet before: %x, %v", p[:n], err)
				}
				right, lost := 0, 0
				for {
					n, err := s.Read(p)
					switch {
					case errors.Is(err, ErrFraming):
						lost++
						continue
					case err != nil:
						if !errors.Is(err, io.EOF) {
							t.Fatal(err)
						}
					case bytes.Equal(p[:n], reset), bytes.Equal(p[:n], report), bytes.Equal(p[:n], data):
						right++
						continue
					default:
						continue
					}
					break
				}
				const most = 3 // packets that garbage which looks like a header may cost
				if right < 30-most || lost == 0 {
					t.Errorf("%d packets of 30, %d errors", right, lost)
				}
			}
		})
	}
}

// TestStreamIsNoController reports a stream without any packet again and again,
// with an end.
func TestStreamIsNoController(t *testing.T) {
	s := NewStream(readOnly{strings.NewReader(strings.Repeat("HTTP/1.1 400 Bad", 100*noise/16))})
	p := make([]byte, packet.MaxLen)
	for n := 0; ; n++ {
		_, err := s.Read(p)
		if !errors.Is(err, ErrFraming) {
			if !errors.Is(err, io.EOF) || n < 50 || n > 101 { // each after noise octets or a little more
				t.Errorf("%d errors, then %v", n, err)
			}
			return
		}
	}
}

// TestStreamBeginsWithReset checks that the answer to a Reset ends a header that
// would wait for octets that never come.
func TestStreamBeginsWithReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer func() { _ = a.Close() }()
		s := NewStream(b)
		defer func() { _ = s.Close() }()
		reset, event := []byte{4, 0x0e, 4, 1, 3, 0x0c, 0}, []byte{4, 0xff, 1, 9}
		got := make(chan string, 10)
		go func() {
			p := make([]byte, packet.MaxLen)
			for {
				n, err := s.Read(p)
				switch {
				case errors.Is(err, ErrFraming):
					got <- "lost"
				case err != nil:
					close(got)
					return
				default:
					got <- string(p[:n])
				}
			}
		}()
		send := func(p ...byte) {
			if _, err := a.Write(p); err != nil {
				t.Error(err)
			}
		}
		send(2, 0x40, 0x20, 0, 4) // data of 1024 octets, of which nothing comes
		send(reset...)            // may be part of it
		synctest.Wait()
		if len(got) > 0 {
			t.Errorf("got %x", <-got)
		}
		go func() {
			if err := s.Write([]byte{1, 3, 0x0c, 0}); err != nil {
				t.Error(err)
			}
		}()
		command := make([]byte, 4)
		if _, err := io.ReadFull(a, command); err != nil {
			t.Fatal(err)
		}
		send(reset...)
		send(event...)
		for _, want := range []string{"lost", string(reset), string(reset), string(event)} {
			synctest.Wait()
			if len(got) == 0 {
				t.Fatalf("got nothing, want %x", want)
			}
			if p := <-got; p != want {
				t.Errorf("got %x, want %x", p, want)
			}
		}
	})
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
		// Any input is cut into complete packets. Until the framing is lost they
		// are the input; then they are in it in their order.
		s := NewStream(readOnly{bytes.NewReader(octets)})
		p := make([]byte, packet.MaxLen)
		rest, lost := octets, false
		for {
			n, err := s.Read(p)
			if errors.Is(err, ErrFraming) {
				lost = true
				continue
			}
			if err != nil {
				break
			}
			at := bytes.Index(rest, p[:n])
			if n == 0 || at < 0 || at > 0 && !lost {
				t.Fatalf("read %x of %x", p[:n], rest)
			}
			rest = rest[at:]
			body, err := packet.BodyLen(p[:n])
			if err != nil || packet.Type(p[0]).HeaderLen()+body != n {
				t.Fatalf("%x is not exactly one packet: %d, %v", p[:n], body, err)
			}
			rest = rest[n:]
		}
	})
}
