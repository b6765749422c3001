package store

import (
	"fmt"
	"slices"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Memory is a Store that ends with its process. NewMemory makes one; the zero
// value is not usable.
type Memory struct {
	mu     sync.Mutex
	closed bool
	tables map[Table]map[string][]byte
	replay map[mesh.Address]ReplayEntry
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		tables: make(map[Table]map[string][]byte),
		replay: make(map[mesh.Address]ReplayEntry),
	}
}

// Get implements Store.
func (m *Memory) Get(t Table, key string) ([]byte, error) {
	if err := CheckKey(t, key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, m.closedError("get")
	}
	value, ok := m.tables[t][key]
	if !ok {
		return nil, fmt.Errorf("store: %s/%q: %w", t, key, ErrNotFound)
	}
	return copyOf(value), nil
}

// All implements Store.
func (m *Memory) All(t Table) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, m.closedError("list")
	}
	all := make(map[string][]byte, len(m.tables[t]))
	for key, value := range m.tables[t] {
		all[key] = copyOf(value)
	}
	return all, nil
}

// Tables implements Store.
func (m *Memory) Tables() ([]Table, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, m.closedError("list")
	}
	var names []Table
	for name, keys := range m.tables {
		if len(keys) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Apply implements Store.
func (m *Memory) Apply(changes ...Change) error {
	if err := CheckChanges(changes); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return m.closedError("apply")
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(m.tables[c.Table], c.Key)
			continue
		}
		if m.tables[c.Table] == nil {
			m.tables[c.Table] = make(map[string][]byte)
		}
		m.tables[c.Table][c.Key] = copyOf(c.Value)
	}
	return nil
}

// Replay implements Store.
func (m *Memory) Replay(visit func(ReplayEntry)) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return m.closedError("read the replay list")
	}
	entries := SortedReplay(m.replay)
	m.mu.Unlock()
	for _, e := range entries {
		visit(e)
	}
	return nil
}

// AppendReplay implements Store.
func (m *Memory) AppendReplay(entries []ReplayEntry) error {
	if err := CheckReplay(entries); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return m.closedError("append to the replay list")
	}
	for _, e := range entries {
		if known, ok := m.replay[e.Src]; !ok || e.Newer(known) {
			m.replay[e.Src] = e
		}
	}
	return nil
}

// ForgetReplay implements Store.
func (m *Memory) ForgetReplay(sources ...mesh.Address) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return m.closedError("forget a source")
	}
	for _, src := range sources {
		delete(m.replay, src)
	}
	return nil
}

// Sync implements Store.
func (m *Memory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return m.closedError("sync")
	}
	return nil
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (m *Memory) closedError(what string) error {
	return fmt.Errorf("store: cannot %s: %w", what, ErrClosed)
}

// SortedReplay lists the entries of a replay list by ascending source.
func SortedReplay(list map[mesh.Address]ReplayEntry) []ReplayEntry {
	entries := make([]ReplayEntry, 0, len(list))
	for _, e := range list {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b ReplayEntry) int { return int(a.Src) - int(b.Src) })
	return entries
}

// copyOf never returns nil, because an empty value is a value.
func copyOf(value []byte) []byte { return append(make([]byte, 0, len(value)), value...) }
