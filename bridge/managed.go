package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// tableStates is what each device last reported, by UUID.
const tableStates store.Table = "states"

// managed is a device in the hands of the Service.
type managed struct {
	record     *device.Record
	translator *translate.Device   // nil before the interview
	gone       []translate.Feature // what it no longer has, for Home Assistant
	topics     map[string]bool     // retained topics that hold something
	commands   commands

	lastSeen  time.Time
	lastAsked time.Time // whether it is still there
	online    *bool     // nil: not known yet
	probing   bool
	failures  int
	busy      bool // is being interviewed or removed
	heartbeat *heartbeatDocument

	update *update // of its firmware, nil for none since the start
}

// load makes a device of its record and of what else the store has of it. What
// cannot be read of that is done without: the device will tell it again.
func (s *Service) load(r *device.Record) *managed {
	m := &managed{record: r, topics: map[string]bool{}}
	if err := topic.CheckName(r.Name); err != nil || s.find(r.Name) != nil {
		name := s.freeName(r.UUID)
		s.log.Warn().Str("stored", r.Name).Str("device", name).Msg("the stored name of a device is taken or is no valid name")
		r.Name = name
	}
	for _, t := range s.loadTopics(r.UUID.String()) {
		m.topics[t] = true
	}
	if r.Interview == device.InProgress {
		r.Interview = device.Failed // the service was killed in the middle
		if r.Composition != nil {
			r.Interview = device.Successful // what was known of it still stands
		}
	}
	if r.Composition == nil {
		return m
	}
	m.describe()
	var attributes map[string]any
	if err := s.read(tableStates, r.UUID.String(), &attributes); err != nil {
		s.log.Warn().Str("device", r.Name).Err(err).Msg("the stored state of a device is lost")
	}
	m.translator.Restore(attributes)
	return m
}

// describe makes the translator of what is known of the device. What it was
// before is remembered as gone, and what still is there keeps its state.
func (m *managed) describe() {
	former := m.translator
	m.translator = translate.Describe(m.record)
	if former != nil {
		m.gone = append(m.gone, former.Features()...)
		m.translator.Restore(former.State())
	}
	has := map[string]bool{}
	for _, f := range m.translator.Features() {
		has[f.Key] = true
	}
	m.gone = slices.DeleteFunc(m.gone, func(f translate.Feature) bool {
		twice := has[f.Key]
		has[f.Key] = true
		return twice
	})
}

// read gets a JSON value of the store; what is not there leaves v as it is.
func (s *Service) read(t store.Table, key string, v any) error {
	data, err := s.cfg.Store.Get(t, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("bridge: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("bridge: what is stored in %s under %s cannot be read: %w", t, key, err)
	}
	return nil
}

// add makes the device known under its name and addresses.
func (s *Service) add(m *managed) {
	s.devices[m.record.UUID] = m
	s.byName[m.record.Name] = m
	for i := range m.record.Elements() {
		s.unit[m.record.Address+mesh.Address(i)] = unit{m, i}
	}
}

// drop makes the device unknown again. Those who wait for the outcome of a
// command get to know that there will be none.
func (s *Service) drop(m *managed) {
	for _, c := range m.commands.takeAll() {
		s.conclude(m, c, failed(errRemoved))
	}
	if m.update != nil {
		m.update.abort()
	}
	delete(s.devices, m.record.UUID)
	delete(s.byName, m.record.Name)
	delete(s.dirty, m.record.UUID)
	maps.DeleteFunc(s.unit, func(_ mesh.Address, u unit) bool { return u.managed == m })
	if s.asked == m {
		s.asked = nil
	}
}

// has reports whether m is still a device of the bridge: it may have been
// removed, or provisioned again, while something was under way.
func (s *Service) has(m *managed) bool { return s.devices[m.record.UUID] == m }

// adopt makes a device of a node that has been provisioned. Without a name one
// that was known keeps the name it had, and a new one is named by its UUID.
func (s *Service) adopt(p state.Peer, name string) *managed {
	m := &managed{
		record: &device.Record{
			UUID:      p.UUID,
			Address:   p.Address,
			Count:     p.Elements,
			Interview: device.Pending,
			Joined:    time.Now().UTC().Truncate(time.Second),
			NetKey:    p.NetKey,
		},
		topics:   map[string]bool{},
		lastSeen: time.Now(),
	}
	s.readmitNode(p.UUID)
	former := s.devices[p.UUID]
	if former != nil {
		if name == "" {
			name = former.record.Name
		}
		m.topics, m.gone = former.topics, former.gone
		if former.translator != nil {
			m.gone = append(m.gone, former.translator.Features()...)
		}
		s.drop(former)
	}
	if name == "" || s.find(name) != nil {
		name = s.freeName(p.UUID)
	}
	m.record.Name = name
	s.add(m)
	if former != nil && former.record.Name != name {
		s.clear(m, s.cfg.Topics.State(former.record.Name), s.cfg.Topics.Availability(former.record.Name))
	}
	// What it reported in its former life does not stand any more.
	s.keep(m, store.Change{Table: tableStates, Key: p.UUID.String()})
	return m
}

// freeName is a name for a device that the user has not named.
func (s *Service) freeName(uuid mesh.UUID) string {
	const shortest = 8
	text := uuid.String()
	for n := shortest; n < len(text); n++ {
		if name := "device_" + text[len(text)-n:]; s.byName[name] == nil {
			return name
		}
	}
	return "device_" + text
}

// keep stores the record, and more with it.
func (s *Service) keep(m *managed, more ...store.Change) {
	change, err := m.record.Change()
	if err == nil {
		err = s.cfg.Store.Apply(append(more, change)...)
	}
	if err != nil {
		s.complainOf(m.record.Name, "the record of %s could not be stored: %v", m.record.Name, err)
	}
	s.lists["devices"] = true
}

// forget drops the device, clears what it has on the broker and deletes what is
// stored of it.
func (s *Service) forget(m *managed) {
	s.excludeNode(m)
	s.drop(m)
	topics := make([]string, 0, len(m.topics))
	for t := range m.topics {
		topics = append(topics, t)
	}
	key := m.record.UUID.String()
	s.clear(m, topics...)
	if err := s.cfg.Store.Apply(
		store.Change{Table: device.Table, Key: key},
		store.Change{Table: tableStates, Key: key},
		store.Change{Table: tableTopics, Key: key},
	); err != nil {
		s.complainOf(m.record.Name, "what is stored of %s could not be deleted: %v", m.record.Name, err)
	}
	s.lists["devices"] = true
}

// peer is the device as the mesh addresses it.
func (m *managed) peer() state.Peer {
	return state.Peer{
		UUID:     m.record.UUID,
		Address:  m.record.Address,
		Elements: m.record.Elements(),
		NetKey:   m.record.NetKey,
	}
}

// sleeps reports whether the device listens only now and then (a low power
// node): that it does not answer says nothing about it.
func (m *managed) sleeps() bool {
	c := m.record.Composition
	return c != nil && c.Features&configuration.FeatureLowPower != 0
}

// find looks a device up by name, UUID or address.
func (s *Service) find(id string) *managed {
	if m := s.byName[id]; m != nil {
		return m
	}
	if uuid, err := mesh.ParseUUID(id); err == nil {
		return s.devices[uuid]
	}
	if address, err := mesh.ParseAddress(id); err == nil {
		return s.unit[address].managed
	}
	return nil
}

// storeStates puts the states that changed into the store. What it does not
// take is tried again.
func (s *Service) storeStates() {
	changes := make([]store.Change, 0, len(s.dirty))
	for uuid := range s.dirty {
		m := s.devices[uuid]
		if m == nil || m.translator == nil {
			continue
		}
		data, err := json.Marshal(m.translator.State())
		if err != nil {
			continue // it was published, so it can be written
		}
		changes = append(changes, store.Change{Table: tableStates, Key: uuid.String(), Value: data})
	}
	if len(changes) > 0 {
		if err := s.cfg.Store.Apply(changes...); err != nil {
			s.complain("the states of %d devices could not be stored: %v", len(changes), err)
			return
		}
	}
	clear(s.dirty)
}
