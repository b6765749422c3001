package bridge

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
)

// This file is what other nodes do for the bridge with their Remote Provisioning
// Servers: they find devices that it does not hear, and they are renewed.

// reach is a device that hears an unprovisioned one.
type reach struct {
	Device string `json:"device"`
	RSSI   int8   `json:"rssi"`
}

// heardVia notes an unprovisioned device that a node of the network has found.
func (s *Service) heardVia(e node.DeviceHeard) {
	const most = 256
	now := time.Now().UTC().Truncate(time.Second)
	u, known := s.unit[e.Via]
	if _, joining := s.provisioning[e.UUID]; joining || !known {
		return
	}
	f := s.found[e.UUID]
	if f == nil {
		if len(s.found) >= most {
			return
		}
		f = &foundDevice{UUID: e.UUID, RSSI: e.RSSI, OOB: e.OOB, FirstSeen: now}
		s.found[e.UUID] = f
	}
	f.LastSeen, f.keptUntil = now, s.scanUntil
	if !slices.Contains(f.Bearers, "pb-remote") {
		f.Bearers = append(f.Bearers, "pb-remote")
	}
	name := u.record.Name
	f.Via = slices.DeleteFunc(f.Via, func(r reach) bool { return r.Device == name })
	f.Via = append(f.Via, reach{Device: name, RSSI: e.RSSI})
	slices.SortFunc(f.Via, func(a, b reach) int { return strings.Compare(a.Device, b.Device) })
	s.lists["unprovisioned"] = true
	s.log.Debug().Str("via", name).Stringer("uuid", e.UUID).Int8("rssi", e.RSSI).Msg("an unprovisioned device was found")
	if time.Now().Before(s.scanUntil) {
		s.event("device_found", map[string]any{"uuid": e.UUID, "rssi": e.RSSI, "oob_info": e.OOB, "via": name})
	}
}

// nearest is the node that hears a device best which the bridge does not hear
// itself; unassigned when the bridge does, or nobody.
func (s *Service) nearest(uuid mesh.UUID) mesh.Address {
	f := s.found[uuid]
	if f == nil || len(f.Via) == 0 || len(f.Bearers) != 1 {
		return mesh.Unassigned
	}
	best := slices.MaxFunc(f.Via, func(a, b reach) int { return int(a.RSSI) - int(b.RSSI) })
	if m := s.byName[best.Device]; m != nil {
		return m.record.Address
	}
	return mesh.Unassigned
}

// remoteServers finds the devices that a request wants to scan.
func (s *Service) remoteServers(names []string) ([]*managed, error) {
	var all []*managed
	for _, name := range names {
		m, err := s.named("remote", name)
		if err != nil {
			return nil, err
		}
		if !m.canServe() {
			return nil, fail("bad_value", "remote: %s has no Remote Provisioning Server", m.record.Name)
		}
		all = append(all, m)
	}
	return all, nil
}

// canServe reports whether the device has a Remote Provisioning Server, as far as
// it is known.
func (m *managed) canServe() bool {
	c := m.record.Composition
	if c == nil {
		return true // it will tell
	}
	for _, e := range c.Elements {
		if slices.Contains(e.Models, foundation.RemoteProvisioningServerID) {
			return true
		}
	}
	return false
}

// eachServer does something with all devices at once; the reply has the outcome of
// each, and is an error when none has succeeded.
func (s *Service) eachServer(
	servers []*managed, data map[string]any, reply answer, do func(ctx context.Context, r *requester, peer state.Peer) (any, error),
) {
	type task struct {
		name string
		to   *requester
		peer state.Peer
	}
	tasks := make([]task, 0, len(servers))
	for _, m := range servers {
		tasks = append(tasks, task{m.record.Name, s.requester(m), m.peer()})
	}
	s.work(func(ctx context.Context) {
		outcomes := make([]any, len(tasks))
		errs := make([]error, len(tasks))
		var all sync.WaitGroup
		for i, t := range tasks {
			all.Go(func() { outcomes[i], errs[i] = do(ctx, t.to, t.peer) })
		}
		all.Wait()
		s.post(func() {
			remote := map[string]any{}
			var failed error
			done := 0
			for i, t := range tasks {
				remote[t.name] = outcomes[i]
				if errs[i] != nil {
					failed = errs[i]
					remote[t.name] = map[string]any{"error": clip(errs[i].Error()), "code": codeOf(errs[i])}
					continue
				}
				done++
			}
			data["remote"] = remote
			if done > 0 {
				failed = nil
			}
			reply(data, failed)
		})
	})
}

// scanRemotely starts or ends the scans of devices.
func (s *Service) scanRemotely(servers []*managed, seconds float64, reply answer) {
	duration := time.Duration(seconds * float64(time.Second))
	s.eachServer(servers, map[string]any{"time": seconds}, reply, func(ctx context.Context, r *requester, peer state.Peer) (any, error) {
		scanning := min(duration, commission.MaxScan).Truncate(time.Second)
		return map[string]any{"time": scanning.Seconds()}, commission.Scan(ctx, r, peer, scanning)
	})
}

// describeRemotely asks devices for more about an unprovisioned one.
func (s *Service) describeRemotely(id string, servers []*managed, seconds float64, reply answer) {
	uuid, err := mesh.ParseUUID(id)
	switch {
	case err != nil:
		reply(nil, fail("bad_value", "uuid: expected 32 hexadecimal digits"))
		return
	case len(servers) == 0:
		reply(nil, fail("bad_value", "remote: expected devices that hear the one with this UUID; of those that the bridge hears itself it knows no more than %s says", s.cfg.Topics.Bridge("unprovisioned")))
		return
	}
	duration := time.Duration(seconds * float64(time.Second))
	s.eachServer(servers, map[string]any{"uuid": uuid}, reply, func(ctx context.Context, r *requester, peer state.Peer) (any, error) {
		d, err := commission.Describe(ctx, r, peer, uuid, duration)
		if err != nil {
			return nil, err
		}
		said := map[string]any{"oob_info": uint16(d.OOB)}
		if d.Name != "" {
			said["name"] = d.Name
		}
		if d.URI != "" {
			said["uri"] = d.URI
		}
		if len(d.Others) > 0 {
			said["ad_structures"] = hex.EncodeToString(d.Others)
		}
		return said, nil
	})
}

// requestRefresh renews the device key, the addresses or the composition of a
// device.
func (s *Service) requestRefresh(payload []byte, reply answer) {
	var in struct {
		common
		ID   string `json:"id"`
		What string `json:"what"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	m, err := s.named("id", in.ID)
	if err == nil {
		err = s.idle(m)
	}
	procedures := map[string]remoteprovisioning.RefreshProcedure{
		"device_key": remoteprovisioning.RefreshDeviceKey, "address": remoteprovisioning.RefreshNodeAddress, "composition": remoteprovisioning.RefreshComposition,
	}
	procedure, known := procedures[in.What]
	switch {
	case err != nil:
	case !known:
		err = fail("bad_value", "what: expected device_key, address or composition, got %q", clip(in.What))
	case !m.canServe():
		err = fail("bad_value", "id: %s has no Remote Provisioning Server, by which it could be renewed", m.record.Name)
	}
	if err != nil {
		reply(nil, err)
		return
	}
	m.busy = true
	address := m.record.Address
	s.log.Info().Str("device", m.record.Name).Str("what", in.What).Msg("renewing a device")
	s.work(func(ctx context.Context) {
		peer, err := s.cfg.Mesh.Refresh(ctx, node.Refresh{Address: address, Procedure: procedure})
		s.post(func() { s.refreshed(m, procedure, peer, err, reply) })
	})
}

// refreshed goes on with a device that was renewed. One with other addresses or
// models is interviewed, as a new one is.
func (s *Service) refreshed(m *managed, p remoteprovisioning.RefreshProcedure, peer state.Peer, err error, reply answer) {
	m.busy = false
	if !s.has(m) {
		reply(nil, errRemoved)
		return
	}
	if err != nil {
		reply(m.who(), err)
		s.sendNext(m)
		return
	}
	s.event("device_refreshed", map[string]any{"friendly_name": m.record.Name, "uuid": m.record.UUID, "address": peer.Address})
	if p == remoteprovisioning.RefreshDeviceKey {
		reply(m.who(), nil)
		s.sendNext(m)
		return
	}
	name := m.record.Name
	if peer.Address != m.record.Address || peer.Elements != m.record.Elements() {
		m = s.adopt(peer, name)
	}
	s.interview(m, reply)
}
