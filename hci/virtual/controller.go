package virtual

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Address is a Bluetooth device address in the octet order of HCI: the least
// significant octet first, the reverse of how it is written.
type Address [6]byte

// MakeAddress makes an address of a number: 0xC0FFEE000001 is
// C0:FF:EE:00:00:01.
func MakeAddress(number uint64) Address {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], number)
	return Address(b[:6])
}

// String writes a with the most significant octet first.
func (a Address) String() string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", a[5], a[4], a[3], a[2], a[1], a[0])
}

func (a Address) key() uint64 {
	return uint64(a[0]) | uint64(a[1])<<8 | uint64(a[2])<<16 | uint64(a[3])<<24 | uint64(a[4])<<32 | uint64(a[5])<<40
}

// Options says what a controller is and can do. The zero value with an address
// is an extended controller with 8 advertising sets.
type Options struct {
	Address     Address       // public device address, unique on its air
	Legacy      bool          // Bluetooth 4.2: no extended commands, non-connectable advertising not faster than 100 ms
	Sets        int           // advertising sets of an extended controller, 1 to 239; 0 is 8
	Exclusive   bool          // cannot scan and advertise at once: the second of the two is refused
	Credits     int           // commands that the host may have outstanding (Num_HCI_Command_Packets), 1 to 16; 0 is 1
	Latency     time.Duration // from a command to its completion; at 0 it is complete when the write returns
	ReportQueue int           // advertising reports that wait for a slow host, up to 65536; what does not fit is dropped and counted; 0 is 64
}

func (o Options) checked() (Options, error) {
	for _, field := range []struct {
		name       string
		value      *int
		preset, to int
	}{
		{"Sets", &o.Sets, 8, 239},
		{"Credits", &o.Credits, 1, maxCredits},
		{"ReportQueue", &o.ReportQueue, 64, 65536},
	} {
		if *field.value == 0 {
			*field.value = field.preset
		}
		if *field.value < 1 || *field.value > field.to {
			return o, fmt.Errorf("virtual: expected %s of 1 to %d for %s, came %d", field.name, field.to, o.Address, *field.value)
		}
	}
	if o.Latency < 0 {
		return o, fmt.Errorf("virtual: expected a Latency of 0 or more for %s, came %s", o.Address, o.Latency)
	}
	return o, nil
}

const maxCredits = 16

// Controller is a virtual Bluetooth LE controller. Its methods may be called
// from any goroutine. Everything below options belongs to the air's lock.
type Controller struct {
	air     *Air
	options Options
	key     uint64 // the address as a number

	host      *Host // who has the transport, nil while nobody has
	unplugged bool
	faults    faults
	stats     Stats

	pending   pending
	family    family
	mask      uint64 // Set Event Mask
	maskLE    uint64 // LE Set Event Mask
	random    Address
	hasRandom bool // the host has set random

	legacy set    // the one set of the legacy commands
	sets   []*set // by the extended commands, in the order of their creation
	scan   scanner

	events    uint64        // advertising events so far, seeds the chance of each
	busyFrom  time.Duration // the last transmission
	busyUntil time.Duration
}

// Stats counts what a controller did since it was attached.
type Stats struct {
	Commands   uint64 // commands taken from the host
	Overrun    uint64 // commands that came without a credit and were dropped
	Malformed  uint64 // packets of the host that were no HCI packet
	Data       uint64 // ACL, SCO and ISO packets, which are dropped while there are no connections
	Advertised uint64 // advertising events on the air
	Reports    uint64 // advertising reports queued for the host
	Dropped    uint64 // advertising reports dropped because the host was slow
	Events     uint64 // other events dropped because the host was slow
}

func newController(a *Air, options Options) *Controller {
	c := &Controller{air: a, options: options, key: options.Address.key()}
	c.legacy.init(c, 0)
	c.scan.init(c)
	c.pending.init(c)
	c.reset()
	return c
}

// Address is the controller's public device address.
func (c *Controller) Address() Address { return c.options.Address }

// Stats is a copy of the counters.
func (c *Controller) Stats() Stats {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	return c.stats
}

// Transport connects a host to the controller. It is a transport.Transport. A
// controller has one host: an earlier one's reads end with ErrClosed. A
// controller whose host comes or goes is as after power-on. On an unplugged
// controller or a closed air all reads and writes fail.
func (c *Controller) Transport() *Host {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	h := newHost(c)
	switch {
	case c.air.closed:
		h.shut(ErrClosed)
	case c.unplugged:
		h.shut(ErrUnplugged)
	default:
		c.power(ErrClosed)
		c.host = h
	}
	return h
}

// power turns the controller off and on again. A host that it still has loses
// it for the given reason.
func (c *Controller) power(reason error) {
	if c.host != nil {
		c.host.shut(reason)
		c.host = nil
	}
	c.faults = faults{mute: c.faults.mute}
	c.reset()
}

// reset is what the Reset command does, and power-on (Core volume 4 part E,
// 7.3.2): nothing is on the air, the masks have their defaults.
func (c *Controller) reset() {
	c.pending.clear()
	c.legacy.stop()
	for _, s := range c.sets {
		s.stop()
	}
	c.sets = nil
	c.legacy.setDefaults()
	c.scan.reset()
	c.family = neutral
	c.mask = defaultMask
	c.maskLE = defaultMaskLE
	c.random, c.hasRandom = Address{}, false
}

// advertising reports whether a set is enabled.
func (c *Controller) advertising() bool {
	if c.legacy.enabled {
		return true
	}
	for _, s := range c.sets {
		if s.enabled {
			return true
		}
	}
	return false
}
