package bridge

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
)

// tableTopics is the ledger: by UUID the retained topics that were written for
// a device, so that all of them can be cleared one day.
const tableTopics store.Table = "topics"

// keyCleared is where the ledger has the topics that were cleared lately. The
// broker may have been away just then, and the service stopped before it came
// back; so they are cleared once more at the next start.
const keyCleared = "cleared"

// mostCleared bounds that list.
const mostCleared = 1000

func (s *Service) loadTopics(key string) []string {
	var topics []string
	if err := s.read(tableTopics, key, &topics); err != nil {
		s.log.Warn().Str("key", key).Err(err).Msg("a part of the ledger of retained topics is lost")
	}
	return topics
}

func (s *Service) loadCleared() { s.formerly = s.loadTopics(keyCleared) }

// clearFormer clears once more what was cleared before the start, but for what
// is in use again.
func (s *Service) clearFormer() {
	if len(s.formerly) == 0 {
		return
	}
	used := map[string]bool{}
	for _, m := range s.devices {
		maps.Copy(used, m.topics)
	}
	for _, t := range s.formerly {
		if !used[t] {
			s.publisher.Clear(t)
		}
	}
	s.formerly = nil
	s.keepLedger(list(keyCleared, s.cleared))
}

// retain publishes a retained value of a device and notes its topic first, so
// that a rename or a removal can clear it, also after a restart.
func (s *Service) retain(m *managed, topic string, payload []byte) {
	if !m.topics[topic] {
		m.topics[topic] = true
		s.keepLedger(m.ledger())
	}
	s.publisher.Publish(topic, payload, true)
}

// clear takes back retained values of a device.
func (s *Service) clear(m *managed, topics ...string) {
	before := len(s.cleared)
	for _, t := range topics {
		if m.topics[t] {
			delete(m.topics, t)
			s.publisher.Clear(t)
			s.cleared = append(s.cleared, t)
		}
	}
	if len(s.cleared) == before {
		return
	}
	if over := len(s.cleared) - mostCleared; over > 0 {
		s.cleared = slices.Delete(s.cleared, 0, over)
	}
	s.keepLedger(m.ledger(), list(keyCleared, slices.Concat(s.formerly, s.cleared)))
}

// sweep clears what stands in the ledger of a device and is not written any
// more: the program was stopped in the middle of a rename, or started with
// another base topic, or without Home Assistant.
func (s *Service) sweep(m *managed) {
	current := []string{s.cfg.Topics.State(m.record.Name), s.cfg.Topics.Availability(m.record.Name)}
	if s.cfg.HomeAssistant.Enabled {
		current = append(current, homeassistant.Topic(s.cfg.HomeAssistant, m.record))
	}
	var stale []string
	for t := range m.topics {
		if !slices.Contains(current, t) {
			stale = append(stale, t)
		}
	}
	slices.Sort(stale)
	s.clear(m, stale...)
}

func (m *managed) ledger() store.Change {
	return list(m.record.UUID.String(), slices.Sorted(maps.Keys(m.topics)))
}

// list is an entry of the ledger; one without topics goes.
func list(key string, topics []string) store.Change {
	change := store.Change{Table: tableTopics, Key: key}
	if len(topics) > 0 {
		change.Value, _ = json.Marshal(topics) // strings can always be written
	}
	return change
}

func (s *Service) keepLedger(changes ...store.Change) {
	if err := s.cfg.Store.Apply(changes...); err != nil {
		s.complain("the ledger of retained topics could not be stored: %v", err)
	}
}
