package part

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// StepQueued is the step of a provisioning that waits for its turn.
const StepQueued = "queued"

// MaxProvisionings bounds the provisionings that wait for their turn: about half of all
// unicast addresses.
const MaxProvisionings = 1 << 14

// MaxSessions bounds the provisionings that run at once, so that the radio has
// time for the network. More wait for their turn.
const MaxSessions = 16

// Errors of Provision.
var (
	ErrNotProvisioned = errors.New("node: this node is not part of a network yet")
	// ErrNoProvisioning is returned for a device that is not being provisioned.
	ErrNoProvisioning  = errors.New("node: this device is not being provisioned at the moment")
	ErrProvisioning    = errors.New("node: this device is being provisioned already")
	ErrTooManySessions = fmt.Errorf("node: %d devices wait to be provisioned already, wait for some of them", MaxProvisionings)
	ErrNoAddresses     = errors.New("node: no unicast addresses are left for the elements of this device")
)

// Provision is which device to provision, and how.
type Provision struct {
	UUID mesh.UUID
	// NetKey is the subnet that the device joins.
	NetKey mesh.KeyIndex
	// Auth is how the device is authenticated.
	Auth provision.Auth
	// Policy, if set, chooses how the device is authenticated, by what the device
	// offers. Auth is then ignored.
	Policy *provision.Policy
	// Certificate, if set, proves the identity of the device.
	Certificate *Certificate
	// Attention is for how many seconds the device attracts attention.
	Attention uint8
	// Via is the node whose Remote Provisioning Server reaches the device;
	// unassigned for this node's own radio.
	Via mesh.Address
	// Bearer is what the device is provisioned over.
	Bearer BearerChoice
}

// Certificate asks for certificate-based provisioning.
type Certificate struct {
	Anchors *provision.TrustAnchors // trusted certificates; nil for none
	// Records are certificates from another source; nil to read those of the
	// device.
	Records provision.Records
}

// InRecords reports whether the device is asked for its certificate.
func (c *Certificate) InRecords() bool { return c != nil && c.Records == nil }

// BearerChoice is what a device is to be provisioned over.
type BearerChoice uint8

// The choices.
const (
	// AnyBearer is PB-ADV if the device was received on it, else PB-GATT if the
	// device was seen on it, else PB-ADV.
	AnyBearer BearerChoice = iota
	OnlyPBADV
	OnlyPBGATT
)

// ErrNotSighted is returned for provisioning over PB-GATT when no advertisement
// of the device was received recently: its address is not known.
var ErrNotSighted = errors.New("node: the device has not advertised that it can be provisioned over PB-GATT in the last half minute; wait until it is listed with pb-gatt, or take another bearer")

// Errors of Provision with Via, and of Refresh.
var (
	ErrUnknownServer = errors.New("node: no node of this network has that address")
	ErrServerBusy    = errors.New("node: another provisioning goes through this node already; a Remote Provisioning Server has one link at a time")
	ErrNotRenewed    = errors.New("node: the node answers as it was before its refresh, so it did not take on what was renewed; try again")
	ErrUncertain     = errors.New("node: the node did not confirm the end of its refresh, and answers neither under its old nor its new device key; try again when it can be reached")
)

// Refresh is what to renew on a node that is in the network (section 3.11.8).
type Refresh struct {
	Address   mesh.Address // of the node
	Procedure remoteprovisioning.RefreshProcedure
}
