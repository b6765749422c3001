package virtual

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// Errors that callers branch on; they come wrapped.
var (
	ErrUnplugged = errors.New("virtual: the controller is unplugged")
	ErrTaken     = errors.New("virtual: the address is on the air already")
)

// AirOptions configures an Air. The zero value is a perfect one.
type AirOptions struct {
	Seed       uint64 // seed of all random decisions
	Link       Link   // used for all pairs that SetLink does not name
	HalfDuplex bool   // a controller hears nothing while it transmits
	Collisions bool   // a listener loses two transmissions that overlap
}

// Air is the simulated medium, and the clock of the controllers attached to it.
// Any goroutine may call its methods.
type Air struct {
	options  AirOptions
	start    time.Time
	commands map[packet.Opcode]command

	wake    chan struct{} // something is due before the current timer
	quit    chan struct{}
	stopped chan struct{}

	mu          sync.Mutex // protects the air and all controllers
	closed      bool
	schedule    schedule
	firing      bool
	controllers []*Controller // plugged in, ordered by address
	defaultLink Link
	links       map[pair]Link
	sniffer     func(*Advertisement)
	radio       radio
	stats       AirStats
}

// AirStats counts what has happened on the air.
type AirStats struct {
	Events    uint64 // advertising events transmitted
	Heard     uint64 // receptions by scanning controllers, including duplicates
	Lost      uint64 // receptions lost because of Link.Loss
	Collided  uint64 // receptions lost to a collision or to the listener's own transmission
	Duplicate uint64 // receptions added by Link.Duplicate

	Connections uint64 // connections established
	Exchanged   uint64 // link layer packets with data received
	Missed      uint64 // connection events that were lost
}

// NewAir makes an air and starts its goroutine, which ends with Close. In a
// testing/synctest test it must be called inside the bubble.
func NewAir(options AirOptions) *Air {
	a := newAir(options)
	go a.run()
	return a
}

// newAir makes an air whose time does not pass by itself.
func newAir(options AirOptions) *Air {
	a := &Air{
		options:     options,
		start:       time.Now(),
		commands:    make(map[packet.Opcode]command),
		wake:        make(chan struct{}, 1),
		quit:        make(chan struct{}),
		stopped:     make(chan struct{}),
		defaultLink: options.Link,
		links:       make(map[pair]Link),
	}
	for _, c := range commands() {
		a.commands[c.opcode] = c
	}
	return a
}

// Close ends the air and every host session on it: reads return
// transport.ErrClosed. The air's goroutine has ended when it returns.
func (a *Air) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		<-a.stopped
		return nil
	}
	a.closed = true
	for _, c := range a.controllers {
		c.power(transport.ErrClosed)
	}
	a.mu.Unlock()
	close(a.quit)
	<-a.stopped
	return nil
}

// Attach adds a new controller to the air.
func (a *Air) Attach(options Options) (*Controller, error) {
	options, err := options.checked()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c := newController(a, options)
	if err := a.plug(c); err != nil {
		return nil, err
	}
	return c, nil
}

// plug adds c to the listeners. They are ordered by address, so that
// simultaneous events happen in the same order whichever was attached first.
func (a *Air) plug(c *Controller) error {
	if a.closed {
		return fmt.Errorf("virtual: expected an open air to attach %s to: %w", c.options.Address, transport.ErrClosed)
	}
	at, found := slices.BinarySearchFunc(a.controllers, c.key, func(o *Controller, key uint64) int {
		switch {
		case o.key < key:
			return -1
		case o.key > key:
			return 1
		}
		return 0
	})
	if found {
		return fmt.Errorf("virtual: expected a new address, got %s again; give each controller its own: %w", c.options.Address, ErrTaken)
	}
	a.controllers = slices.Insert(a.controllers, at, c)
	return nil
}

// unplug removes c from the listeners.
func (a *Air) unplug(c *Controller) {
	if at := slices.Index(a.controllers, c); at >= 0 {
		a.controllers = slices.Delete(a.controllers, at, at+1)
	}
}

// Sniff calls f for every advertising event at its transmission, whether
// anybody hears it or not. There is one sniffer; nil removes it. f runs on the
// air's goroutine. It must not block or call the air or its controllers. The
// advertisement and its octets are valid only until f returns.
func (a *Air) Sniff(f func(*Advertisement)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sniffer = f
}

// Stats returns a copy of the counters.
func (a *Air) Stats() AirStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats
}

// now is the time since the air was made.
func (a *Air) now() time.Duration { return time.Since(a.start) }

// at schedules or moves t, and wakes the goroutine if t is now the next.
func (a *Air) at(t *timer, moment time.Duration) {
	a.schedule.set(t, moment)
	if !a.firing && a.schedule.next() == t {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// run is the air's only goroutine: it fires timers in order of time and sleeps
// until the next one.
func (a *Air) run() {
	defer close(a.stopped)
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		if wait, more := a.fireDue(); more {
			alarm.Reset(wait)
		} else {
			alarm.Stop()
		}
		select {
		case <-alarm.C:
		case <-a.wake:
		case <-a.quit:
			return
		}
	}
}

// fireDue fires what is due and returns the time until the next timer. A timer
// runs at its nominal time even if the process is late, so that intervals do
// not drift in real time.
func (a *Air) fireDue() (wait time.Duration, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.firing = true
	defer func() { a.firing = false }()
	now := a.now()
	for !a.closed {
		t := a.schedule.next()
		if t == nil {
			return 0, false
		}
		if t.at > now {
			return t.at - now, true
		}
		a.schedule.remove(t)
		t.fire(t.at)
	}
	return 0, false
}
