// Package device is the bridge's record of a node: what the user calls it and
// what its interview found. Keys are not in it; those stay with the mesh.
package device

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Table is where records are kept, by UUID.
const Table store.Table = "devices"

// Interview is how far the bridge has got to know a device.
type Interview string

// The states of an interview, as bridge/devices shows them.
const (
	Pending    Interview = "pending"
	InProgress Interview = "in_progress"
	Successful Interview = "successful"
	Failed     Interview = "failed"
)

// Range is the least and the greatest value of a state, as on the air.
type Range struct {
	Min uint16 `json:"min"`
	Max uint16 `json:"max"`
}

// Details is what the servers of a device say about themselves, by the index
// of their element.
type Details struct {
	Lightness   map[int]Range    `json:"lightness,omitempty"`   // Light Lightness Range
	Temperature map[int]Range    `json:"temperature,omitempty"` // Light CTL Temperature Range, kelvin
	Sensors     map[int][]uint16 `json:"sensors,omitempty"`     // device properties that the sensor server has
}

// Record is one device.
type Record struct {
	UUID        mesh.UUID               `json:"uuid"`
	Address     mesh.Address            `json:"address"` // of the primary element
	Name        string                  `json:"name"`    // friendly name
	Interview   Interview               `json:"interview"`
	Composition *foundation.Composition `json:"composition,omitempty"` // nil before the interview
	Details     Details                 `json:"details"`
	Skipped     []string                `json:"skipped,omitempty"` // models that could not be configured
	Joined      time.Time               `json:"joined"`
}

// Elements is the number of elements, one before the interview.
func (r *Record) Elements() int {
	if r.Composition == nil {
		return 1
	}
	return len(r.Composition.Elements)
}

// Change stores the record.
func (r *Record) Change() (store.Change, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return store.Change{}, fmt.Errorf("device: %w", err)
	}
	return store.Change{Table: Table, Key: r.UUID.String(), Value: data}, nil
}

// Load reads the records of a store.
func Load(s store.Store) ([]*Record, error) {
	all, err := s.All(Table)
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	records := make([]*Record, 0, len(all))
	for key, data := range all {
		r := &Record{}
		if err := json.Unmarshal(data, r); err != nil {
			return nil, fmt.Errorf("device: the stored record %s cannot be read: %w", key, err)
		}
		records = append(records, r)
	}
	return records, nil
}
