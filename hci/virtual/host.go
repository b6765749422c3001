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

// class is a kind of packet to the host. Each has its own limit, so that one
// kind does not displace another.
type class uint8

const (
	classEvent  class = iota // completions, terminations, errors
	classReport              // advertising reports
	classData                // ACL data; what does not fit stays with the sender
	classes
)

// How many packets of a class can wait for the host. Reports have a
// configurable limit.
const (
	reserve     = 64
	dataReserve = 32
)

// host is the host's end of a controller, a transport.Transport.
type host struct {
	controller *Controller

	mu      sync.Mutex
	arrival sync.Cond
	gone    error // the error of reads once the queue is empty
	queue   []slot
	first   int
	count   int
	waiting [classes]int // packets in the queue by class
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

// Read waits for a packet from the controller and copies it to p, which should
// have MaxPacket octets. If a packet does not fit, it is lost and the error is
// io.ErrShortBuffer. After Close the error wraps transport.ErrClosed, after
// Unplug ErrUnplugged.
func (h *host) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.count == 0 && h.gone == nil {
		h.arrival.Wait()
	}
	if h.gone != nil {
		return 0, fmt.Errorf("virtual: expected a packet from %s: %w", h.controller.options.Address, h.gone)
	}
	s := &h.queue[h.first]
	h.first = (h.first + 1) % len(h.queue)
	h.count--
	h.waiting[s.class]--
	n := copy(p, s.data[:s.length])
	if n < int(s.length) {
		return n, fmt.Errorf("virtual: packet of %d octets in a buffer of %d; use a buffer of %d: %w", s.length, len(p), MaxPacket, io.ErrShortBuffer)
	}
	return n, nil
}

// Write passes a packet to the controller, which keeps nothing of p. It does
// not block. It fails only if the controller is gone; the controller itself
// answers an invalid packet.
func (h *host) Write(p []byte) error {
	c := h.controller
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if c.host != h {
		h.mu.Lock()
		defer h.mu.Unlock()
		return fmt.Errorf("virtual: expected %s to accept a packet: %w", c.options.Address, h.gone)
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

// push queues a packet for the host, or returns false if its class is full. If
// patch is not negative, the octet at that offset is replaced by with, so that
// one encoded report serves all listeners.
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

// grow doubles the ring. The limits in push keep it small.
func (h *host) grow() {
	larger := make([]slot, max(8, 2*len(h.queue)))
	n := copy(larger, h.queue[h.first:])
	copy(larger[n:], h.queue[:h.first])
	h.queue, h.first = larger, 0
}
