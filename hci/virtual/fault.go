package virtual

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// faults are the injected faults of a controller.
type faults struct {
	dropCompletion []int // for each fault, commands until the unanswered one, at least 1
	hung           bool
	untilReset     bool // a Reset command ends the hang
	mute           bool
	garble         int // packets to the host still to be replaced by garbage
	holdData       bool
	dropCompleted  int // Number Of Completed Packets events still to be dropped
}

// DropCompletion makes the controller execute the n-th command from now, 1
// being the next, without answering it by Command Complete or Command Status.
// Its credit is lost until another completion sets the credits. Several calls
// add up.
func (c *Controller) DropCompletion(n int) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if n > 0 {
		c.faults.dropCompletion = append(c.faults.dropCompletion, n)
	}
}

// Hang makes the controller silent: it accepts packets and does nothing,
// neither for the host nor on the air. Only Resume, Unplug and, with
// untilReset, the host's Reset command end it. After Resume its state, such as
// enabled advertising sets, is unchanged.
func (c *Controller) Hang(untilReset bool) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.hung, c.faults.untilReset = true, untilReset
}

// Resume ends a Hang.
func (c *Controller) Resume() {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.hung = false
}

// Mute stops the controller's transmitter without any sign: commands complete
// as usual, but nothing is transmitted, and no Advertising Set Terminated is
// sent. It survives resets until Mute(false).
func (c *Controller) Mute(on bool) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.mute = on
}

// HoldData makes the controller keep ACL data: none is transmitted or
// completed, while the connections stay. It survives resets until
// HoldData(false).
func (c *Controller) HoldData(on bool) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.holdData = on
}

// DropCompleted drops the next n Number Of Completed Packets events, so that
// the host waits for these buffers.
func (c *Controller) DropCompleted(n int) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.dropCompleted = max(n, 0)
}

// HardwareError sends a Hardware Error event (Core, volume 4 part E, 7.7.16) if
// the event mask enables it. The controller continues as before.
func (c *Controller) HardwareError(code uint8) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if !c.faults.hung && c.mask&packet.EventMaskHardwareError != 0 {
		c.event([]byte{typeEvent, eventHardwareError, 1, code})
	}
}

// Garble replaces the next n packets to the host by garbage of 1 to 64 octets.
func (c *Controller) Garble(n int) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.garble = max(n, 0)
}

// Inject sends octets to the host unchanged, as one H4 packet. More than
// MaxPacket octets are cut off.
func (c *Controller) Inject(octets []byte) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.event(octets)
}

// Unplug removes the controller, like pulling a USB dongle: the host's reads
// and writes fail with ErrUnplugged, and nothing is on the air.
func (c *Controller) Unplug() {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if c.unplugged {
		return
	}
	c.unplugged = true
	c.faults.hung = false
	c.power(ErrUnplugged)
	c.air.unplug(c)
}

// Plug attaches an unplugged controller again, as after power-on and without a
// host.
func (c *Controller) Plug() error {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if !c.unplugged {
		return nil
	}
	if err := c.air.plug(c); err != nil {
		return err
	}
	c.unplugged = false
	return nil
}

// answers counts one command for DropCompletion and reports whether this
// command is to be answered.
func (f *faults) answers() bool {
	before := len(f.dropCompletion)
	f.dropCompletion = slices.DeleteFunc(f.dropCompletion, func(n int) bool { return n == 1 })
	for i := range f.dropCompletion {
		f.dropCompletion[i]--
	}
	return len(f.dropCompletion) == before
}
