package document

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Info is B/bridge/info.
type Info struct {
	Version  string    `json:"version" doc:"version of the bridge"`
	Go       string    `json:"go" doc:"version of Go that it was built with"`
	Platform string    `json:"platform" doc:"operating system and processor"`
	Adapters []Adapter `json:"adapters" doc:"the radios"`
	Network  Network   `json:"network" doc:"the mesh network"`
	Scan     Scan      `json:"scan" doc:"whether unprovisioned devices are reported as events"`
}

// Adapter is a radio.
type Adapter struct {
	ID      string `json:"id" doc:"name in the configuration"`
	Address string `json:"address,omitempty" doc:"Bluetooth address"`
	Kind    string `json:"kind,omitempty" doc:"extended or legacy advertising"`
	State   string `json:"state" doc:"ok, or what is wrong"`
	Error   string `json:"error,omitempty" doc:"the last error"`

	Sent     uint64 `json:"sent" doc:"advertisements that were sent"`
	Received uint64 `json:"received" doc:"advertisements that were received"`
	Resets   uint64 `json:"resets" doc:"how often the controller was reset"`
	Dropped  uint64 `json:"dropped" doc:"packets that could not be queued"`
}

// Network is the mesh network, part of [Info].
type Network struct {
	Name         string          `json:"name" doc:"name in the configuration"`
	UUID         mesh.UUID       `json:"uuid" doc:"UUID of the bridge's own node"`
	Address      mesh.Address    `json:"primary_address" doc:"address of the bridge's own node"`
	IVIndex      *mesh.IVIndex   `json:"iv_index" doc:"IV index; null while it is not known"`
	IVUpdate     bool            `json:"iv_update" doc:"an IV Update is in progress"`
	SequenceLeft float64         `json:"seq_left_percent" unit:"percent" doc:"sequence numbers that the bridge has left"`
	NetKeys      []mesh.KeyIndex `json:"net_keys" doc:"indexes of the NetKeys"`
	AppKeys      []mesh.KeyIndex `json:"app_keys" doc:"indexes of the AppKeys"`
	IV           IV              `json:"iv" doc:"the IV Update procedure"`
	Subnets      []Subnet        `json:"subnets" doc:"the subnets"`
	KeyRefresh   *KeyRefresh     `json:"key_refresh,omitempty" doc:"the Key Refresh procedure that is under way"`
}

// IV is the IV Update procedure.
type IV struct {
	Hours    int  `json:"hours_in_state" unit:"hours" doc:"time since the last change"`
	Possible bool `json:"change_possible" doc:"the 96 hours between two changes have passed"`
	TestMode bool `json:"test_mode" doc:"changes need not wait"`
}

// Subnet is a subnet with its keys.
type Subnet struct {
	NetKey  mesh.KeyIndex   `json:"net_key" doc:"index of the NetKey"`
	AppKeys []mesh.KeyIndex `json:"app_keys" doc:"indexes of the AppKeys that are bound to it"`
	Phase   state.Phase     `json:"key_refresh_phase" doc:"phase of the Key Refresh procedure, 0 for none"`
}

// KeyRefresh is a Key Refresh procedure that is under way.
type KeyRefresh struct {
	NetKey     mesh.KeyIndex `json:"net_key" doc:"index of the NetKey"`
	Phase      string        `json:"phase" doc:"distributing, switching, revoking or done"`
	Through    int           `json:"through" doc:"number of devices that are done with the phase"`
	Missing    []string      `json:"missing" doc:"devices that the phase waits for"`
	LeftBehind []string      `json:"left_behind" doc:"devices that get no new keys any more"`
	Excluded   int           `json:"excluded" doc:"number of devices that are not to get the new keys"`
	Waited     int           `json:"waited_s" unit:"seconds" doc:"time in this phase"`
	Queued     int           `json:"queued" doc:"Key Refresh procedures that wait for this one"`
}

// Scan says whether unprovisioned devices are reported as events.
type Scan struct {
	Active bool       `json:"active" doc:"they are"`
	Until  *time.Time `json:"until,omitempty" doc:"until when"`
}

// Health is B/bridge/health.
type Health struct {
	Time     time.Time `json:"time" doc:"when this was written"`
	Memory   uint64    `json:"memory_bytes" unit:"octets" doc:"memory that the program has from the system"`
	Adapters []Adapter `json:"adapters" doc:"the radios"`
	Mesh     Mesh      `json:"mesh" doc:"the mesh stack"`
	Ignored  int       `json:"retained_commands_ignored" doc:"commands that were ignored because they were retained"`
	Dropped  uint64    `json:"events_dropped" doc:"events of the mesh that were dropped because the bridge was busy"`
	Hidden   int       `json:"unprovisioned_hidden" doc:"unprovisioned devices that were heard and are not listed, because there are too many"`

	Heartbeats map[string]*Heartbeat `json:"heartbeats,omitempty" doc:"devices that send heartbeats, by name"`
}

// Mesh is what the mesh stack counts, part of [Health].
type Mesh struct {
	Counters Counters `json:"counters" doc:"counters by layer, which change from version to version"`
	Missed   uint64   `json:"missed" doc:"PDUs that were dropped because the node did not keep up"`
	Unsent   uint64   `json:"unsent" doc:"PDUs that the radio had no room for"`
}

// Counters are counters of a layer, or further layers, by name.
type Counters map[string]any

// Heartbeat is what a device that sends heartbeats told.
type Heartbeat struct {
	Hops     uint8     `json:"hops" doc:"hops of the last heartbeat, 1 for a neighbour"`
	MinHops  uint8     `json:"min_hops" doc:"the fewest hops"`
	MaxHops  uint8     `json:"max_hops" doc:"the most hops"`
	Count    uint64    `json:"count" doc:"heartbeats that arrived"`
	RSSI     int8      `json:"rssi" unit:"dBm" doc:"signal of the last hop"`
	LastSeen time.Time `json:"last_seen" doc:"when the last one arrived"`
	Features []string  `json:"features" doc:"features in use: relay, proxy, friend, lpn"`
}
