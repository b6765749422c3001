package provisioner

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// DeviceConfig is what an unprovisioned device works with.
type DeviceConfig struct {
	Host     part.Host
	PBADV    *PBADV
	Links    *gatt.Connections
	Options  part.DeviceOptions
	Elements int
	// Join makes the node part of the network that it was provisioned into.
	Join func(*provision.Joined)
	// Advertising is told that AppendAdvertising may give something else now.
	Advertising func()
	// Identify advertises the node's identity, after it was provisioned over
	// PB-GATT.
	Identify func()
}

// Device is the part of a node that waits to be provisioned.
type Device struct {
	part.None
	cfg        DeviceConfig
	host       part.Host
	device     *provision.Device // nil while the node is in a network
	nextBeacon time.Time
	out        provision.Output
}

// Compile-time checks of what others use it as.
var (
	_ part.Flusher    = (*Device)(nil)
	_ gatt.User       = (*Device)(nil)
	_ gatt.Acceptor   = (*Device)(nil)
	_ gatt.Advertiser = (*Device)(nil)
)

// NewDevice makes the part.
func NewDevice(cfg DeviceConfig) *Device {
	d := &Device{cfg: cfg, host: cfg.Host}
	cfg.Links.Accept(bearer.ProvisioningService, d)
	return d
}

// Load implements part.Part.
func (d *Device) Load(part.Stored) error {
	if d.host.State().IsProvisioned() {
		return nil
	}
	return d.start()
}

// LeftNetwork implements part.Part.
func (d *Device) LeftNetwork() error { return d.start() }

// start makes an unprovisioned device of the node: it sends beacons and waits for
// a provisioner.
func (d *Device) start() error {
	o := &d.cfg.Options
	capabilities := provision.Capabilities{
		Elements:   uint8(d.cfg.Elements),
		Algorithms: provision.AllAlgorithms,
	}
	o.Describe(&capabilities)
	device, err := provision.NewDevice(provision.DeviceOptions{
		UUID:         d.host.State().UUID,
		Capabilities: capabilities,
		StaticOOB:    o.StaticOOB,
		KeyPair:      o.KeyPair,
		Records:      o.Records,
		Random:       d.host.Random(),
	})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	d.device = device
	d.nextBeacon = d.host.Now()
	return nil
}

// waits reports whether the node waits to be provisioned.
func (d *Device) waits() bool { return d.device != nil && !d.host.State().IsProvisioned() }

// Inputs implements part.Part.
func (d *Device) Inputs() part.Inputs { return part.Provisioning }

// Input implements part.Part.
func (d *Device) Input(in *part.Input) bool {
	if d.device == nil {
		return false
	}
	d.device.Receive(d.host.Now(), in.PDU, d.output())
	// A node already, whose own link has not ended yet, may be a provisioner.
	return !d.host.State().IsProvisioned()
}

// Value takes the value that the device wants of somebody. It reports false when
// the node with this UUID does not wait to be provisioned.
func (d *Device) Value(uuid mesh.UUID, value string) (found bool, err error) {
	if d.device == nil || d.host.State().UUID != uuid {
		return false, nil
	}
	return true, d.device.Input(d.host.Now(), value, d.output())
}

// output is where the device puts out what it wants done.
func (d *Device) output() *provision.Output {
	d.host.Wake(d)
	return &d.out
}

// Flush implements part.Flusher. It acts on what the device puts out.
func (d *Device) Flush() {
	for len(d.out.Events)+len(d.out.Send)+len(d.out.Cancel)+len(d.out.Carry)+len(d.out.End) > 0 {
		out := d.out
		d.cfg.PBADV.Send(out.Cancel, out.Send)
		d.out = provision.Output{Cancel: out.Cancel[:0], Send: out.Send[:0]}
		for _, e := range out.Events {
			d.event(e)
		}
		for _, c := range out.Carry {
			if l := d.cfg.Links.Find(bearer.LinkID(c.Link)); l != nil {
				d.cfg.Links.Write(l, proxy.ProvisioningPDU, c.PDU)
			}
		}
		for _, e := range out.End {
			if l := d.cfg.Links.Find(bearer.LinkID(e.Link)); l != nil {
				d.cfg.Links.End(l)
			}
		}
	}
	if d.device != nil && d.device.Done() {
		d.device = nil
	}
	d.cfg.Advertising()
}

func (d *Device) event(e provision.Event) {
	if e.Step == provision.Completed {
		d.cfg.Join(e.Joined)
		return
	}
	d.host.Report(part.ProvisioningStep{UUID: e.UUID, Step: string(e.Step), Prompt: e.Prompt})
}

// Tick implements part.Part.
func (d *Device) Tick() {
	if d.device == nil {
		return
	}
	now := d.host.Now()
	if deadline.Due(d.device.NextDeadline(), now) {
		d.device.Tick(now, d.output())
	}
	if !d.waits() || !deadline.Due(d.nextBeacon, now) {
		return
	}
	d.nextBeacon = now.Add(d.cfg.Options.BeaconInterval())
	if !d.device.Linked() {
		n := d.host.State()
		b := beacon.Unprovisioned{UUID: n.UUID, OOB: d.cfg.Options.Information()}
		d.host.Advertise(bearer.Beacon, bearer.BeaconLane(), n.NetworkTransmit.Transmit(), b.Append(nil))
	}
}

// NextDeadline implements part.Part.
func (d *Device) NextDeadline() time.Time {
	if d.device == nil {
		return time.Time{}
	}
	next := d.device.NextDeadline()
	if d.waits() {
		next = deadline.Earliest(next, d.nextBeacon)
	}
	return next
}

// AppendAdvertising implements gatt.Advertiser.
func (d *Device) AppendAdvertising(dst []bearer.ConnectableAdvertisement) (all []bearer.ConnectableAdvertisement, only bool) {
	if !d.waits() {
		return dst, false
	}
	if !d.cfg.Options.GATT || d.device.Linked() {
		return dst, true
	}
	data := proxy.DeviceServiceData(d.host.State().UUID, d.cfg.Options.Information())
	return append(dst, bearer.ConnectableAdvertisement{Service: bearer.ProvisioningService, Data: data}), true
}

// Accept implements gatt.Acceptor.
func (d *Device) Accept(*bearer.LinkEvent) gatt.User {
	if !d.waits() || !d.cfg.Options.GATT || d.device.Linked() {
		return nil
	}
	return d
}

// Opened implements gatt.User.
func (d *Device) Opened(l *gatt.Link) {
	if d.device != nil {
		d.device.Connected(d.host.Now(), uint32(l.ID), d.output())
	}
}

// Received implements gatt.User.
func (d *Device) Received(l *gatt.Link, kind proxy.MessageType, message []byte) bool {
	if kind != proxy.ProvisioningPDU {
		return false
	}
	if d.device != nil {
		d.device.ReceivePDU(d.host.Now(), uint32(l.ID), message, d.output())
	}
	return true
}

// Closed implements gatt.User.
func (d *Device) Closed(l *gatt.Link, reason error) {
	if d.device != nil {
		d.device.Disconnected(d.host.Now(), uint32(l.ID), reason, d.output())
	}
	d.cfg.Identify()
}
