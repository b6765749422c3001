// Package document has the types of the documents that the bridge publishes about
// itself: bridge/info, bridge/health, bridge/devices and bridge/unprovisioned.
package document

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Adapter is a radio as bridge/info and bridge/health show it.
type Adapter struct {
	ID      string `json:"id"` // as configured
	Address string `json:"address,omitempty"`
	Kind    string `json:"kind,omitempty"` // of the controller: extended or legacy advertising
	State   string `json:"state"`
	Error   string `json:"error,omitempty"`

	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	Resets   uint64 `json:"resets"`
	Dropped  uint64 `json:"dropped"`
}

// Info is bridge/info.
type Info struct {
	Version  string    `json:"version"`
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
	Adapters []Adapter `json:"adapters"`
	Network  Network   `json:"network"`
	Scan     Scan      `json:"scan"`
}

// Network is the part of Info about the network.
type Network struct {
	Name         string          `json:"name"`
	UUID         mesh.UUID       `json:"uuid"`
	Address      mesh.Address    `json:"primary_address"`
	IVIndex      *mesh.IVIndex   `json:"iv_index"` // null while it is not known
	IVUpdate     bool            `json:"iv_update"`
	SequenceLeft float64         `json:"seq_left_percent"`
	NetKeys      []mesh.KeyIndex `json:"net_keys"`
	AppKeys      []mesh.KeyIndex `json:"app_keys"`
	IV           IV              `json:"iv"`
	Subnets      []Subnet        `json:"subnets"`
	KeyRefresh   *KeyRefresh     `json:"key_refresh,omitempty"` // of the one that is under way
}

// IV is the IV Update procedure.
type IV struct {
	Hours    int  `json:"hours_in_state"`
	Possible bool `json:"change_possible"` // the 96 hours have passed
	TestMode bool `json:"test_mode"`
}

// Subnet is a subnet with its keys.
type Subnet struct {
	NetKey  mesh.KeyIndex   `json:"net_key"`
	AppKeys []mesh.KeyIndex `json:"app_keys"`
	Phase   state.Phase     `json:"key_refresh_phase"`
}

// KeyRefresh is a Key Refresh procedure that is under way.
type KeyRefresh struct {
	NetKey     mesh.KeyIndex `json:"net_key"`
	Phase      string        `json:"phase"`
	Through    int           `json:"through"`
	Missing    []string      `json:"missing"`     // devices that the phase waits for
	LeftBehind []string      `json:"left_behind"` // that get no new keys any more
	Excluded   int           `json:"excluded"`
	Waited     int           `json:"waited_s"` // in this phase
	Queued     int           `json:"queued"`   // refreshes that wait for this one
}

// Scan says whether unprovisioned devices are reported as events.
type Scan struct {
	Active bool       `json:"active"`
	Until  *time.Time `json:"until,omitempty"`
}

// Health is bridge/health.
type Health struct {
	Time     time.Time `json:"time"`
	Memory   uint64    `json:"memory_bytes"` // that the program got from the system
	Adapters []Adapter `json:"adapters"`
	Mesh     any       `json:"mesh"`
	Ignored  int       `json:"retained_commands_ignored"`
	// Dropped counts the events of the mesh that found the bridge busy.
	Dropped uint64 `json:"events_dropped"`

	Heartbeats map[string]*Heartbeat `json:"heartbeats,omitempty"`
}

// Heartbeat is what a device that sends heartbeats told.
type Heartbeat struct {
	Hops     uint8     `json:"hops"` // of the last, 1 for a neighbour
	MinHops  uint8     `json:"min_hops"`
	MaxHops  uint8     `json:"max_hops"`
	Count    uint64    `json:"count"`
	RSSI     int8      `json:"rssi"` // of the last hop
	LastSeen time.Time `json:"last_seen"`
	Features []string  `json:"features"` // in use
}

// Device is an entry of bridge/devices.
type Device struct {
	UUID      mesh.UUID        `json:"uuid"`
	Address   mesh.Address     `json:"address"`
	Name      string           `json:"friendly_name"`
	Interview device.Interview `json:"interview_state"`
	Joined    time.Time        `json:"joined"`
	CID       *mesh.CompanyID  `json:"cid,omitempty"`
	PID       *uint16          `json:"pid,omitempty"`
	VID       *uint16          `json:"vid,omitempty"`
	Features  map[string]bool  `json:"features,omitempty"`
	Elements  []Element        `json:"elements"`
	Exposes   []Expose         `json:"exposes"`
	Skipped   []string         `json:"skipped,omitempty"`
	// LeftBehind: the device has old keys and has to be provisioned again.
	LeftBehind bool            `json:"left_behind,omitempty"`
	NetKeys    []mesh.KeyIndex `json:"net_keys"`
	AppKeys    []mesh.KeyIndex `json:"app_keys"`

	Friendship *Friendship `json:"friendship,omitempty"` // with the bridge
}

// Element is an element of a device.
type Element struct {
	Index    int          `json:"index"`
	Address  mesh.Address `json:"address"`
	Location uint16       `json:"location"`
	Models   []Model      `json:"models"`
}

// Model is a model of an element.
type Model struct {
	ID   mesh.ModelID `json:"id"`
	Name string       `json:"name,omitempty"`
}

// Expose is a function of a device.
type Expose struct {
	Type     translate.Kind `json:"type"`
	Property string         `json:"property"`
	Element  int            `json:"element"`
	Unit     string         `json:"unit,omitempty"`
	Features []string       `json:"features,omitempty"`
	Values   []string       `json:"values,omitempty"`
}

// Friendship is the friendship of a low power node with the bridge.
type Friendship struct {
	PollTimeout float64 `json:"poll_timeout"` // seconds without a poll after which the friendship ends
	Queued      int     `json:"queued"`       // PDUs that wait for it
	Addresses   int     `json:"subscriptions"`
}

// Unprovisioned is an entry of bridge/unprovisioned.
type Unprovisioned struct {
	UUID      mesh.UUID `json:"uuid"`
	Bearers   []string  `json:"bearers"`
	RSSI      int8      `json:"rssi"`
	OOB       uint16    `json:"oob_info"`
	Adapter   string    `json:"adapter"` // as configured
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Via       []Via     `json:"via,omitempty"` // devices that hear it
}

// Via is a device that hears an unprovisioned one.
type Via struct {
	Device string `json:"device"`
	RSSI   int8   `json:"rssi"`
}
