package publish

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/writer"
)

// TableTopics is the ledger: by UUID the retained topics that were written for a
// device, so that all of them can be cleared one day.
const TableTopics store.Table = "topics"

// keyCleared is where the ledger has the topics that were cleared lately. The
// broker may have been away just then, and the service stopped before it came
// back; so they are cleared once more at the next start.
const keyCleared = "cleared"

// keyBridge is where the ledger has the topics of the bridge itself.
const keyBridge = "bridge"

// maxCleared bounds that list.
const maxCleared = 1000

// Ledger publishes retained values of devices. It notes each topic in the store
// before it publishes there for the first time, so that a rename or a removal can
// clear it, also after a restart.
type Ledger struct {
	publisher *Publisher
	writer    *writer.Writer
	log       zerolog.Logger
	topics    map[mesh.UUID]map[string]*entry
	cleared   []string // since the start
	former    []string // cleared before the start
	own       []string // of the bridge itself, before the start
}

// entry is a topic of a device.
type entry struct {
	noted bool   // in the store
	value []byte // published once it is noted; nil for none
}

// NewLedger makes a ledger and reads the topics that were cleared before the
// start.
func NewLedger(p *Publisher, w *writer.Writer, log zerolog.Logger) *Ledger {
	l := &Ledger{publisher: p, writer: w, log: log, topics: map[mesh.UUID]map[string]*entry{}}
	l.former, l.own = l.read(keyCleared), l.read(keyBridge)
	return l
}

// read is a part of the ledger. One that cannot be read is done without.
func (l *Ledger) read(key string) []string {
	var topics []string
	if err := l.writer.Get(TableTopics, key, &topics); err != nil {
		l.log.Warn().Str("key", key).Err(err).Msg("a part of the ledger of retained topics is lost")
	}
	return topics
}

// Load reads the topics of a device, before the loop begins.
func (l *Ledger) Load(uuid mesh.UUID) {
	of := map[string]*entry{}
	for _, t := range l.read(uuid.String()) {
		of[t] = &entry{noted: true}
	}
	l.topics[uuid] = of
}

// Retain publishes a retained value of a device.
func (l *Ledger) Retain(uuid mesh.UUID, topic string, payload []byte) {
	of := l.topics[uuid]
	if of == nil {
		of = map[string]*entry{}
		l.topics[uuid] = of
	}
	e := of[topic]
	switch {
	case e == nil:
		e = &entry{value: payload}
		of[topic] = e
		// When the store does not take it the value is published all the same:
		// the writer warns.
		l.save(l.record(uuid))
		l.writer.After(func() { l.noted(topic, e) })
	case !e.noted:
		e.value = payload
	default:
		l.publisher.Retain(topic, payload)
	}
}

// noted publishes the last value that came while the topic was being noted.
func (l *Ledger) noted(topic string, e *entry) {
	e.noted = true
	if e.value != nil {
		l.publisher.Retain(topic, e.value)
		e.value = nil
	}
}

// Clear takes back retained values of a device. A topic that another device has as
// well, because it got the name, is that one's from now on and is not cleared.
func (l *Ledger) Clear(uuid mesh.UUID, topics ...string) {
	changed := false
	for _, t := range topics {
		e := l.topics[uuid][t]
		if e == nil {
			continue
		}
		e.value = nil
		delete(l.topics[uuid], t)
		changed = true
		if l.used(t) {
			continue
		}
		l.publisher.Retain(t, nil)
		l.cleared = append(l.cleared, t)
	}
	if !changed {
		return
	}
	if over := len(l.cleared) - maxCleared; over > 0 {
		l.cleared = slices.Delete(l.cleared, 0, over)
	}
	l.save(l.record(uuid), list(keyCleared, slices.Concat(l.former, l.cleared)))
}

// used reports whether a device has a topic.
func (l *Ledger) used(topic string) bool {
	for _, of := range l.topics {
		if of[topic] != nil {
			return true
		}
	}
	return false
}

// Topics lists the topics of a device in their order.
func (l *Ledger) Topics(uuid mesh.UUID) []string { return slices.Sorted(maps.Keys(l.topics[uuid])) }

// Forget clears all topics of a device and forgets it.
func (l *Ledger) Forget(uuid mesh.UUID) {
	l.Clear(uuid, l.Topics(uuid)...)
	delete(l.topics, uuid)
	l.save(store.Change{Table: TableTopics, Key: uuid.String()})
}

// Own notes which retained topics the bridge itself has, and clears those that it
// had before: it was started with another base topic.
func (l *Ledger) Own(topics []string) {
	if slices.Equal(l.own, topics) {
		return
	}
	for _, t := range l.own {
		if slices.Contains(topics, t) || l.used(t) {
			continue
		}
		l.publisher.Retain(t, nil)
		l.cleared = append(l.cleared, t)
	}
	l.own = topics
	l.save(list(keyBridge, topics), list(keyCleared, slices.Concat(l.former, l.cleared)))
}

// ClearFormer clears once more what was cleared before the start, but for what is
// in use again.
func (l *Ledger) ClearFormer() {
	if len(l.former) == 0 {
		return
	}
	used := map[string]bool{}
	for _, of := range l.topics {
		for t := range of {
			used[t] = true
		}
	}
	for _, t := range l.former {
		if !used[t] {
			l.publisher.Retain(t, nil)
		}
	}
	l.former = nil
	l.save(list(keyCleared, l.cleared))
}

func (l *Ledger) record(uuid mesh.UUID) store.Change { return list(uuid.String(), l.Topics(uuid)) }

// list is an entry of the ledger; one without topics goes.
func list(key string, topics []string) store.Change {
	change := store.Change{Table: TableTopics, Key: key}
	if len(topics) > 0 {
		change.Value, _ = json.Marshal(topics) // strings can always be written
	}
	return change
}

func (l *Ledger) save(changes ...store.Change) {
	if err := l.writer.Save(changes...); err != nil {
		l.publisher.Warn("", "the ledger of retained topics could not be stored: %v", err)
	}
}
