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

// AirOptions says what an air is like. The zero value is a perfect one.
type AirOptions struct {
	Seed       uint64 // of all chance in the room
	Link       Link   // between all that SetLink does not name
	HalfDuplex bool   // a controller does not hear while it transmits
	Collisions bool   // two transmissions that overlap at a listener are both lost to it
}

// Air is the simulated medium and the clock of the controllers attached to it.
// Its methods may be called from any goroutine.
type Air struct {
	options  AirOptions
	start    time.Time
	commands map[packet.Opcode]command

	wake    chan struct{} // something earlier than the next timer has come up
	quit    chan struct{}
	stopped chan struct{}

	mu          sync.Mutex // holds the air and all controllers
	closed      bool
	schedule    schedule
	firing      bool
	controllers []*Controller // plugged in, in the order of their addresses
	defaultLink Link
	links       map[pair]Link
	sniffer     func(*Advertisement)
	radio       radio
	stats       AirStats
}

// AirStats counts what the air did since it was made.
type AirStats struct {
	Events    uint64 // advertising events that were transmitted
	Heard     uint64 // receptions by a scanning controller, duplicates included
	Lost      uint64 // receptions that Loss took
	Collided  uint64 // receptions lost to a collision or to the listener's own transmission
	Duplicate uint64 // receptions that Duplicate added

	Connections uint64 // connections made
	Exchanged   uint64 // link layer packets with data that arrived
	Missed      uint64 // connection events that were lost
}

// NewAir makes an air and starts its goroutine, which ends with Close. In a
// testing/synctest test it must be made inside the bubble.
func NewAir(options AirOptions) *Air {
	a := newAir(options)
	go a.run()
	return a
}

// newAir is an air whose time does not pass by itself.
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
// transport.ErrClosed. It returns when the air's goroutine has ended.
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

// Attach puts a new controller on the air.
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

// plug adds c to those who hear. The order by address makes what happens in
// one moment happen in the same order whoever was attached first.
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
		return fmt.Errorf("virtual: expected a new address, came %s, give each controller its own: %w", c.options.Address, ErrTaken)
	}
	a.controllers = slices.Insert(a.controllers, at, c)
	return nil
}

// unplug takes c from those who hear.
func (a *Air) unplug(c *Controller) {
	if at := slices.Index(a.controllers, c); at >= 0 {
		a.controllers = slices.Delete(a.controllers, at, at+1)
	}
}

// Sniff calls f for every advertising event at the moment of its transmission,
// heard or not. There is one sniffer; nil removes it. f runs on the air's
// goroutine and must neither block nor call the air or its controllers; the
// advertisement and its octets are valid only until f returns.
func (a *Air) Sniff(f func(*Advertisement)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sniffer = f
}

// Stats is a copy of the counters.
func (a *Air) Stats() AirStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats
}

// now is the age of the air.
func (a *Air) now() time.Duration { return time.Since(a.start) }

// at schedules t, or moves it, and rouses the goroutine if t is the next.
func (a *Air) at(t *timer, moment time.Duration) {
	a.schedule.set(t, moment)
	if !a.firing && a.schedule.next() == t {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// run is the air's one goroutine: it fires what is due in order of time and
// sleeps until the next.
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

// fireDue fires what is due and returns how long it is until the next. A timer
// runs at the moment it was set for, even if the process comes late to it: so
// intervals do not drift in real time.
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
