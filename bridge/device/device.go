// Package device is the bridge's record of a node: its friendly name and the result of
// its interview. It contains no keys; those stay with the mesh.
//
//	store  "devices"  UUID ──▶ {"name":"kitchen/lamp","address":"0x0005",
//	                            "composition":{...},"details":{...}, ...}
package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Table is where records are kept, by UUID.
const Table store.Table = "devices"

// Interview is the state of a device's interview.
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

// Details is what the servers of a device told about themselves, by the index of their
// element.
type Details struct {
	Lightness   map[int]Range    `json:"lightness,omitempty"`   // Light Lightness Range
	Temperature map[int]Range    `json:"temperature,omitempty"` // Light CTL Temperature Range, kelvin
	Sensors     map[int][]uint16 `json:"sensors,omitempty"`     // device properties that the sensor server has
}

// Record is one device.
type Record struct {
	UUID        mesh.UUID                  `json:"uuid"`
	Address     mesh.Address               `json:"address"` // of the primary element
	Count       int                        `json:"count"`   // elements that were provisioned
	Name        string                     `json:"name"`    // friendly name
	Interview   Interview                  `json:"interview"`
	Composition *configuration.Composition `json:"composition,omitempty"` // nil before the interview
	Details     Details                    `json:"details"`
	Skipped     []string                   `json:"skipped,omitempty"`  // models that could not be configured
	Imported    bool                       `json:"imported,omitempty"` // it was configured by another provisioner
	Joined      time.Time                  `json:"joined"`
	// NetKey is the subnet that the device joined. Messages to it are encrypted with
	// AppKey.
	NetKey mesh.KeyIndex `json:"net_key,omitempty"`
	AppKey mesh.KeyIndex `json:"app_key,omitempty"`
	// NetKeys and AppKeys are the other keys that it has.
	NetKeys []mesh.KeyIndex `json:"net_keys,omitempty"`
	AppKeys []mesh.KeyIndex `json:"app_keys,omitempty"`
	// KeyLost says that the network has lost AppKey and has a new one in its place.
	// The device gets that with its next interview.
	KeyLost bool `json:"key_lost,omitempty"`
	// LeftBehind says that the keys of the network were refreshed without the
	// device: it has to be provisioned again.
	LeftBehind bool `json:"left_behind,omitempty"`
	// Publications says which models publish to the bridge (package commission). It is
	// empty for a device whose last interview was made by a version that configured
	// all of them.
	Publications string `json:"publications,omitempty"`
	// TransferBound says that the models of firmware updates are bound to AppKey.
	TransferBound bool `json:"transfer_bound,omitempty"`
}

// HasNetKey reports whether the device is in a subnet.
func (r *Record) HasNetKey(index mesh.KeyIndex) bool {
	return r.NetKey == index || slices.Contains(r.NetKeys, index)
}

// Elements is the number of elements: those of the composition, and before the
// interview those that were provisioned. It is at least one.
func (r *Record) Elements() int {
	if r.Composition == nil {
		return max(1, r.Count)
	}
	return len(r.Composition.Elements)
}

// Change stores the record.
func (r *Record) Change() (store.Change, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return store.Change{}, fmt.Errorf("device: the record of %s cannot be written: %w", r.UUID, err)
	}
	return store.Change{Table: Table, Key: r.UUID.String(), Value: data}, nil
}

// ErrRecord is wrapped by the errors of Parse and Load for a stored record that
// cannot be one.
var ErrRecord = errors.New("device: stored record")

// Parse reads a stored record; key is what it is stored under. Errors wrap
// ErrRecord.
func Parse(key string, data []byte) (*Record, error) {
	r := &Record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%w %q cannot be read: %w", ErrRecord, key, err)
	}
	const most = 255
	switch {
	case r.UUID.String() != key:
		return nil, fmt.Errorf("%w %q: expected the UUID that it is stored under, got %s", ErrRecord, key, r.UUID)
	case r.Composition != nil && len(r.Composition.Elements) == 0:
		return nil, fmt.Errorf("%w %q: expected a composition of at least one element", ErrRecord, key)
	case r.Elements() > most || !r.Address.IsUnicast() || int(r.Address)+r.Elements()-1 > int(mesh.LastUnicast):
		return nil, fmt.Errorf("%w %q: expected unicast addresses, got %d from %s on", ErrRecord, key, r.Elements(), r.Address)
	case r.Name == "":
		return nil, fmt.Errorf("%w %q: expected a name", ErrRecord, key)
	}
	return r, nil
}

// Load reads the records of a store, in the order of their addresses. A record that
// cannot be read is an error: without it the name of the device would be lost.
func Load(s store.Store) ([]*Record, error) {
	all, err := s.All(Table)
	if err != nil {
		return nil, fmt.Errorf("device: the records cannot be read: %w", err)
	}
	records := make([]*Record, 0, len(all))
	for key, data := range all {
		r, err := Parse(key, data)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b *Record) int { return int(a.Address) - int(b.Address) })
	return records, nil
}
