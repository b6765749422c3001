package bridge

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
)

// This file has the requests about subnets and AppKeys.

// Keeper is what keeps the network going, a part of Mesh.
type Keeper interface {
	// Keys runs f on the keys of the bridge's own node.
	Keys(ctx context.Context, f func(configuration.Keys) error) error
	BeginIVUpdate(ctx context.Context) error
	EndIVUpdate(ctx context.Context) error
	SetIVTestMode(ctx context.Context, on bool) error
}

// subnetInfo is a subnet as bridge/info shows it.
type subnetInfo struct {
	NetKey  mesh.KeyIndex   `json:"net_key"`
	AppKeys []mesh.KeyIndex `json:"app_keys"`
	Phase   state.Phase     `json:"key_refresh_phase"`
}

func (s *Service) subnetList() []subnetInfo {
	list := make([]subnetInfo, 0, len(s.summary.Subnets))
	for _, k := range s.summary.Subnets {
		list = append(list, subnetInfo{k.NetKey, append([]mesh.KeyIndex{}, k.AppKeys...), k.Phase})
	}
	return list
}

// checkSubnet says whether there is the subnet of a request.
func (s *Service) checkSubnet(index mesh.KeyIndex) error {
	if index > mesh.MaxKeyIndex {
		return fail("bad_value", "net_key: expected 0 to %d, got %d", mesh.MaxKeyIndex, index)
	}
	if index != mesh.PrimaryNetKey && !slices.Contains(s.summary.NetKeys, index) {
		return fail("unknown_subnet", "net_key: the network has no subnet %d; it has %v", index, s.summary.NetKeys)
	}
	return nil
}

// appKeyOf finds the AppKey that devices of a subnet are spoken to with.
func (s *Service) appKeyOf(ctx context.Context, net mesh.KeyIndex) (mesh.KeyIndex, error) {
	var index mesh.KeyIndex
	err := s.cfg.Mesh.Keys(ctx, func(keys configuration.Keys) error {
		for _, app := range keys.State().AppKeys {
			if app.NetKey == net {
				index = app.Index
				return nil
			}
		}
		return fail("no_app_key", "bridge: subnet %d has no AppKey to speak to its devices with; add one with appkey/add", net)
	})
	return index, err
}

// keyRequest is the payload of the requests about subnets and AppKeys.
type keyRequest struct {
	common
	NetKey *uint16 `json:"net_key"`
	AppKey *uint16 `json:"app_key"`
	ID     string  `json:"id"` // a device to give the key to or take it from
}

// keyChange is such a request on its way.
type keyChange struct {
	net, app *mesh.KeyIndex
	device   *managed // nil for none
}

// readKeyRequest reads and checks a request.
func (s *Service) readKeyRequest(payload []byte) (keyChange, error) {
	var in keyRequest
	var c keyChange
	if err := decode(payload, &in); err != nil {
		return c, err
	}
	for _, key := range []struct {
		name string
		from *uint16
		to   **mesh.KeyIndex
	}{{"net_key", in.NetKey, &c.net}, {"app_key", in.AppKey, &c.app}} {
		if key.from == nil {
			continue
		}
		index := mesh.KeyIndex(*key.from)
		if index > mesh.MaxKeyIndex {
			return c, fail("bad_value", "%s: expected 0 to %d, got %d", key.name, mesh.MaxKeyIndex, index)
		}
		*key.to = &index
	}
	if s.rekeying.refresh != nil || s.rekeying.busy {
		return c, fail("busy", "the keys of the network are being refreshed; try again when that is done")
	}
	if in.ID == "" {
		return c, nil
	}
	m, err := s.named("id", in.ID)
	if err == nil {
		err = s.idle(m)
	}
	c.device = m
	return c, err
}

// need says that a key index is missing in a request.
func need(name string, index *mesh.KeyIndex) error {
	if index == nil {
		return fail("bad_value", "%s: expected a key index", name)
	}
	return nil
}

// changeKeys changes the own keys and then those of the device, in a worker;
// done notes what was changed on the device.
func (s *Service) changeKeys(
	c keyChange, reply answer, data func() map[string]any,
	own func(configuration.Keys) error, remote func(context.Context, *requester, state.Peer) error, done func(*managed),
) {
	var to *requester
	var peer state.Peer
	if c.device != nil {
		c.device.busy = true
		to, peer = s.requester(c.device), c.device.peer()
	}
	s.work(func(ctx context.Context) {
		err := s.cfg.Mesh.Keys(ctx, own)
		if err == nil && c.device != nil {
			err = remote(ctx, to, peer)
		}
		summary, failed := s.cfg.Mesh.Summary(ctx)
		s.post(func() {
			if failed == nil {
				s.tookSummary(summary)
			}
			if m := c.device; m != nil {
				m.busy = false
				if err == nil && s.has(m) {
					done(m)
					s.keep(m)
				}
				s.sendNext(m)
			}
			reply(data(), err)
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
	return 0, fail("no_key_index", "no key index is left")
}

// refused is a status of the own node as an error.
func refused(what string, index mesh.KeyIndex, status foundation.Status) error {
	if err := status.Err(); err != nil {
		return fail("refused", "%s %d: %w", what, index, err)
	}
	return nil
}

// requestSubnetAdd makes a subnet with an AppKey of its own, unless it is there,
// and takes a device into it.
func (s *Service) requestSubnetAdd(payload []byte, reply answer) {
	c, err := s.readKeyRequest(payload)
	if err == nil && c.app != nil {
		err = fail("bad_value", "app_key: a new subnet gets the next AppKey index that is free")
	}
	if err != nil {
		reply(nil, err)
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
			if err := addSubnet(keys, index); err != nil {
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
	remote := func(ctx context.Context, to *requester, peer state.Peer) error {
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
	data := func() map[string]any {
		list := []mesh.KeyIndex{}
		for app := range apps {
			list = append(list, app)
		}
		slices.Sort(list)
		return map[string]any{"net_key": index, "app_keys": list}
	}
	s.changeKeys(c, reply, data, own, remote, func(m *managed) {
		r := m.record
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

// addSubnet makes a subnet with one AppKey.
func addSubnet(keys configuration.Keys, index mesh.KeyIndex) error {
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
	return addAppKey(keys, index, app)
}

func addAppKey(keys configuration.Keys, net, index mesh.KeyIndex) error {
	key, err := crypto.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	return refused("AppKey", index, keys.AddAppKey(net, index, key))
}

// requestSubnetRemove takes a device out of a subnet, or, without a device,
// deletes a subnet that no device is in.
func (s *Service) requestSubnetRemove(payload []byte, reply answer) {
	c, err := s.readKeyRequest(payload)
	if err == nil {
		err = need("net_key", c.net)
	}
	if err == nil {
		err = s.checkSubnet(*c.net)
	}
	if err == nil && c.device != nil && c.device.record.NetKey == *c.net {
		err = fail("in_use", "net_key: %s has joined this subnet and is reached by it; remove the device instead", c.device.record.Name)
	}
	if err == nil && c.device == nil {
		err = s.unused(*c.net)
	}
	if err != nil {
		reply(nil, err)
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
	remote := func(ctx context.Context, to *requester, peer state.Peer) error {
		return commission.DeleteNetKey(ctx, to, peer, index)
	}
	s.changeKeys(c, reply, func() map[string]any { return map[string]any{"net_key": index} }, own, remote, func(m *managed) {
		r := m.record
		r.NetKeys = slices.DeleteFunc(r.NetKeys, func(k mesh.KeyIndex) bool { return k == index })
		r.AppKeys = slices.DeleteFunc(r.AppKeys, func(k mesh.KeyIndex) bool { return slices.Contains(apps, k) })
	})
}

// unused says which devices keep a subnet from being deleted.
func (s *Service) unused(index mesh.KeyIndex) error {
	if index == mesh.PrimaryNetKey {
		return fail("in_use", "net_key: the primary subnet cannot be deleted")
	}
	for _, m := range s.sorted() {
		if m.record.HasNetKey(index) {
			return fail("in_use", "net_key: %s is in subnet %d; take it out first, with \"id\"", m.record.Name, index)
		}
	}
	return nil
}

// requestAppKeyAdd makes an AppKey, unless it is there, and gives it to a
// device.
func (s *Service) requestAppKeyAdd(payload []byte, reply answer) {
	c, err := s.readKeyRequest(payload)
	net := mesh.PrimaryNetKey
	if err == nil && c.net != nil {
		net = *c.net
		err = s.checkSubnet(net)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	var index mesh.KeyIndex
	var key crypto.Key
	own := func(keys configuration.Keys) error {
		n := keys.State()
		var err error
		if c.app != nil {
			index = *c.app
		} else if index, err = free(func(i mesh.KeyIndex) bool { return n.AppKey(i) != nil }); err != nil {
			return err
		}
		if n.AppKey(index) == nil {
			if err := addAppKey(keys, net, index); err != nil {
				return err
			}
		}
		app := n.AppKey(index)
		if c.net != nil && app.NetKey != net {
			return fail("bad_value", "net_key: AppKey %d is bound to subnet %d", index, app.NetKey)
		}
		net, key = app.NetKey, n.Sending(app)
		return nil
	}
	remote := func(ctx context.Context, to *requester, peer state.Peer) error {
		return commission.AddAppKey(ctx, to, peer, net, index, key)
	}
	data := func() map[string]any { return map[string]any{"net_key": net, "app_key": index} }
	s.changeKeys(c, reply, data, own, remote, func(m *managed) {
		if r := m.record; r.AppKey != index && !slices.Contains(r.AppKeys, index) {
			r.AppKeys = append(r.AppKeys, index)
		}
	})
}

// requestAppKeyRemove takes an AppKey from a device, or, without a device,
// deletes one that no device has.
func (s *Service) requestAppKeyRemove(payload []byte, reply answer) {
	c, err := s.readKeyRequest(payload)
	if err == nil {
		err = need("app_key", c.app)
	}
	if err == nil {
		err = s.spareAppKey(c.device, *c.app)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	index := *c.app
	var net mesh.KeyIndex
	own := func(keys configuration.Keys) error {
		app := keys.State().AppKey(index)
		if app == nil {
			return fail("unknown_app_key", "app_key: the network has no AppKey %d", index)
		}
		net = app.NetKey
		if c.device != nil {
			return nil
		}
		return refused("AppKey", index, keys.DeleteAppKey(net, index))
	}
	remote := func(ctx context.Context, to *requester, peer state.Peer) error {
		return commission.DeleteAppKey(ctx, to, peer, net, index)
	}
	s.changeKeys(c, reply, func() map[string]any { return map[string]any{"app_key": index} }, own, remote, func(m *managed) {
		m.record.AppKeys = slices.DeleteFunc(m.record.AppKeys, func(k mesh.KeyIndex) bool { return k == index })
	})
}

// spareAppKey says who needs an AppKey that is to be taken from a device, or,
// without one, from the network.
func (s *Service) spareAppKey(device *managed, index mesh.KeyIndex) error {
	list := s.sorted()
	if device != nil {
		list = []*managed{device}
	} else if index == 0 {
		return fail("in_use", "app_key: AppKey 0 is the one that new devices get")
	}
	for _, m := range list {
		if m.record.AppKey == index || device == nil && slices.Contains(m.record.AppKeys, index) {
			return fail("in_use", "app_key: %s has AppKey %d", m.record.Name, index)
		}
	}
	return nil
}
