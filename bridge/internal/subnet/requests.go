// Package subnet has the requests about subnets and AppKeys: subnet/add,
// subnet/remove, appkey/add and appkey/remove. Each changes the keys of the bridge's
// own node, and then those of a device when the request names one.
package subnet

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Commands sends the commands that wait for a device.
type Commands interface{ Resume(d *registry.Device) }

// KeyRefreshes tells whether keys are being refreshed.
type KeyRefreshes interface{ CheckIdle() error }

// Interviews interview devices.
type Interviews interface {
	Interview(d *registry.Device, reply part.DeviceAnswer)
}

// Part adds and removes subnets and AppKeys. Make it with New.
type Part struct {
	part.None
	h          *part.Host
	refreshes  KeyRefreshes
	commands   Commands
	interviews Interviews
}

var _ part.Informer = (*Part)(nil)

// New makes the part.
func New(h *part.Host, k KeyRefreshes, c Commands, i Interviews) *Part {
	return &Part{h: h, refreshes: k, commands: c, interviews: i}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{
		request.Define(addSubnetMeta(), p.addSubnet),
		request.Define(removeSubnetMeta(), p.removeSubnet),
		request.Define(addAppKeyMeta(), p.addAppKey),
		request.Define(removeAppKeyMeta(), p.removeAppKey),
	}
}

// Info implements part.Informer.
func (p *Part) Info(i *document.Info) {
	subnets := p.h.Own.Summary().Subnets
	i.Network.Subnets = make([]document.Subnet, 0, len(subnets))
	for _, k := range subnets {
		i.Network.Subnets = append(i.Network.Subnets, document.Subnet{
			NetKey: k.NetKey, AppKeys: append([]mesh.KeyIndex{}, k.AppKeys...), Phase: k.Phase,
		})
	}
}

// keyChange is a request about a subnet or an AppKey that is being carried out.
type keyChange struct {
	net, app *mesh.KeyIndex
	device   *registry.Device // nil for none
}

// read finds the device of a request, and says whether keys can be changed now.
func (p *Part) read(in *keyIn) (keyChange, error) {
	c := keyChange{net: in.NetKey, app: in.AppKey}
	if err := p.refreshes.CheckIdle(); err != nil {
		return c, err
	}
	if in.ID == "" {
		return c, nil
	}
	d, err := p.h.Devices.Named("id", string(in.ID))
	if err == nil {
		err = p.h.Devices.Idle(d)
	}
	c.device = d
	return c, err
}

// need returns an error if a key index is missing in a request.
func need(name string, index *mesh.KeyIndex) error {
	if index == nil {
		return fault.New("bad_value", "%s: expected a key index", name)
	}
	return nil
}

// changeKeys changes the keys of the own node and then those of the device, in a
// worker. done records what was changed on the device, and answer gives the outcome.
func (p *Part) changeKeys(
	c keyChange, answer func(error),
	own func(configuration.Keys) error, remote func(context.Context, *requester.Requester, state.Peer) error, done func(*registry.Device),
) {
	var to *requester.Requester
	var peer state.Peer
	if c.device != nil {
		c.device.Busy = true
		to, peer = p.h.Requester(c.device).As(node.ClassConfiguration), c.device.Peer()
	}
	p.h.Loop.Go(func(ctx context.Context) {
		err := p.h.Mesh.Keys(ctx, own)
		if err == nil && c.device != nil {
			err = remote(ctx, to, peer)
		}
		summary, failed := p.h.Mesh.Summary(ctx)
		p.h.Loop.Post(func() {
			if failed == nil {
				p.h.Own.Take(summary)
			}
			if d := c.device; d != nil {
				d.Busy = false
				if err == nil && p.h.Devices.Has(d) {
					done(d)
					p.h.Records.Keep(d)
				}
				p.commands.Resume(d)
			}
			answer(err)
		})
	})
}

// free is the lowest key index that is not taken.
func free(taken func(mesh.KeyIndex) bool) (mesh.KeyIndex, error) {
	for index := range mesh.MaxKeyIndex + 1 {
		if !taken(index) {
			return index, nil
		}
	}
	return 0, fault.New("no_key_index", "no key index is left")
}

// refused is a status of the own node as an error.
func refused(what string, index mesh.KeyIndex, status foundation.Status) error {
	if err := status.Err(); err != nil {
		return fault.New("refused", "%s %d: %w", what, index, err)
	}
	return nil
}

// addSubnet adds a subnet with an AppKey of its own, unless it exists, and then adds a
// device to it.
func (p *Part) addSubnet(call *request.Call[addSubnetOut], in keyIn) {
	c, err := p.read(&in)
	if err == nil && c.app != nil {
		err = fault.New("bad_value", "app_key: a new subnet gets the next AppKey index that is free")
	}
	if err != nil {
		call.Fail(err)
		return
	}
	var net crypto.Key
	var index mesh.KeyIndex
	apps := map[mesh.KeyIndex]crypto.Key{}
	own := func(keys configuration.Keys) error {
		n := keys.State()
		var err error
		if c.net != nil {
			index = *c.net
		} else if index, err = free(func(i mesh.KeyIndex) bool { return n.Subnet(i) != nil }); err != nil {
			return err
		}
		if n.Subnet(index) == nil {
			if err := newSubnet(keys, index); err != nil {
				return err
			}
		}
		net = n.Subnet(index).Sending()
		for i := range n.AppKeys {
			if app := &n.AppKeys[i]; app.NetKey == index {
				apps[app.Index] = n.Sending(app)
			}
		}
		return nil
	}
	remote := func(ctx context.Context, to *requester.Requester, peer state.Peer) error {
		if err := commission.AddNetKey(ctx, to, peer, index, net); err != nil {
			return err
		}
		for app, key := range apps {
			if err := commission.AddAppKey(ctx, to, peer, index, app, key); err != nil {
				return err
			}
		}
		return nil
	}
	answer := func(err error) {
		list := []mesh.KeyIndex{}
		for app := range apps {
			list = append(list, app)
		}
		slices.Sort(list)
		call.Answer(&addSubnetOut{AppKeys: list, NetKey: index}, err)
	}
	p.changeKeys(c, answer, own, remote, func(d *registry.Device) {
		r := d.Record
		if !r.HasNetKey(index) {
			r.NetKeys = append(r.NetKeys, index)
		}
		for app := range apps {
			if r.AppKey != app && !slices.Contains(r.AppKeys, app) {
				r.AppKeys = append(r.AppKeys, app)
			}
		}
	})
}

// newSubnet makes a subnet with one AppKey.
func newSubnet(keys configuration.Keys, index mesh.KeyIndex) error {
	key, err := crypto.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	if err := refused("NetKey", index, keys.AddNetKey(index, key)); err != nil {
		return err
	}
	app, err := free(func(i mesh.KeyIndex) bool { return keys.State().AppKey(i) != nil })
	if err != nil {
		return err
	}
	return newAppKey(keys, index, app)
}

func newAppKey(keys configuration.Keys, net, index mesh.KeyIndex) error {
	key, err := crypto.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	return refused("AppKey", index, keys.AddAppKey(net, index, key))
}

// removeSubnet removes a device from a subnet, or, without a device, deletes a subnet
// that no device is in.
func (p *Part) removeSubnet(call *request.Call[removeSubnetOut], in keyIn) {
	c, err := p.read(&in)
	if err == nil {
		err = need("net_key", c.net)
	}
	if err == nil {
		err = p.h.Own.CheckSubnet(*c.net)
	}
	if err == nil && c.device != nil && c.device.Record.NetKey == *c.net {
		err = fault.New("in_use", "net_key: %s has joined this subnet and is reached by it; remove the device instead", c.device.Record.Name)
	}
	if err == nil && c.device == nil {
		err = p.unused(*c.net)
	}
	if err != nil {
		call.Fail(err)
		return
	}
	index := *c.net
	var apps []mesh.KeyIndex
	own := func(keys configuration.Keys) error {
		for _, app := range keys.State().AppKeys {
			if app.NetKey == index {
				apps = append(apps, app.Index)
			}
		}
		if c.device != nil {
			return nil
		}
		return refused("NetKey", index, keys.DeleteNetKey(index, mesh.PrimaryNetKey))
	}
	remote := func(ctx context.Context, to *requester.Requester, peer state.Peer) error {
		return commission.DeleteNetKey(ctx, to, peer, index)
	}
	answer := func(err error) { call.Answer(&removeSubnetOut{NetKey: index}, err) }
	p.changeKeys(c, answer, own, remote, func(d *registry.Device) {
		r := d.Record
		r.NetKeys = slices.DeleteFunc(slices.Clone(r.NetKeys), func(k mesh.KeyIndex) bool { return k == index })
		r.AppKeys = slices.DeleteFunc(slices.Clone(r.AppKeys), func(k mesh.KeyIndex) bool { return slices.Contains(apps, k) })
	})
}

// unused returns an error that names the device which is in a subnet.
func (p *Part) unused(index mesh.KeyIndex) error {
	if index == mesh.PrimaryNetKey {
		return fault.New("in_use", "net_key: the primary subnet cannot be deleted")
	}
	for _, d := range p.h.Devices.Sorted() {
		if d.Record.HasNetKey(index) {
			return fault.New("in_use", "net_key: %s is in subnet %d; take it out first, with \"id\"", d.Record.Name, index)
		}
	}
	return nil
}

// addAppKey adds an AppKey, unless it exists, and then adds it to a device.
func (p *Part) addAppKey(call *request.Call[addAppKeyOut], in keyIn) {
	c, err := p.read(&in)
	net := mesh.PrimaryNetKey
	if err == nil && c.net != nil {
		net = *c.net
		err = p.h.Own.CheckSubnet(net)
	}
	if err != nil {
		call.Fail(err)
		return
	}
	var index mesh.KeyIndex
	var key crypto.Key
	var made bool
	own := func(keys configuration.Keys) error {
		n := keys.State()
		var err error
		if c.app != nil {
			index = *c.app
		} else if index, err = free(func(i mesh.KeyIndex) bool { return n.AppKey(i) != nil }); err != nil {
			return err
		}
		if n.AppKey(index) == nil {
			if err := newAppKey(keys, net, index); err != nil {
				return err
			}
			made = true
		}
		app := n.AppKey(index)
		if c.net != nil && app.NetKey != net {
			return fault.New("bad_value", "net_key: AppKey %d is bound to subnet %d", index, app.NetKey)
		}
		net, key = app.NetKey, n.Sending(app)
		return nil
	}
	remote := func(ctx context.Context, to *requester.Requester, peer state.Peer) error {
		return commission.ReplaceAppKey(ctx, to, peer, net, index, key)
	}
	answer := func(err error) {
		call.Answer(&addAppKeyOut{AppKey: index, NetKey: net}, err)
		if made {
			p.repair(index)
		}
	}
	p.changeKeys(c, answer, own, remote, func(d *registry.Device) {
		if r := d.Record; r.AppKey != index && !slices.Contains(r.AppKeys, index) {
			r.AppKeys = append(r.AppKeys, index)
		}
	})
}

// repair gives a new AppKey to the devices that are reached with its index: the network
// had lost the key that they have.
func (p *Part) repair(index mesh.KeyIndex) {
	for _, d := range p.h.Devices.Sorted() {
		r := d.Record
		switch {
		case r.AppKey == index && r.Interview == device.Successful:
			p.h.Publisher.Warn(r.Name, "the network had lost AppKey %d, which %s is reached with; the device gets the new one with an interview", index, r.Name)
			r.KeyLost = true
			p.h.Records.Keep(d)
			if p.h.Devices.Idle(d) == nil {
				p.interviews.Interview(d, func(*document.DeviceReference, error) {}) // the interview tells how it ends
			}
		case slices.Contains(r.AppKeys, index):
			p.h.Publisher.Warn(r.Name, "the network had lost AppKey %d, which %s has; send appkey/add with its id to give it the new one", index, r.Name)
		}
	}
}

// removeAppKey deletes an AppKey from a device, or, without a device, from the network
// if no device has it.
func (p *Part) removeAppKey(call *request.Call[removeAppKeyOut], in keyIn) {
	c, err := p.read(&in)
	if err == nil {
		err = need("app_key", c.app)
	}
	if err == nil {
		err = p.spareAppKey(c.device, *c.app)
	}
	if err != nil {
		call.Fail(err)
		return
	}
	index := *c.app
	var net mesh.KeyIndex
	own := func(keys configuration.Keys) error {
		app := keys.State().AppKey(index)
		if app == nil {
			return fault.New("unknown_app_key", "app_key: the network has no AppKey %d", index)
		}
		net = app.NetKey
		if c.device != nil {
			return nil
		}
		return refused("AppKey", index, keys.DeleteAppKey(net, index))
	}
	remote := func(ctx context.Context, to *requester.Requester, peer state.Peer) error {
		return commission.DeleteAppKey(ctx, to, peer, net, index)
	}
	answer := func(err error) { call.Answer(&removeAppKeyOut{AppKey: index}, err) }
	p.changeKeys(c, answer, own, remote, func(d *registry.Device) {
		d.Record.AppKeys = slices.DeleteFunc(slices.Clone(d.Record.AppKeys), func(k mesh.KeyIndex) bool { return k == index })
	})
}

// spareAppKey returns an error that names the device which needs an AppKey. Without a
// device all devices count.
func (p *Part) spareAppKey(device *registry.Device, index mesh.KeyIndex) error {
	list := p.h.Devices.Sorted()
	if device != nil {
		list = []*registry.Device{device}
	} else if index == 0 {
		return fault.New("in_use", "app_key: AppKey 0 is the one that new devices get")
	}
	for _, d := range list {
		if d.Record.AppKey == index || device == nil && slices.Contains(d.Record.AppKeys, index) {
			return fault.New("in_use", "app_key: %s has AppKey %d", d.Record.Name, index)
		}
	}
	return nil
}
