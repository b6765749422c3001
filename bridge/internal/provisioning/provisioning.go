// Package provisioning takes devices into the network (Mesh Protocol 1.1.1, chapter
// 5): device/provision, device/oob and device/provision_cancel.
//
//	device/provision ─▶ node.Provision ─▶ record ─▶ interview ─▶ response
//	                        │    ▲
//	          bridge/event ◀┘    └── device/oob: what the device shows
package provisioning

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Interviews begins an interview.
type Interviews interface {
	Joined(d *registry.Device, direct bool, reply part.DeviceAnswer)
}

// Unprovisioned is the list of unprovisioned devices.
type Unprovisioned interface {
	// Remove takes a device off the list.
	Remove(uuid mesh.UUID)
	// Nearest returns the node that provisions a device which the bridge does not
	// receive itself; unassigned for none.
	Nearest(uuid mesh.UUID) mesh.Address
}

// Config says how devices are authenticated.
type Config struct {
	// StaticOOB is the value for devices that require Static OOB, if the request has
	// no value; nil for none.
	StaticOOB provision.AuthValue
	// RequireOOB refuses to take devices in without authentication.
	RequireOOB bool
	// TrustAnchors vouch for the certificates of devices; nil for none.
	TrustAnchors *provision.TrustAnchors
}

// Options says how to take a device in.
type Options struct {
	UUID mesh.UUID
	Name string // friendly name; made of the UUID when empty
	// Policy is how the device may be authenticated; nil for what it demands.
	Policy *provision.Policy
	// Certificate proves who the device is; nil to go without.
	Certificate *node.Certificate
	// Via is the node whose Remote Provisioning Server reaches the device;
	// unassigned for the bridge itself.
	Via       mesh.Address
	Attention uint8         // seconds for which the device shows itself
	NetKey    mesh.KeyIndex // the subnet that it joins
	Bearer    node.BearerChoice
}

// Part provisions devices. Make it with New.
type Part struct {
	part.None
	h             *part.Host
	cfg           Config
	interviews    Interviews
	unprovisioned Unprovisioned
}

// New makes the part.
func New(h *part.Host, cfg Config, i Interviews, u Unprovisioned) *Part {
	return &Part{h: h, cfg: cfg, interviews: i, unprovisioned: u}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{
		request.Define(provisionMeta(), p.request),
		request.Define(oobMeta(), p.requestOOB),
		request.Define(cancelMeta(), p.requestCancel),
	}
}

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	switch e := e.(type) {
	case node.ProvisioningStep:
		p.stepped(e)
	case node.ProvisioningDone:
		p.done(e)
	}
}

// done takes in a device whose provisioning has ended after its request was given up,
// because the store did not take it in time. Usually a worker waits, and goes on.
func (p *Part) done(e node.ProvisioningDone) {
	if e.Err != nil || p.h.Devices.Joining(e.UUID) || p.h.Loop.Stopping() {
		return
	}
	if d := p.h.Devices.ByUUID(e.UUID); d != nil && d.Record.Address == e.Peer.Address {
		return
	}
	p.h.Publisher.Warn("", "the device %s has joined after all; its name can be changed with device/rename", e.UUID)
	p.provisioned(Options{UUID: e.UUID}, e.Peer, nil, func(*document.DeviceReference, error) {})
}

// request is device/provision.
func (p *Part) request(c *request.Call[document.DeviceReference], in provisionIn) {
	o, err := p.options(&in)
	if err != nil {
		c.Fail(err)
		return
	}
	p.Provision(o, c.Answer)
}

// Provision begins to take a device in; reply is called when it has been
// interviewed, or with the reason why not.
func (p *Part) Provision(o Options, reply part.DeviceAnswer) {
	if o.UUID.IsZero() {
		reply(nil, fault.New("bad_value", "uuid: expected the UUID of an unprovisioned device, see %s",
			p.h.Topics.Bridge("unprovisioned")))
		return
	}
	if o.Name != "" {
		if err := p.h.Devices.CheckName("name", o.Name, o.UUID); err != nil {
			reply(nil, err)
			return
		}
	}
	if p.h.Devices.Joining(o.UUID) {
		reply(nil, fault.New("busy", "%s is being provisioned already", o.UUID))
		return
	}
	if d := p.h.Devices.ByUUID(o.UUID); d != nil && d.Busy {
		reply(nil, p.h.Devices.Idle(d))
		return
	}
	if p.h.Loop.Stopping() {
		reply(nil, node.ErrStopped)
		return
	}
	if err := p.h.RadioDown(); err != nil {
		reply(nil, err)
		return
	}
	p.h.Devices.Reserve(o.UUID, o.Name)
	policy := o.Policy
	if policy == nil {
		policy = &provision.Policy{Allowed: provision.AllMethods, Static: p.cfg.StaticOOB, LeastEffort: true}
	}
	p.h.Log.Info().Stringer("uuid", o.UUID).Strs("authentication", methodsOf(policy)).Bool("certificate", o.Certificate != nil).
		Stringer("via", o.Via).Msg("provisioning a device")
	p.h.Loop.Go(func(ctx context.Context) {
		peer, err := p.h.Mesh.Provision(ctx, node.Provision{
			UUID: o.UUID, NetKey: o.NetKey, Policy: policy, Certificate: o.Certificate, Via: o.Via, Attention: o.Attention, Bearer: o.Bearer,
		})
		p.h.Loop.Post(func() { p.provisioned(o, peer, err, reply) })
	})
}

// provisioned goes on with a device that has become a node.
func (p *Part) provisioned(o Options, peer state.Peer, err error, reply part.DeviceAnswer) {
	p.h.Devices.Release(o.UUID)
	if err = p.h.Explain(err); err != nil {
		p.h.Publisher.Notify(document.DeviceProvisioning{
			UUID: o.UUID, Step: "failed", Code: fault.Code(err), Error: fault.Text(err),
		})
		reply(&document.DeviceReference{UUID: o.UUID}, err)
		return
	}
	p.unprovisioned.Remove(o.UUID)
	d := p.h.Records.Adopt(peer, o.Name)
	p.h.Log.Info().Str("device", d.Record.Name).Stringer("uuid", peer.UUID).Stringer("address", peer.Address).
		Int("elements", peer.Elements).Msg("a device joined the network")
	p.h.Publisher.Notify(document.DeviceJoined{Address: peer.Address, Name: d.Record.Name, UUID: peer.UUID})
	p.interviews.Joined(d, o.Via == mesh.Unassigned, reply)
}
