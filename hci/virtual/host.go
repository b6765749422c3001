package virtual

import (
	"fmt"
	"io"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// MaxPacket is the size of the largest packet to the host in octets: type,
// event code, length and 255 octets of parameters.
const MaxPacket = 3 + 255

// class is a kind of packet to the host, of which so many can wait that one
// kind does not crowd out another.
type class uint8

const (
	classEvent  class = iota // completions, terminations, errors
	classReport              // advertising reports
	classData                // ACL data; what does not fit stays with the sender
	classes
)

// How many packets of a class can wait for the host, besides reports.
const (
	reserve     = 64
	dataReserve = 32
)

// host is the host's end of a controller, a transport.Transport.
type host struct {
	controller *Controller

	mu      sync.Mutex
	arrival sync.Cond
	gone    error // why there is nothing more to read
	queue   []slot
	first   int
	count   int
	waiting [classes]int // how many of the queue are of a class
}

// slot is one packet that waits for the host.
type slot struct {
	class  class
	length uint16
	data   [MaxPacket]byte
}

func newHost(c *Controller) *host {
	h := &host{controller: c}
	h.arrival.L = &h.mu
	return h
}

// Read waits for a packet from the controller and copies it to p, which is to
// have MaxPacket octets; a packet that does not fit is lost with
// io.ErrShortBuffer. After Close it returns transport.ErrClosed, after Unplug
// ErrUnplugged, wrapped.
func (h *host) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.count == 0 && h.gone == nil {
		h.arrival.Wait()
	}
	if h.gone != nil {
		return 0, fmt.Errorf("virtual: expected a packet of %s: %w", h.controller.options.Address, h.gone)
	}
	s := &h.queue[h.first]
	h.first = (h.first + 1) % len(h.queue)
	h.count--
	h.waiting[s.class]--
	n := copy(p, s.data[:s.length])
	if n < int(s.length) {
		return n, fmt.Errorf("virtual: packet of %d octets, buffer of %d, pass one of %d: %w", s.length, len(p), MaxPacket, io.ErrShortBuffer)
	}
	return n, nil
}

// Write hands a packet to the controller, which keeps nothing of p. It does
// not block. An error says that the controller is gone; a packet that makes no
// sense is the controller's to answer.
func (h *host) Write(p []byte) error {
	c := h.controller
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if c.host != h {
		h.mu.Lock()
		defer h.mu.Unlock()
		return fmt.Errorf("virtual: expected %s to take a packet: %w", c.options.Address, h.gone)
	}
	c.take(p)
	return nil
}

// Close ends the session and resets the controller. It unblocks Read.
func (h *host) Close() error {
	c := h.controller
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if c.host == h {
		c.power(transport.ErrClosed)
	}
	return nil
}

func (h *host) shut(reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone == nil {
		h.gone = reason
	}
	h.queue, h.count, h.waiting = nil, 0, [classes]int{}
	h.arrival.Broadcast()
}

// push queues a packet for the host, or returns false if its class has no room
// left. patch, if it is not negative, is where the octet with is
// put, so that one encoded report serves all who hear it.
func (h *host) push(octets []byte, kind class, patch int, with byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gone != nil {
		return false
	}
	if h.waiting[kind] == h.room(kind) {
		return false
	}
	if h.count == len(h.queue) {
		h.grow()
	}
	s := &h.queue[(h.first+h.count)%len(h.queue)]
	s.class = kind
	s.length = uint16(copy(s.data[:], octets))
	if patch >= 0 {
		s.data[patch] = with
	}
	h.count++
	h.waiting[kind]++
	h.arrival.Signal()
	return true
}

// room is how many packets of a class can wait.
func (h *host) room(kind class) int {
	switch kind {
	case classReport:
		return h.controller.options.ReportQueue
	case classData:
		return dataReserve
	default:
		return reserve
	}
}

// grow doubles the ring. The bounds in push keep it small.
func (h *host) grow() {
	larger := make([]slot, max(8, 2*len(h.queue)))
	n := copy(larger, h.queue[h.first:])
	copy(larger[n:], h.queue[:h.first])
	h.queue, h.first = larger, 0
}
