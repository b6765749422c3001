// Package noderefresh refreshes the device key, the addresses or the composition of a
// device through its Remote Provisioning Server: device/refresh. The specification calls
// these the Node Provisioning Protocol Interface procedures (Mesh Protocol 1.1.1,
// section 3.11.8).
package noderefresh

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Interviews begins an interview.
type Interviews interface {
	Interview(d *registry.Device, reply part.DeviceAnswer)
}

// Commands sends the commands that wait for a device.
type Commands interface{ Resume(d *registry.Device) }

// Part refreshes devices. Make it with New.
type Part struct {
	part.None
	h          *part.Host
	interviews Interviews
	commands   Commands
}

// New makes the part.
func New(h *part.Host, i Interviews, c Commands) *Part {
	return &Part{h: h, interviews: i, commands: c}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(refreshMeta(), p.request)}
}

// Event implements part.Part. It takes the outcome of a procedure whose request was given
// up, because the store did not take it in time. Usually a worker waits for it.
func (p *Part) Event(e node.Event) {
	done, ok := e.(node.RefreshDone)
	if !ok || done.Err != nil || p.h.Loop.Stopping() {
		return
	}
	d := p.h.Devices.ByUUID(done.UUID)
	if d == nil || d.Busy || done.Peer.Address == d.Record.Address && done.Peer.Elements == d.Record.Elements() {
		return
	}
	p.h.Publisher.Warn(d.Record.Name, "%s was renewed after all", d.Record.Name)
	p.ended(d, remoteprovisioning.RefreshNodeAddress, done.Peer, nil, func(*document.DeviceReference, error) {})
}

// request begins one of the procedures.
func (p *Part) request(c *request.Call[document.DeviceReference], in refreshIn) {
	d, err := p.h.Devices.Named("id", string(in.ID))
	if err == nil {
		err = p.h.Devices.Idle(d)
	}
	if err == nil && !d.MayHave(foundation.RemoteProvisioningServerID) {
		err = fault.New("bad_value", "id: %s has no Remote Provisioning Server, by which it could be renewed", d.Record.Name)
	}
	if err != nil {
		c.Fail(err)
		return
	}
	procedure := map[string]remoteprovisioning.RefreshProcedure{
		"device_key": remoteprovisioning.RefreshDeviceKey, "address": remoteprovisioning.RefreshNodeAddress, "composition": remoteprovisioning.RefreshComposition,
	}[in.What]
	d.Busy = true
	address := d.Record.Address
	p.h.Log.Info().Str("device", d.Record.Name).Str("what", in.What).Msg("renewing a device")
	p.h.Loop.Go(func(ctx context.Context) {
		peer, err := p.h.Mesh.Refresh(ctx, node.Refresh{Address: address, Procedure: procedure})
		p.h.Loop.Post(func() { p.ended(d, procedure, peer, err, c.Answer) })
	})
}

// ended takes the outcome of a procedure. A device with new addresses or models is
// interviewed like a new one.
func (p *Part) ended(d *registry.Device, procedure remoteprovisioning.RefreshProcedure, peer state.Peer, err error, reply part.DeviceAnswer) {
	d.Busy = false
	if !p.h.Devices.Has(d) {
		reply(nil, fault.ErrRemoved)
		return
	}
	if err != nil {
		reply(d.Who(), err)
		p.commands.Resume(d)
		return
	}
	p.h.Publisher.Notify(document.DeviceRefreshed{Address: peer.Address, Name: d.Record.Name, UUID: d.Record.UUID})
	if procedure == remoteprovisioning.RefreshDeviceKey {
		reply(d.Who(), nil)
		p.commands.Resume(d)
		return
	}
	name := d.Record.Name
	if peer.Address != d.Record.Address || peer.Elements != d.Record.Elements() {
		d = p.h.Records.Adopt(peer, name)
	}
	p.interviews.Interview(d, reply)
}
