package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// provision begins to take a device in; reply comes when it has been
// interviewed, or with the reason why not.
func (s *Service) provision(o ProvisionOptions, reply answer) {
	if o.UUID.IsZero() {
		reply(nil, fail("bad_value", "uuid: expected the UUID of an unprovisioned device, see %s",
			s.cfg.Topics.Bridge("unprovisioned")))
		return
	}
	if o.Name != "" {
		if err := s.checkName("name", o.Name, o.UUID); err != nil {
			reply(nil, err)
			return
		}
	}
	if _, ok := s.provisioning[o.UUID]; ok {
		reply(nil, fail("busy", "%s is being provisioned already", o.UUID))
		return
	}
	if m := s.devices[o.UUID]; m != nil && m.busy {
		reply(nil, s.idle(m))
		return
	}
	if s.stopping {
		reply(nil, node.ErrStopped)
		return
	}
	s.provisioning[o.UUID] = o.Name
	policy := o.Policy
	if policy == nil {
		policy = &provision.Policy{Allowed: provision.AllMethods, Static: s.cfg.StaticOOB, LeastEffort: true}
	}
	s.log.Info().Stringer("uuid", o.UUID).Strs("authentication", methodsOf(policy)).Bool("certificate", o.Certificate != nil).
		Stringer("via", o.Via).Msg("provisioning a device")
	s.work(func(ctx context.Context) {
		peer, err := s.cfg.Mesh.Provision(ctx, node.Provision{
			UUID: o.UUID, NetKey: o.NetKey, Policy: policy, Certificate: o.Certificate, Via: o.Via, Attention: o.Attention, Bearer: o.Bearer,
		})
		s.post(func() { s.provisioned(o, peer, err, reply) })
	})
}

// provisioned goes on with a device that has become a node.
func (s *Service) provisioned(o ProvisionOptions, peer state.Peer, err error, reply answer) {
	delete(s.provisioning, o.UUID)
	if err != nil {
		s.event("device_provisioning", map[string]any{
			"uuid": o.UUID, "step": "failed", "code": codeOf(err), "error": clip(err.Error()),
		})
		reply(map[string]any{"uuid": o.UUID}, err)
		return
	}
	delete(s.found, o.UUID)
	s.lists["unprovisioned"] = true
	m := s.adopt(peer, o.Name)
	s.log.Info().Str("device", m.record.Name).Stringer("uuid", peer.UUID).Stringer("address", peer.Address).
		Int("elements", peer.Elements).Msg("a device joined the network")
	s.event("device_joined", map[string]any{"friendly_name": m.record.Name, "uuid": peer.UUID, "address": peer.Address})
	s.interview(m, reply)
}

// interview asks a device what it consists of and configures it. Its commands
// wait meanwhile.
func (s *Service) interview(m *managed, reply answer) {
	if s.stopping {
		reply(m.who(), node.ErrStopped)
		return
	}
	m.busy = true
	before := m.record.Interview
	m.record.Interview = device.InProgress
	s.keep(m)
	s.interviewEvent(m, "started", nil)
	peer, to, imported := m.peer(), s.requester(m), m.record.Imported
	refreshing := s.refreshes(peer.NetKey)
	progress := func(step commission.Step) {
		s.post(func() {
			s.interviewEvent(m, "in_progress", map[string]any{"step": step.Name, "done": step.Done, "total": step.Total})
		})
	}
	s.work(func(ctx context.Context) {
		result, err := s.configure(ctx, to, peer, commission.Options{KeepPublications: imported, Refreshing: refreshing}, progress)
		s.post(func() { s.interviewed(m, before, result, err, reply) })
	})
}

// configure is the part of an interview that takes time.
func (s *Service) configure(
	ctx context.Context, to *requester, peer state.Peer, o commission.Options, progress func(commission.Step),
) (*commission.Result, error) {
	app, err := s.appKeyOf(ctx, peer.NetKey)
	if err != nil {
		return nil, err
	}
	key, err := s.cfg.Mesh.ApplicationKey(ctx, app)
	if err != nil {
		return nil, err
	}
	o.NetKey, o.AppKey, o.Key, o.Bridge = peer.NetKey, app, key, s.cfg.Address
	return commission.Configure(ctx, patient{to}, o, peer, progress)
}

// who names the device in the response to a request.
func (m *managed) who() map[string]any {
	return map[string]any{"name": m.record.Name, "uuid": m.record.UUID, "address": m.record.Address}
}

// interviewed takes over what an interview found.
func (s *Service) interviewed(m *managed, before device.Interview, result *commission.Result, err error, reply answer) {
	m.busy = false
	s.includeNode(m)
	if !s.has(m) {
		reply(nil, fmt.Errorf("%w during its interview: %s", errRemoved, m.record.Name))
		return
	}
	if err != nil {
		s.interviewFailed(m, before, err)
		reply(m.who(), err)
		s.sendNext(m)
		return
	}
	m.record.AppKey = result.AppKey
	m.record.Composition = result.Composition
	m.record.Details = result.Details
	m.record.Skipped = result.Skipped
	m.record.Interview = device.Successful
	s.keep(m)
	m.describe()
	s.dirty[m.record.UUID] = true
	for _, skipped := range result.Skipped {
		s.log.Warn().Str("device", m.record.Name).Msg(skipped)
	}
	s.log.Info().Str("device", m.record.Name).Int("elements", m.record.Elements()).Msg("the device is configured")
	s.interviewEvent(m, "successful", nil)
	s.setOnline(m, true)
	s.publishState(m)
	s.discover(m)
	s.sweep(m)
	s.refresh(m)
	reply(m.who(), nil)
	s.sendNext(m)
}

func (s *Service) interviewFailed(m *managed, before device.Interview, err error) {
	m.record.Interview = device.Failed
	if before == device.Successful || stopped(err) {
		m.record.Interview = before // what was known of it still stands
	}
	s.keep(m)
	s.interviewEvent(m, "failed", map[string]any{"code": codeOf(err), "error": clip(err.Error())})
	if stopped(err) {
		return // it is repeated after the next start
	}
	s.log.Warn().Str("device", m.record.Name).Err(err).Msg("the interview failed; it can be repeated with device/interview")
	if unanswered(err) {
		s.noAnswer(m)
	}
}

func (s *Service) interviewEvent(m *managed, status string, more map[string]any) {
	s.log.Debug().Str("device", m.record.Name).Str("status", status).Fields(more).Msg("interview")
	data := map[string]any{"friendly_name": m.record.Name, "uuid": m.record.UUID, "status": status}
	for k, v := range more {
		data[k] = v
	}
	s.event("device_interview", data)
}

// rename gives a device another name: what stands under the old one goes.
func (s *Service) rename(m *managed, to string) {
	from := m.record.Name
	delete(s.byName, from)
	m.record.Name = to
	s.byName[to] = m
	s.keep(m)
	s.clear(m, s.cfg.Topics.State(from), s.cfg.Topics.Availability(from))
	s.discover(m)
	s.publishAvailability(m)
	s.publishState(m)
	s.log.Info().Str("device", to).Str("formerly", from).Stringer("uuid", m.record.UUID).Msg("the device was renamed")
	s.event("device_renamed", map[string]any{"from": from, "to": to, "uuid": m.record.UUID})
}

// remove makes a device leave the network. With force it is forgotten also
// when it does not answer; it then still has the keys of the network, unless
// they are refreshed.
func (s *Service) remove(m *managed, how removal, reply answer) {
	if err := s.idle(m); err != nil {
		reply(nil, err)
		return
	}
	if err := s.noteRemoval(m, how); err != nil {
		reply(nil, err)
		return
	}
	m.busy = true
	peer, to := m.peer(), s.requester(m)
	s.work(func(ctx context.Context) {
		reset := commission.Remove(ctx, to, peer)
		forgotten := reset
		if reset == nil || how.Force && !stopped(reset) {
			// It has left: from here on there is no way back.
			forgotten = s.cfg.Mesh.Forget(context.WithoutCancel(ctx), peer.UUID)
		}
		s.post(func() { s.removed(m, how, reset, forgotten, reply) })
	})
}

// removed takes over the end of a removal: whether the node confirmed its reset,
// and whether the mesh forgot it.
func (s *Service) removed(m *managed, how removal, reset, forgotten error, reply answer) {
	m.busy = false
	data := map[string]any{"id": m.record.Name, "uuid": m.record.UUID, "reset": reset == nil}
	if forgotten != nil {
		s.endRemoval(m, stopped(forgotten))
		if unanswered(forgotten) {
			forgotten = fail("no_response", "%w; it was not removed: switch it on and try again, or forget it with \"force\":true", forgotten)
		}
		reply(data, forgotten)
		s.sendNext(m)
		return
	}
	s.forget(m)
	if how.KeyRefresh {
		data["key_refresh"] = s.refreshWithout(m)
	}
	s.log.Info().Str("device", m.record.Name).Bool("reset", reset == nil).Msg("the device was removed")
	s.event("device_leave", map[string]any{"friendly_name": m.record.Name, "uuid": m.record.UUID, "address": m.record.Address})
	reply(data, nil)
}

// errRemoved is what commands for a removed device end with.
var errRemoved = errors.New("bridge: the device was removed")
