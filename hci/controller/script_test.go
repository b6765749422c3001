package controller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a small controller: a transport whose answers the test writes. It
// may be opened repeatedly.
type script struct {
	answer func(s *script, op packet.Opcode, params []byte) // nil answers every command with success
	refuse error                                            // error of opening

	mu       sync.Mutex
	conn     *conn
	opens    int
	commands []packet.Opcode
	data     []packet.ACL
}

type conn struct {
	s      *script
	events chan []byte
	closed chan struct{}
	once   sync.Once
}

var errUnplugged = errors.New("unplugged")

func (s *script) open(context.Context) (transport.Transport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	if s.refuse != nil {
		return nil, s.refuse
	}
	s.conn = &conn{s: s, events: make(chan []byte, 1000), closed: make(chan struct{})}
	return s.conn, nil
}

func (c *conn) Read(p []byte) (int, error) {
	select {
	case e, ok := <-c.events:
		if !ok {
			return 0, errUnplugged
		}
		return copy(p, e), nil
	case <-c.closed:
		return 0, transport.ErrClosed
	}
}

func (c *conn) Write(p []byte) error {
	if a, err := packet.ParseACL(p); err == nil {
		c.s.mu.Lock()
		c.s.data = append(c.s.data, packet.ACL{Handle: a.Handle, Boundary: a.Boundary, Data: slices.Clone(a.Data)})
		c.s.mu.Unlock()
		return nil
	}
	op, params, err := packet.ParseCommand(p)
	if err != nil {
		panic(err)
	}
	select {
	case <-c.closed:
		return transport.ErrClosed
	default:
	}
	c.s.mu.Lock()
	c.s.commands = append(c.s.commands, op)
	answer := c.s.answer
	c.s.mu.Unlock()
	if answer == nil {
		answer = obey
	}
	answer(c.s, op, params)
	return nil
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// event sends one event, parameters as given.
func (s *script) event(code packet.EventCode, params ...byte) {
	s.raw(append([]byte{byte(packet.TypeEvent), byte(code), byte(len(params))}, params...))
}

func (s *script) raw(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.events <- p
}

// unplug ends the transport as if the adapter had been unplugged.
func (s *script) unplug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.conn.events)
}

// complete sends Command Complete.
func (s *script) complete(op packet.Opcode, credits byte, ret ...byte) {
	s.event(packet.EventCommandComplete, append([]byte{credits, byte(op), byte(op >> 8)}, ret...)...)
}

// ret is what a well-behaved controller returns.
func ret(op packet.Opcode) []byte {
	switch op {
	case packet.OpReadLocalVersion:
		return []byte{0, packet.Core54, 0, 0, packet.Core54, 0xff, 0xff, 0, 0}
	case packet.OpReadLocalSupportedCommands:
		var c packet.SupportedCommands
		c.Set(packet.CommandLESetExtendedAdvertisingEnable)
		c.Set(packet.CommandLESetExtendedScanEnable)
		return append([]byte{0}, c[:]...)
	case packet.OpReadLocalSupportedFeatures:
		return []byte{0, 0, 0, 0, 0, 0x60, 0, 0, 0}
	case packet.OpLEReadLocalSupportedFeatures:
		return []byte{0, 0, 0x10, 0, 0, 0, 0, 0, 0}
	case packet.OpReadBDAddr:
		return []byte{0, 1, 2, 3, 4, 5, 6}
	case packet.OpLEReadBufferSize:
		return []byte{0, 27, 0, 4}
	case packet.OpLEReadNumberOfSupportedAdvertisingSets:
		return []byte{0, 5}
	default:
		return []byte{0}
	}
}

func obey(s *script, op packet.Opcode, _ []byte) { s.complete(op, 1, ret(op)...) }

func (s *script) sent() []packet.Opcode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]packet.Opcode(nil), s.commands...)
}

func (s *script) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opens
}

func (s *script) current() *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// host is a Host that records what happens.
type host struct {
	serve func(ctx context.Context, s *controller.Session) error // nil waits

	mu       sync.Mutex
	sessions int
	events   []string
}

func (h *host) Serve(ctx context.Context, s *controller.Session) error {
	h.mu.Lock()
	h.sessions++
	h.mu.Unlock()
	if h.serve != nil {
		return h.serve(ctx, s)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (h *host) Event(e packet.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, fmt.Sprintf("%s %x", e.Code, e.Params))
}

func (h *host) seen() (sessions int, events []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions, append([]string(nil), h.events...)
}

// states records the calls of Config.Status.
type states struct {
	mu   sync.Mutex
	list []controller.Status
}

func (s *states) add(status controller.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, status)
}

// all returns the states in words. An error follows after a colon if it is one
// that callers branch on.
func (s *states) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, status := range s.list {
		word := status.State.String()
		for _, err := range []error{controller.ErrUnanswered, controller.ErrHardware, controller.ErrUnsuitable, errUnplugged, errAstray} {
			if errors.Is(status.Err, err) {
				word += ": " + err.Error()
			}
		}
		words = append(words, word)
	}
	return words
}

var errAstray = errors.New("astray")

// start runs a controller until the test ends or stop is called. stop returns
// the error of Run.
func start(t *testing.T, cfg controller.Config) (c *controller.Controller, stop func() error) {
	t.Helper()
	c = controller.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			result = <-ended
		})
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return c, stop
}
