package virtual

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// faults are the troubles that a controller is in.
type faults struct {
	dropCompletion []int // commands until one gets no answer, each 1 or more
	hung           bool
	untilReset     bool // a Reset command cures the hang
	mute           bool
	garble         int // packets to the host that will be garbage
	holdData       bool
	dropCompleted  int // Number Of Completed Packets events that will not come
}

// DropCompletion makes the controller carry out the n-th command from now,
// 1 being the next, without a Command Complete or Command Status for it; its
// credit is lost until another completion gives the credits anew. Several
// calls add up.
func (c *Controller) DropCompletion(n int) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	if n > 0 {
		c.faults.dropCompletion = append(c.faults.dropCompletion, n)
	}
}

// Hang makes the controller go silent: it takes packets and does nothing,
// neither for the host nor on the air. Only Resume, Unplug and, with untilReset,
// the host's Reset command end it; after Resume what it held, such as enabled
// advertising sets, is as it was.
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

// Mute makes the controller's transmitter stop without a word: commands
// complete as ever, but nothing goes on the air and no Advertising Set
// Terminated comes. It lasts through resets until Mute(false).
func (c *Controller) Mute(on bool) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.mute = on
}

// HoldData makes the controller keep the ACL data that it has and gets: none
// goes on the air and none is completed, while its connections stay. It lasts
// through resets until HoldData(false).
func (c *Controller) HoldData(on bool) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.holdData = on
}

// DropCompleted swallows the next n Number Of Completed Packets events, so that
// the host waits for the buffers that they give back.
func (c *Controller) DropCompleted(n int) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.faults.dropCompleted = max(n, 0)
}

// HardwareError sends a Hardware Error event (Core volume 4 part E, 7.7.16) if
// the event mask lets it through. The controller goes on as before.
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

// Inject sends octets to the host as they are, as one H4 packet. More than
// MaxPacket octets are cut.
func (c *Controller) Inject(octets []byte) {
	c.air.mu.Lock()
	defer c.air.mu.Unlock()
	c.event(octets)
}

// Unplug takes the controller away, as when a USB dongle is pulled: the host's
// reads and writes fail with ErrUnplugged and nothing is on the air.
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

// Plug puts an unplugged controller back, freshly powered and without a host.
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

// answers takes one command off the counts of DropCompletion and reports
// whether this command is to be answered.
func (f *faults) answers() bool {
	before := len(f.dropCompletion)
	f.dropCompletion = slices.DeleteFunc(f.dropCompletion, func(n int) bool { return n == 1 })
	for i := range f.dropCompletion {
		f.dropCompletion[i]--
	}
	return len(f.dropCompletion) == before
}
