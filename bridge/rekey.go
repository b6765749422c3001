package bridge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// This file refreshes the keys of the network (mesh/refresh), one subnet after
// the other.

// tableRefresh is what is to be gone on with after a restart: the key refresh
// that runs, those that wait for it, and the devices that are being removed.
const (
	tableRefresh store.Table = "refresh"

	keyCurrent  = "current"
	keyQueue    = "queue"
	keyRemovals = "removals"
)

// rekeying is the key refreshes of a Service.
type rekeying struct {
	refresh  *refresh.Refresh // nil: none runs
	queue    []rekeyJob
	removals map[mesh.UUID]removal
	busy     bool          // the own node is asked or changed
	told     refresh.Phase // the last phase that was told of
}

// rekeyJob is a key refresh that waits.
type rekeyJob struct {
	NetKey  mesh.KeyIndex `json:"net_key"`
	Exclude []mesh.UUID   `json:"exclude,omitempty"`
}

func (s *Service) loadRekeying() error {
	k := &s.rekeying
	k.removals = map[mesh.UUID]removal{}
	err := errors.Join(s.read(tableRefresh, keyQueue, &k.queue), s.read(tableRefresh, keyRemovals, &k.removals))
	if err != nil {
		return err
	}
	data, err := s.cfg.Store.Get(tableRefresh, keyCurrent)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("bridge: %w", err)
	}
	if k.refresh, err = refresh.Decode(time.Now(), data); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	k.refresh.Patience = s.cfg.RefreshPatience
	return nil
}

// keepRekeying stores where it stands.
func (s *Service) keepRekeying() error {
	k := &s.rekeying
	current := store.Change{Table: tableRefresh, Key: keyCurrent}
	if k.refresh != nil {
		data, err := k.refresh.Encode()
		if err != nil {
			return err
		}
		current.Value = data
	}
	queue, err := json.Marshal(k.queue)
	if err != nil {
		return err
	}
	removals, err := json.Marshal(k.removals)
	if err != nil {
		return err
	}
	return s.cfg.Store.Apply(current,
		store.Change{Table: tableRefresh, Key: keyQueue, Value: queue},
		store.Change{Table: tableRefresh, Key: keyRemovals, Value: removals})
}

// resumeRekeying goes on after a start.
func (s *Service) resumeRekeying() {
	for uuid, how := range s.rekeying.removals {
		if m := s.devices[uuid]; m != nil {
			s.log.Info().Str("device", m.record.Name).Msg("the removal of a device goes on")
			s.remove(m, how, func(any, error) {})
			continue
		}
		s.queueWithout(uuid, how.NetKeys)
	}
	// A device may have joined in the last moment.
	for _, m := range s.sorted() {
		if !m.record.LeftBehind {
			s.includeNode(m)
		}
	}
	s.stepRefresh()
	s.nextRefresh(nil)
}

// requestKeyRefresh changes the keys of a subnet on all devices, or tells the
// change that goes on to do without those that do not answer.
func (s *Service) requestKeyRefresh(payload []byte, reply answer) {
	var in struct {
		common
		NetKey  uint16   `json:"net_key"`
		Exclude []string `json:"exclude"`
		Finish  bool     `json:"finish"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	k, index := &s.rekeying, mesh.KeyIndex(in.NetKey)
	if in.Finish {
		if k.refresh == nil || k.refresh.NetKey() != index {
			reply(nil, fail("not_running", "finish: the keys of subnet %d are not being refreshed", index))
			return
		}
		k.refresh.Finish()
		s.stepRefresh()
		reply(s.refreshStatus(), nil)
		return
	}
	job := rekeyJob{NetKey: index}
	err := s.checkSubnet(index)
	for _, id := range in.Exclude {
		m, unknown := s.named("exclude", id)
		if err = errors.Join(err, unknown); unknown == nil {
			job.Exclude = append(job.Exclude, m.record.UUID)
		}
	}
	if err == nil && (k.refresh != nil || k.busy || len(k.queue) > 0) {
		err = fail("busy", "a key refresh is under way already; \"finish\":true makes it do without devices that do not answer")
	}
	if err != nil {
		reply(nil, err)
		return
	}
	k.queue = append(k.queue, job)
	if err := s.keepRekeying(); err != nil {
		k.queue = nil
		reply(nil, err)
		return
	}
	s.nextRefresh(reply)
}

// nextRefresh begins the first refresh that waits; reply may be nil.
func (s *Service) nextRefresh(reply answer) {
	k := &s.rekeying
	if k.refresh != nil || k.busy || len(k.queue) == 0 || s.stopping {
		return
	}
	k.busy = true
	index := k.queue[0].NetKey
	s.work(func(ctx context.Context) {
		o, err := s.drawKeys(ctx, index)
		s.post(func() { s.beginRefresh(o, err, reply) })
	})
}

// drawKeys makes new keys for a subnet and its applications.
func (s *Service) drawKeys(ctx context.Context, index mesh.KeyIndex) (refresh.Options, error) {
	o := refresh.Options{NetKey: index}
	err := s.cfg.Mesh.Keys(ctx, func(keys configuration.Keys) error {
		subnet := keys.State().Subnet(index)
		switch {
		case subnet == nil:
			return fail("unknown_subnet", "net_key: the network has no subnet %d any more", index)
		case subnet.Phase != state.NormalOperation:
			return fail("busy", "net_key: the keys of subnet %d are being refreshed by another provisioner", index)
		}
		for _, app := range keys.State().AppKeys {
			if app.NetKey == index {
				o.AppKeys = append(o.AppKeys, refresh.AppKey{Index: app.Index})
			}
		}
		return nil
	})
	if err != nil {
		return o, err
	}
	if o.Key, err = crypto.NewKey(rand.Reader); err != nil {
		return o, err
	}
	for i := range o.AppKeys {
		if o.AppKeys[i].Key, err = crypto.NewKey(rand.Reader); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (s *Service) beginRefresh(o refresh.Options, err error, reply answer) {
	k := &s.rekeying
	k.busy = false
	job := k.queue[0]
	if stopped(err) {
		return // it is begun after the next start
	}
	k.queue = slices.Delete(k.queue, 0, 1)
	if err == nil {
		o.Excluded = job.Exclude
		for _, m := range s.sorted() {
			if m.record.HasNetKey(o.NetKey) && !m.record.LeftBehind && !slices.Contains(job.Exclude, m.record.UUID) {
				o.Nodes = append(o.Nodes, m.refreshNode())
			}
		}
		k.refresh = refresh.New(time.Now(), o)
		k.refresh.Patience = s.cfg.RefreshPatience
	}
	if unstored := s.keepRekeying(); unstored != nil && err == nil {
		k.refresh, err = nil, unstored
	}
	if err != nil {
		s.complain("the keys of subnet %d were not refreshed: %v", job.NetKey, err)
		if reply != nil {
			reply(nil, err)
		}
		s.nextRefresh(nil)
		return
	}
	k.told = 0
	s.log.Info().Uint16("net_key", uint16(o.NetKey)).Int("devices", len(o.Nodes)).Int("excluded", len(o.Excluded)).
		Msg("the keys of the network are being refreshed")
	if reply != nil {
		reply(s.refreshStatus(), nil)
	}
	s.stepRefresh()
}

func (m *managed) refreshNode() refresh.Node {
	return refresh.Node{UUID: m.record.UUID, Address: m.record.Address, Via: m.record.NetKey}
}

// stepRefreshIfDue is what time wants of a key refresh.
func (s *Service) stepRefreshIfDue() {
	r := s.rekeying.refresh
	if r == nil {
		return
	}
	if next := r.NextDeadline(); !next.IsZero() && !next.After(time.Now()) {
		s.stepRefresh()
	}
}

// settled reports whether no device is just joining or being changed. One that
// joins has been given the keys of the moment when it began: the next phase
// must not begin before it is known.
func (s *Service) settled() bool {
	for _, m := range s.devices {
		if m.busy {
			return false
		}
	}
	return len(s.provisioning) == 0
}

// stepRefresh does what can be done of the key refresh.
func (s *Service) stepRefresh() {
	k := &s.rekeying
	if k.refresh == nil || k.busy || s.stopping || !s.settled() {
		return
	}
	out, err := k.refresh.Step(time.Now())
	if err != nil {
		s.complain("the key refresh cannot go on: %v", err)
		return
	}
	if out.Persist {
		if err := s.keepRekeying(); err != nil {
			k.refresh.Undo(out)
			s.complain("the key refresh waits for the store: %v", err)
			return
		}
	}
	s.tellRefresh()
	if out.Own == 0 {
		s.sendRefresh(out.Send)
		return
	}
	k.busy = true
	r := k.refresh
	s.work(func(ctx context.Context) {
		err := s.cfg.Mesh.Keys(ctx, func(keys configuration.Keys) error {
			net, apps := r.Keys()
			return keys.Refresh(r.NetKey(), out.Own, net, apps).Err()
		})
		s.post(func() {
			k.busy = false
			switch {
			case stopped(err):
			case err != nil:
				s.abandonRefresh(err)
			case k.refresh.Phase() == refresh.Done:
				s.endRefresh()
			default:
				s.sendRefresh(out.Send)
			}
		})
	})
}

// sendRefresh asks the nodes, and goes on with each answer.
func (s *Service) sendRefresh(list []refresh.Send) {
	r := s.rekeying.refresh
	for _, send := range list {
		m := s.devices[send.Node]
		if m == nil {
			r.Exclude(send.Node)
			continue
		}
		to := s.requester(m)
		s.work(func(ctx context.Context) {
			response, err := to.Request(ctx, send.Request)
			s.post(func() {
				if s.rekeying.refresh == r && !stopped(err) {
					r.Answered(time.Now(), send.Node, response, err)
					s.stepRefresh()
				}
			})
		})
	}
}

// abandonRefresh ends a refresh that the own node cannot take part in.
func (s *Service) abandonRefresh(err error) {
	r := s.rekeying.refresh
	s.complain("the refresh of the keys of subnet %d was given up: %v", r.NetKey(), err)
	s.event("key_refresh", map[string]any{"net_key": r.NetKey(), "phase": "failed", "error": clip(err.Error())})
	s.dropRefresh()
}

// endRefresh notes what came of a refresh.
func (s *Service) endRefresh() {
	status := s.rekeying.refresh.Status()
	for _, uuid := range slices.Concat(status.LeftBehind, status.Excluded) {
		if m := s.devices[uuid]; m != nil {
			m.record.LeftBehind = true
			s.keep(m)
			s.complainOf(m.record.Name, "%s did not get the new keys of the network: provision it again", m.record.Name)
		}
	}
	for uuid := range status.Missing {
		if m := s.devices[uuid]; m != nil {
			s.log.Warn().Str("device", m.record.Name).Msg("the device has the new keys and did not confirm that it uses them")
		}
	}
	s.log.Info().Uint16("net_key", uint16(status.NetKey)).Int("left_behind", len(status.LeftBehind)).
		Msg("the keys of the network were refreshed")
	s.dropRefresh()
}

func (s *Service) dropRefresh() {
	s.rekeying.refresh = nil
	if err := s.keepRekeying(); err != nil {
		s.complain("the end of the key refresh could not be stored: %v", err)
	}
	s.refreshSummary()
	s.nextRefresh(nil)
}

// tellRefresh publishes an event when a phase begins.
func (s *Service) tellRefresh() {
	k := &s.rekeying
	s.lists["info"] = true
	if phase := k.refresh.Phase(); phase != k.told {
		k.told = phase
		data := s.refreshStatus()
		s.event("key_refresh", map[string]any{
			"net_key": data.NetKey, "phase": data.Phase, "missing": data.Missing, "left_behind": data.LeftBehind,
		})
	}
}

// keyRefreshChanged tells of a refresh that another provisioner does; of our own
// is told elsewhere.
func (s *Service) keyRefreshChanged(e node.KeyRefreshChanged) {
	s.refreshSummary()
	if s.refreshes(e.NetKey) {
		return
	}
	phase := refresh.Done
	if e.Phase != state.NormalOperation {
		phase = refresh.Phase(e.Phase)
	}
	s.log.Info().Uint16("net_key", uint16(e.NetKey)).Stringer("phase", phase).Msg("another provisioner refreshes the keys of the network")
	s.event("key_refresh", map[string]any{"net_key": e.NetKey, "phase": phase.String()})
}

// heardNode tries a device that was silent, now that it is awake.
func (s *Service) heardNode(m *managed) {
	if r := s.rekeying.refresh; r != nil {
		r.Heard(time.Now(), m.record.UUID)
		s.stepRefreshIfDue()
	}
}

// refreshes reports whether the keys of a subnet are being refreshed.
func (s *Service) refreshes(index mesh.KeyIndex) bool {
	return s.rekeying.refresh != nil && s.rekeying.refresh.NetKey() == index
}

// includeNode takes a device that has just joined into the refresh.
func (s *Service) includeNode(m *managed) {
	if r := s.rekeying.refresh; r != nil && s.has(m) && m.record.HasNetKey(r.NetKey()) {
		r.Include(m.refreshNode())
	}
}

// readmitNode forgets what a device was to the refresh before it was provisioned
// again.
func (s *Service) readmitNode(uuid mesh.UUID) {
	if r := s.rekeying.refresh; r != nil {
		r.Forget(uuid)
	}
}

// excludeNode takes a device that is forgotten out of the refresh.
func (s *Service) excludeNode(m *managed) {
	if r := s.rekeying.refresh; r != nil {
		r.Exclude(m.record.UUID)
	}
}
