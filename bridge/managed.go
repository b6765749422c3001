package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Tables of the bridge beside device.Table, by UUID.
const (
	tableStates store.Table = "states" // what the device last reported
	tableTopics store.Table = "topics" // retained topics that were ever written for it
)

// managed is a device in the hands of the Service.
type managed struct {
	record     *device.Record
	translator translate.Translator // nil before the interview
	topics     map[string]bool      // retained topics that hold something
	commands   commands

	lastSeen time.Time
	online   *bool // nil: not known yet
	probing  bool
	failures int
	busy     bool // is being interviewed or removed
}

// load makes a device of its record and of what else the store has of it.
func (s *Service) load(r *device.Record) (*managed, error) {
	m := &managed{record: r, topics: map[string]bool{}}
	var topics []string
	if err := s.read(tableTopics, r.UUID, &topics); err != nil {
		return nil, err
	}
	for _, t := range topics {
		m.topics[t] = true
	}
	if r.Interview == device.InProgress {
		r.Interview = device.Failed // the service was stopped in the middle
	}
	if r.Composition == nil {
		return m, nil
	}
	m.translator = translate.Describe(r)
	var attributes map[string]any
	if err := s.read(tableStates, r.UUID, &attributes); err != nil {
		return nil, err
	}
	if attributes != nil {
		m.translator.Restore(attributes)
	}
	return m, nil
}

// read gets a JSON value of the store; what is not there leaves v as it is.
func (s *Service) read(t store.Table, uuid mesh.UUID, v any) error {
	data, err := s.cfg.Store.Get(t, uuid.String())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("bridge: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("bridge: what is stored in %s of %s cannot be read: %w", t, uuid, err)
	}
	return nil
}

// add makes the device known under its name and addresses.
func (s *Service) add(m *managed) {
	s.devices[m.record.UUID] = m
	s.byName[m.record.Name] = m
	s.addUnits(m)
}

func (s *Service) addUnits(m *managed) {
	for i := range m.record.Elements() {
		s.unit[m.record.Address+mesh.Address(i)] = unit{m, i}
	}
}

// drop makes the device unknown again.
func (s *Service) drop(m *managed) {
	delete(s.devices, m.record.UUID)
	delete(s.byName, m.record.Name)
	delete(s.dirty, m.record.UUID)
	maps.DeleteFunc(s.unit, func(_ mesh.Address, u unit) bool { return u.managed == m })
}

// adopt makes a device of a node that has been provisioned. Without a name it
// gets one from its UUID.
func (s *Service) adopt(p state.Peer, name string) *managed {
	if name == "" || s.byName[name] != nil {
		name = s.freeName(p.UUID)
	}
	m := &managed{
		record: &device.Record{
			UUID:      p.UUID,
			Address:   p.Address,
			Name:      name,
			Interview: device.Pending,
			Joined:    time.Now().UTC().Truncate(time.Second),
		},
		topics:   map[string]bool{},
		lastSeen: time.Now(),
	}
	if old := s.devices[p.UUID]; old != nil {
		// It was reset and provisioned again: it stays what the user called it.
		if name = old.record.Name; name != "" {
			m.record.Name = name
		}
		m.topics = old.topics
		s.drop(old)
	}
	s.add(m)
	s.keep(m)
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

// keep stores the record.
func (s *Service) keep(m *managed) {
	change, err := m.record.Change()
	if err == nil {
		err = s.cfg.Store.Apply(change)
	}
	if err != nil {
		s.complain("the record of %s could not be stored: %v", m.record.Name, err)
	}
	s.lists["devices"] = true
}

// peer is the device as the mesh addresses it.
func (m *managed) peer() state.Peer {
	return state.Peer{
		UUID:     m.record.UUID,
		Address:  m.record.Address,
		Elements: m.record.Elements(),
		NetKey:   netKey,
	}
}

// deviceKey is the device's own key, appKey the bridge's.
func (m *managed) deviceKey() transport.Key { return transport.Key{Device: m.record.Address} }

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

// sorted lists the devices by name.
func (s *Service) sorted() []*managed {
	return slices.SortedFunc(maps.Values(s.devices), func(a, b *managed) int {
		if a.record.Name < b.record.Name {
			return -1
		}
		return 1
	})
}

// retain publishes a retained value of a device and notes its topic, so that a
// rename or a removal can clear it, also after a restart.
func (s *Service) retain(m *managed, topic string, payload []byte) {
	if !m.topics[topic] {
		m.topics[topic] = true
		s.keepTopics(m)
	}
	s.publisher.Publish(topic, payload, true)
}

// clear takes back retained values of a device.
func (s *Service) clear(m *managed, topics ...string) {
	for _, t := range topics {
		if m.topics[t] {
			delete(m.topics, t)
			s.publisher.Clear(t)
		}
	}
	s.keepTopics(m)
}

func (s *Service) keepTopics(m *managed) {
	data, err := json.Marshal(slices.Sorted(maps.Keys(m.topics)))
	if err == nil {
		err = s.cfg.Store.Apply(store.Change{Table: tableTopics, Key: m.record.UUID.String(), Value: data})
	}
	if err != nil {
		s.complain("the topics of %s could not be stored: %v", m.record.Name, err)
	}
}

// discover publishes the device to Home Assistant.
func (s *Service) discover(m *managed) {
	if !s.cfg.HomeAssistant.Enabled || m.translator == nil {
		return
	}
	topic, payload, err := homeassistant.Discovery(s.cfg.HomeAssistant, s.cfg.Topics, m.record, m.translator.Things())
	if err != nil {
		s.complain("%s could not be described to Home Assistant: %v", m.record.Name, err)
		return
	}
	s.retain(m, topic, payload)
}

// publishState publishes everything that the device reported.
func (s *Service) publishState(m *managed) {
	if m.translator == nil {
		return
	}
	attributes := m.translator.State()
	if len(attributes) == 0 {
		return // a button has nothing but events
	}
	data, err := json.Marshal(attributes)
	if err != nil {
		s.complain("the state of %s could not be written: %v", m.record.Name, err)
		return
	}
	s.retain(m, s.cfg.Topics.State(m.record.Name), data)
}

// publishAvailability says whether the device can be reached, once that is
// known.
func (s *Service) publishAvailability(m *managed) {
	if m.online == nil {
		return
	}
	s.retain(m, s.cfg.Topics.Availability(m.record.Name), stateDocument(*m.online))
}

// stateDocument is the payload of bridge/state and of availability topics.
func stateDocument(online bool) []byte {
	if online {
		return []byte(`{"state":"online"}`)
	}
	return []byte(`{"state":"offline"}`)
}

// storeStates puts the states that changed into the store.
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
	clear(s.dirty)
	if len(changes) == 0 {
		return
	}
	if err := s.cfg.Store.Apply(changes...); err != nil {
		s.complain("the states of %d devices could not be stored: %v", len(changes), err)
	}
}
