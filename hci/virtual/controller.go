package virtual

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// MakeAddress converts a 48-bit number to an address: 0xC0FFEE000001 is
// C0:FF:EE:00:00:01.
func MakeAddress(number uint64) packet.Address {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], number)
	return packet.Address(b[:6])
}

// addressKey is an address as a number, for sorting and look-up.
func addressKey(a packet.Address) uint64 {
	var b [8]byte
	copy(b[:], a[:])
	return binary.LittleEndian.Uint64(b[:])
}

// Options describes a controller. With only an address it is an extended
// controller with 8 advertising sets.
type Options struct {
	Address     packet.Address // public device address, unique on its air
	Legacy      bool           // Bluetooth 4.2: no extended commands, non-connectable advertising no faster than every 100 ms
	Sets        int            // advertising sets of an extended controller, 1 to 239; 0 is 8
	Exclusive   bool           // cannot scan and advertise at the same time: refuses whichever comes second
	Credits     int            // commands that the host may have outstanding (Num_HCI_Command_Packets), 1 to 16; 0 is 1
	Latency     time.Duration  // from a command to its completion; with 0, commands complete within Write
	Connections int            // most connections, 1 to 32; 0 is 4
	DataLength  int            // octets of an ACL buffer, 27 to 251; 0 is 27
	DataPackets int            // ACL buffers, 1 to 64; 0 is 4
	SharedData  bool           // LE has no separate ACL buffers; Read Buffer Size returns them
	ReportQueue int            // advertising reports that can wait for a slow host, up to 65536; more are dropped and counted; 0 is 64
}

func (o Options) checked() (Options, error) {
	for _, field := range []struct {
		name       string
		value      *int
		preset, to int
	}{
		{"Sets", &o.Sets, 8, 239},
		{"Credits", &o.Credits, 1, maxCredits},
		{"Connections", &o.Connections, 4, 32},
		{"DataLength", &o.DataLength, minDataLength, packet.MaxDataOctets},
		{"DataPackets", &o.DataPackets, 4, 64},
		{"ReportQueue", &o.ReportQueue, 64, 65536},
	} {
		if *field.value == 0 {
			*field.value = field.preset
		}
		if *field.value < 1 || *field.value > field.to {
			return o, fmt.Errorf("virtual: expected %s of 1 to %d for %s, got %d", field.name, field.to, o.Address, *field.value)
		}
	}
	if o.DataLength < minDataLength {
		return o, fmt.Errorf("virtual: expected DataLength of %d or more for %s, got %d", minDataLength, o.Address, o.DataLength)
	}
	if o.Latency < 0 {
		return o, fmt.Errorf("virtual: expected a Latency of 0 or more for %s, got %s", o.Address, o.Latency)
	}
	return o, nil
}

const maxCredits = 16

// Controller is a virtual Bluetooth LE controller. Any goroutine may call its
// methods. The air's lock protects everything below options.
type Controller struct {
	air     *Air
	options Options
	key     uint64 // the address as a number

	host      *host // owner of the transport, or nil
	unplugged bool
	faults    faults
	stats     Stats

	pending pending
	settings

	legacy set    // the set of the legacy commands
	sets   []*set // sets of the extended commands, in order of creation
	scan   scanner

	initiator initiator
	ends      []*end // ends of connections, ordered by handle

	events    uint64        // advertising events so far; seeds the random decisions of each
	busyFrom  time.Duration // the last transmission
	busyUntil time.Duration
}

// settings are the values that the host has set.
type settings struct {
	family    family
	mask      uint64 // Set Event Mask
	maskLE    uint64 // LE Set Event Mask
	random    packet.Address
	hasRandom bool   // the host has set random
	suggested uint16 // octets of data in a link layer packet
}

// Stats counts what a controller has done since it was attached.
type Stats struct {
	Commands   uint64 // commands accepted from the host
	Overrun    uint64 // commands without a credit, which are dropped
	Malformed  uint64 // packets of the host that were not HCI packets
	Data       uint64 // ACL packets accepted for a connection
	Stray      uint64 // ACL, SCO and ISO packets for no connection, which are dropped
	Flooded    uint64 // ACL packets without a free buffer, which are dropped
	Advertised uint64 // advertising events transmitted
	Reports    uint64 // advertising reports queued for the host
	Dropped    uint64 // advertising reports dropped because the host was slow
	Events     uint64 // other events dropped because the host was slow
}

func newController(a *Air, options Options) *Controller {
	c := &Controller{air: a, options: options, key: addressKey(options.Address)}
	c.legacy.init(c, 0)
	c.scan.init(c)
	c.pending.init(c)
	c.reset()
	return c
}

// Address is the controller's public device address.
func (c *Controller) Address() packet.Address { return c.options.Address }

// Stats returns a copy of the counters.
func (c *Controller) Stats() Stats {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	return c.stats
}

// Transport connects a host to the controller: one H4 packet per Read and per
// Write, and no Write blocks. A controller has one host: the reads of an
// earlier one end with transport.ErrClosed. When the host changes, the
// controller is in the state after power-on. If the controller is unplugged or
// the air is closed, all reads and writes fail.
func (c *Controller) Transport() transport.Transport {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	h := newHost(c)
	switch {
	case c.air.closed:
		h.shut(transport.ErrClosed)
	case c.unplugged:
		h.shut(ErrUnplugged)
	default:
		c.power(transport.ErrClosed)
		c.host = h
	}
	return h
}

// power switches the controller off and on. A connected host is disconnected
// with the given error. Injected faults stay.
func (c *Controller) power(reason error) {
	if c.host != nil {
		c.host.shut(reason)
		c.host = nil
	}
	c.reset()
}

// reset does what the Reset command and power-on do (Core, volume 4 part E,
// 7.3.2): nothing is on the air, and the masks have their defaults.
func (c *Controller) reset() {
	c.pending.clear()
	c.initiator = initiator{}
	c.abandon()
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
	c.random, c.hasRandom = packet.Address{}, false
	c.suggested = minDataLength
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
