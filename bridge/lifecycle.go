package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Provision takes a device into the network, interviews it, and returns its
// name when all is done. It is what bridge/request/device/provision does.
func (s *Service) Provision(ctx context.Context, o ProvisionOptions) (string, error) {
	type result struct {
		data any
		err  error
	}
	ended := make(chan result, 1)
	s.post(func() {
		s.provision(o, func(data any, err error) { ended <- result{data, err} })
	})
	select {
	case r := <-ended:
		if d, ok := r.data.(map[string]any); ok && r.err == nil {
			name, _ := d["name"].(string)
			return name, nil
		}
		return "", r.err
	case <-s.done:
		return "", node.ErrStopped
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// provision begins to take a device in; reply comes when it has been
// interviewed, or with the reason why not.
func (s *Service) provision(o ProvisionOptions, reply answer) {
	if o.UUID.IsZero() {
		reply(nil, fail("bad_value", "uuid: expected the UUID of an unprovisioned device, see %s",
			s.cfg.Topics.Bridge("unprovisioned")))
		return
	}
	if o.Name != "" {
		if err := s.checkName(o.Name, s.devices[o.UUID]); err != nil {
			reply(nil, err)
			return
		}
	}
	if s.provisioning[o.UUID] {
		reply(nil, fail("busy", "%s is being provisioned already", o.UUID))
		return
	}
	s.provisioning[o.UUID] = true
	auth := provision.Auth{Method: provision.NoOOB}
	if o.StaticOOB != nil {
		auth = provision.Auth{Method: provision.StaticOOB, Value: o.StaticOOB}
	}
	s.log.Info().Stringer("uuid", o.UUID).Stringer("authentication", auth.Method).Msg("provisioning a device")
	s.work(func(ctx context.Context) {
		peer, err := s.cfg.Mesh.Provision(ctx, node.Provision{
			UUID: o.UUID, NetKey: netKey, Auth: auth, Fallback: s.cfg.StaticOOB, Attention: o.Attention,
		})
		s.post(func() { s.provisioned(o, peer, err, reply) })
	})
}

// provisioned goes on with a device that has become a node.
func (s *Service) provisioned(o ProvisionOptions, peer state.Peer, err error, reply answer) {
	delete(s.provisioning, o.UUID)
	if err != nil {
		s.event("device_provisioning", map[string]any{"uuid": o.UUID, "step": "failed", "code": codeOf(err), "error": err.Error()})
		reply(map[string]any{"uuid": o.UUID}, err)
		return
	}
	delete(s.found, o.UUID)
	s.lists["unprovisioned"] = true
	m := s.adopt(peer, o.Name)
	s.log.Info().Str("device", m.record.Name).Stringer("uuid", peer.UUID).Stringer("address", peer.Address).
		Int("elements", peer.Elements).Msg("a device joined the network")
	s.event("device_joined", map[string]any{"friendly_name": m.record.Name, "uuid": peer.UUID, "address": peer.Address})
	s.interviewPeer(m, peer, reply)
}

// interview asks a device what it consists of and configures it.
func (s *Service) interview(m *managed, reply answer) { s.interviewPeer(m, m.peer(), reply) }

func (s *Service) interviewPeer(m *managed, peer state.Peer, reply answer) {
	m.busy = true
	before := m.record.Interview
	m.record.Interview = device.InProgress
	s.keep(m)
	s.interviewEvent(m, "started", nil)
	s.work(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, commission.Timeout)
		defer cancel()
		var result *commission.Result
		key, err := s.cfg.Mesh.ApplicationKey(ctx, appKey)
		if err == nil {
			result, err = commission.Configure(ctx, s.cfg.Mesh, commission.Options{
				NetKey: netKey, AppKey: appKey, Key: key, Bridge: s.cfg.Address,
			}, peer, func(step commission.Step) {
				s.post(func() {
					s.interviewEvent(m, "in_progress", map[string]any{"step": step.Name, "done": step.Done, "total": step.Total})
				})
			})
		}
		s.post(func() { s.interviewed(m, before, result, err, reply) })
	})
}

// interviewed takes over what an interview found.
func (s *Service) interviewed(m *managed, before device.Interview, result *commission.Result, err error, reply answer) {
	m.busy = false
	if s.devices[m.record.UUID] != m {
		reply(nil, fail("removed", "%s was removed during its interview", m.record.Name))
		return
	}
	who := map[string]any{"name": m.record.Name, "uuid": m.record.UUID, "address": m.record.Address}
	if err != nil {
		m.record.Interview = device.Failed
		if before == device.Successful {
			m.record.Interview = before // what was known of it still stands
		}
		s.keep(m)
		s.interviewEvent(m, "failed", map[string]any{"code": codeOf(err), "error": err.Error()})
		s.log.Warn().Str("device", m.record.Name).Err(err).Msg("the interview failed; it can be repeated with device/interview")
		if errors.Is(err, node.ErrNoResponse) {
			s.noAnswer(m)
		}
		reply(who, err)
		s.sendNext(m)
		return
	}
	m.record.Composition = result.Composition
	m.record.Details = result.Details
	m.record.Skipped = result.Skipped
	m.record.Interview = device.Successful
	s.keep(m)
	s.addUnits(m)
	old := m.translator
	m.translator = translate.Describe(m.record)
	if old != nil {
		m.translator.Restore(old.State())
	}
	for _, skipped := range result.Skipped {
		s.log.Warn().Str("device", m.record.Name).Msg(skipped)
	}
	s.log.Info().Str("device", m.record.Name).Int("elements", m.record.Elements()).Msg("the device is configured")
	s.interviewEvent(m, "successful", nil)
	s.setOnline(m, true)
	s.publishState(m)
	s.discover(m)
	s.refresh(m)
	reply(who, nil)
	s.sendNext(m)
}

func (s *Service) interviewEvent(m *managed, status string, more map[string]any) {
	data := map[string]any{"friendly_name": m.record.Name, "uuid": m.record.UUID, "status": status}
	for k, v := range more {
		data[k] = v
	}
	s.event("device_interview", data)
}

// rename gives a device another name: what stands under the old one goes.
func (s *Service) rename(m *managed, to string) {
	from := m.record.Name
	s.clear(m, s.cfg.Topics.State(from), s.cfg.Topics.Availability(from))
	delete(s.byName, from)
	m.record.Name = to
	s.byName[to] = m
	s.keep(m)
	s.discover(m)
	s.publishAvailability(m)
	s.publishState(m)
	s.event("device_renamed", map[string]any{"from": from, "to": to, "uuid": m.record.UUID})
}

// remove makes a device leave the network. With force it is forgotten also
// when it does not answer; it then still has the keys of the network.
func (s *Service) remove(m *managed, force bool, reply answer) {
	if m.busy {
		reply(nil, fail("busy", "%s is being interviewed or removed already", m.record.Name))
		return
	}
	m.busy = true
	peer := m.peer()
	s.work(func(ctx context.Context) {
		err := commission.Remove(ctx, s.cfg.Mesh, peer)
		if err == nil || force {
			if forget := s.cfg.Mesh.Forget(ctx, peer.UUID); forget != nil {
				err = errors.Join(err, forget)
			}
		}
		s.post(func() { s.removed(m, force, err, reply) })
	})
}

func (s *Service) removed(m *managed, force bool, err error, reply answer) {
	m.busy = false
	data := map[string]any{"id": m.record.Name, "uuid": m.record.UUID, "reset": err == nil}
	if err != nil && !force {
		if errors.Is(err, node.ErrNoResponse) {
			err = &failure{"no_response", errors.Join(err,
				errors.New(`it was not removed; switch it on and try again, or forget it with "force":true`))}
		}
		reply(data, err)
		s.sendNext(m)
		return
	}
	for t := range m.topics {
		s.publisher.Clear(t)
	}
	s.drop(m)
	changes := make([]store.Change, 0, 3)
	for _, t := range []store.Table{device.Table, tableStates, tableTopics} {
		changes = append(changes, store.Change{Table: t, Key: m.record.UUID.String()})
	}
	if err := s.cfg.Store.Apply(changes...); err != nil {
		s.complain("what is stored of %s could not be deleted: %v", m.record.Name, err)
	}
	s.lists["devices"] = true
	s.log.Info().Str("device", m.record.Name).Bool("reset", err == nil).Msg("the device was removed")
	s.event("device_leave", map[string]any{"friendly_name": m.record.Name, "uuid": m.record.UUID, "address": m.record.Address})
	reply(data, nil)
}

// foundDevice is an unprovisioned device that was heard.
type foundDevice struct {
	UUID      mesh.UUID `json:"uuid"`
	Bearers   []string  `json:"bearers"`
	RSSI      int8      `json:"rssi"`
	OOB       uint16    `json:"oob_info"`
	Adapter   uint8     `json:"adapter"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// heard notes an unprovisioned device.
func (s *Service) heard(e node.DeviceHeard) {
	now := time.Now().UTC().Truncate(time.Second)
	f := s.found[e.UUID]
	if f == nil {
		const most = 256
		if len(s.found) >= most || s.provisioning[e.UUID] {
			return
		}
		f = &foundDevice{UUID: e.UUID, Bearers: []string{"pb-adv"}, FirstSeen: now}
		s.found[e.UUID] = f
		s.lists["unprovisioned"] = true
		if now.Before(s.scanUntil) {
			s.event("device_found", map[string]any{"uuid": e.UUID, "rssi": e.RSSI, "oob_info": e.OOB})
		}
		if m := s.devices[e.UUID]; m != nil {
			s.log.Warn().Str("device", m.record.Name).Msg("the device has left the network by itself: it waits to be provisioned again")
		}
	}
	f.RSSI, f.OOB, f.Adapter, f.LastSeen = e.RSSI, e.OOB, e.Adapter, now
}

// expireFound drops unprovisioned devices that are silent.
func (s *Service) expireFound() {
	const silence = time.Minute
	for uuid, f := range s.found {
		if time.Since(f.LastSeen) > silence {
			delete(s.found, uuid)
			s.lists["unprovisioned"] = true
		}
	}
}
