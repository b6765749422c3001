package node

import (
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// This file is how devices are authenticated while they are provisioned, on
// either side.

// ErrNoProvisioning is what is returned for a device that is not being
// provisioned.
var ErrNoProvisioning = errors.New("node: this device is not being provisioned at the moment")

// Certificate asks for certificate-based provisioning.
type Certificate struct {
	Anchors *provision.TrustAnchors // who is trusted; nil for nobody
	// Records has the certificates that were got elsewhere; nil to read those
	// that the device has.
	Records provision.Records
}

// inRecords reports whether the device is asked for its certificate.
func (c *Certificate) inRecords() bool { return c != nil && c.Records == nil }

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

// information is where the OOB data of the device is to be found, with what its
// records add to it.
func (d *DeviceOptions) information() beacon.OOB {
	all := d.OOB
	if len(d.Records) > 0 {
		all |= beacon.OOBRecords
	}
	if _, ok := d.Records[provision.RecordDeviceCertificate]; ok {
		all |= beacon.OOBCertificates
	}
	return all
}

// describe fills the capabilities of the device in.
func (d *DeviceOptions) describe(c *provision.Capabilities) {
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

// authentication is how a device with these capabilities is authenticated.
func (c *Core) authentication(s *session, offered *provision.Capabilities) (provision.Auth, error) {
	auth := s.want.Auth
	if s.want.Policy != nil {
		var err error
		if auth, err = s.want.Policy.Choose(offered); err != nil {
			return auth, err
		}
	}
	if s.want.Certificate == nil {
		return auth, nil
	}
	records := s.records
	if !s.want.Certificate.inRecords() {
		records = s.want.Certificate.Records
	}
	key, err := records.Verify(s.want.UUID, s.want.Certificate.Anchors, c.now)
	auth.PublicKey = key
	return auth, err
}

// ProvisioningInput takes the value that was wanted with the step oob_wanted: by
// a session with the device, or by this node as the device. It returns
// ErrNoProvisioning when no provisioning of the device runs,
// provision.ErrNotAwaited when it waits for no value, and an error that wraps
// provision.ErrValue for what cannot be one; then another can be given.
func (c *Core) ProvisioningInput(now time.Time, uuid mesh.UUID, value string) error {
	c.begin(now)
	defer c.collectTransport(0)
	defer c.collectProvisioning()
	if c.device != nil && c.state.UUID == uuid {
		return c.device.Input(now, value, &c.provisioning)
	}
	for _, s := range c.sessions {
		if s.want.UUID == uuid && !s.ended {
			return s.Input(now, value, &c.provisioning)
		}
	}
	return ErrNoProvisioning
}
