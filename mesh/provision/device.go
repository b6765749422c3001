package provision

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// DeviceOptions is what an unprovisioned device is.
type DeviceOptions struct {
	UUID         mesh.UUID
	Capabilities Capabilities
	StaticOOB    AuthValue       // nil for none; needs the bit in Capabilities.OOBTypes
	Random       io.Reader       // cryptographic randomness
	Transmit     bearer.Transmit // of each PDU; DefaultTransmit if zero
}

// Device is an unprovisioned device that lets itself be provisioned. It takes
// one link at a time and, after a failure, the next one. After Completed it
// answers what the provisioner repeats until the link ends.
type Device struct{}

// NewDevice makes a device. It returns an error when the options contradict
// each other or ask for what is not built.
func NewDevice(o DeviceOptions) (*Device, error) { panic("TODO") }

// Receive handles a PB-ADV PDU. A PDU of another link, or a Link Open for
// another device, is ignored.
func (d *Device) Receive(now time.Time, pdu []byte, out *Output) { panic("TODO") }

// NextDeadline is when Tick wants to be called, zero for never.
func (d *Device) NextDeadline() time.Time { panic("TODO") }

// Tick does what is due: retransmissions and timeouts.
func (d *Device) Tick(now time.Time, out *Output) { panic("TODO") }

// Linked reports whether a link is open; a device that is linked sends no
// unprovisioned device beacons.
func (d *Device) Linked() bool { panic("TODO") }

// Done reports that the device is a node and its link has ended.
func (d *Device) Done() bool { panic("TODO") }

// Counters of what was received so far.
func (d *Device) Counters() Counters { panic("TODO") }
