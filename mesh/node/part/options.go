package part

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Options configure a node. All but Elements and Random may be zero.
type Options struct {
	// Elements with their models, the first being the primary element.
	Elements []access.Element
	// Random is a source of cryptographic randomness.
	Random io.Reader
	// Monitor makes the node report every access message it can read that is
	// addressed to it or to any group, and every unprovisioned device.
	Monitor bool
	// KeepComposition makes a node whose program has other elements or models
	// than it was provisioned with keep those that it had, until a Provisioner
	// refreshes its composition or its address (section 3.11.8).
	KeepComposition bool
	// Resident makes the node refuse what would take the network away from it:
	// a Config Node Reset, and the other messages in the table of resident.go in
	// package configuration. It reports ResetRefused and ConfigurationRefused.
	// Its owner can do all of that: Core.Reset, Node.Keys.
	Resident bool
	// Device is for a node that waits to be provisioned.
	Device DeviceOptions
	// CacheSize is the number of messages in the network message cache.
	CacheSize int
	// SAR is how segmented messages are sent; nil for the defaults of section
	// 4.2.48.
	SAR *transport.Transmitter
	// Addresses are those that this node gives out as a provisioner.
	Addresses AddressRange
	// ReplaySize is the number of sources in the replay protection list.
	ReplaySize int
	// Friend bounds the Friend feature, which the state of the node switches
	// on.
	Friend FriendOptions
	// LowPower makes the node a Low Power node; nil for a node that always
	// listens.
	LowPower *LowPowerOptions
	// Proxy is the node's part in the proxy protocol.
	Proxy ProxyOptions
}

// DeviceOptions configure a node that waits to be provisioned.
type DeviceOptions struct {
	StaticOOB provision.AuthValue // nil for none
	OOBDevice
	OOB      beacon.OOB    // where the OOB data is to be found
	Interval time.Duration // between two beacons; one second if zero
	GATT     bool          // it can be provisioned over PB-GATT as well
}

// BeaconInterval is the time between two Unprovisioned Device beacons.
func (d DeviceOptions) BeaconInterval() time.Duration {
	if d.Interval > 0 {
		return d.Interval
	}
	return time.Second
}

// OOBDevice is what an unprovisioned device has out of band besides a static
// value.
type OOBDevice struct {
	OutputActions provision.Actions
	OutputSize    uint8 // 1 to 8 with OutputActions
	InputActions  provision.Actions
	InputSize     uint8           // 1 to 8 with InputActions
	KeyPair       *crypto.KeyPair // its public half is known out of band; nil for none
	Records       provision.Records
	Required      bool // the device refuses to be provisioned without OOB
}

// Information is where the OOB data of the device is to be found, with what its
// records add to it.
func (d *DeviceOptions) Information() beacon.OOB {
	all := d.OOB
	if len(d.Records) > 0 {
		all |= beacon.OOBRecords
	}
	if _, ok := d.Records[provision.RecordDeviceCertificate]; ok {
		all |= beacon.OOBCertificates
	}
	return all
}

// Describe fills in the capabilities of the device.
func (d *DeviceOptions) Describe(c *provision.Capabilities) {
	if d.StaticOOB != nil {
		c.OOBTypes |= provision.StaticOOBAvailable
	}
	if d.Required {
		c.OOBTypes |= provision.OOBRequired
	}
	if d.KeyPair != nil {
		c.PublicKeyTypes |= provision.PublicKeyOOB
	}
	c.OutputActions, c.OutputSize = d.OutputActions, d.OutputSize
	c.InputActions, c.InputSize = d.InputActions, d.InputSize
}

// FriendOptions bound the Friend feature (section 3.6.6); zero for the defaults
// of package friend.
type FriendOptions struct {
	Friendships int // Low Power nodes
	Queue       int // PDUs that wait for each of them
}

// LowPowerOptions configure a Low Power node (section 3.6.6.4); zero for the
// defaults of package friend.
type LowPowerOptions struct {
	PollTimeout  time.Duration // after which the friend forgets it, 1 s to four days
	PollInterval time.Duration // that it sleeps
	ReceiveDelay time.Duration // between a question and its answer, 10 to 255 ms
	Criteria     friend.Criteria
}

// ClientMode is when a node uses a proxy.
type ClientMode uint8

// The modes.
const (
	// ClientOff is never.
	ClientOff ClientMode = iota
	// ClientAuto is when nothing of the network has been received by advertising
	// for a while and a proxy is in range.
	ClientAuto
	// ClientOn is whenever a proxy is in range.
	ClientOn
)

// ProxyOptions is a node's part in the proxy protocol (chapter 6).
type ProxyOptions struct {
	Client ClientMode
	// Connections is how many proxies a client uses at once, 1 if zero.
	Connections int
	// Clients is how many clients a server has at once, 1 if zero. The GATT Proxy
	// state switches the server on.
	Clients int
}

// AddressRange is the unicast addresses that a provisioner gives out: those from
// First to Last. The zero value is all of them.
type AddressRange struct{ First, Last mesh.Address }

// Exclusion is the unicast addresses of a node that has left the network. They
// may be given out again when the IV index has become two higher than it was
// then: before that the others would take a new node there for a replay of the
// old one (section 3.9.8). The Mesh Configuration Database has them as
// networkExclusions.
type Exclusion struct {
	IVIndex  mesh.IVIndex
	Address  mesh.Address // the first
	Elements int
}
