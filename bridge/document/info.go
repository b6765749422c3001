package document

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
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
	State   string `json:"state" doc:"running; opening or recovering for a moment; unsteady if it stopped working several times within the last minute; down if it is lost or does not work"`
	Error   string `json:"error,omitempty" doc:"what is wrong"`

	Sent      uint64 `json:"sent" doc:"advertisements that were sent"`
	Received  uint64 `json:"received" doc:"advertisements that were received"`
	Resets    uint64 `json:"resets" doc:"how often the controller was reset"`
	Malformed uint64 `json:"malformed,omitempty" doc:"packets from the controller that were not understood"`
	Dropped   uint64 `json:"dropped" doc:"packets that could not be queued"`
}

// States of an Adapter that do not last a moment only. The others are those of
// a controller that works or is about to.
const (
	AdapterUnsteady = "unsteady"
	AdapterDown     = "down"
	AdapterStopped  = "stopped"
)

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
	Store    Store     `json:"store" doc:"the store, where the network is kept"`
	Mesh     Mesh      `json:"mesh" doc:"the mesh stack"`
	Ignored  int       `json:"retained_commands_ignored" doc:"commands that were ignored because they were retained"`
	Dropped  uint64    `json:"events_dropped" doc:"events of the mesh that were dropped because the bridge was busy"`
	Hidden   int       `json:"unprovisioned_hidden" doc:"unprovisioned devices that were heard and are not listed, because there are too many"`

	StoreRepaired []string `json:"store_repaired,omitempty" doc:"what was wrong with the files of the store when the program started, and was repaired"`

	Broker     *Broker  `json:"broker,omitempty" doc:"the connection to the broker"`
	Requests   Requests `json:"requests" doc:"messages to devices that wait to be sent or answered"`
	Refreshing int      `json:"refreshing" doc:"devices that are still to be asked for their state after the start"`

	Security   *Security             `json:"security,omitempty" doc:"attacks, and what looks like one; left out when there is nothing to tell"`
	Heartbeats map[string]*Heartbeat `json:"heartbeats,omitempty" doc:"devices that send heartbeats, by name"`
	Proxies    []Proxy               `json:"proxies,omitempty" doc:"proxies that the bridge uses or has tried to use"`
}

// Requests is what waits to be sent to devices, part of [Health].
type Requests struct {
	Waiting       map[string]int `json:"waiting" doc:"requests that wait to be sent, or to be sent again, by class: command, configuration, probe and transfer, in the order in which they are served"`
	InFlight      int            `json:"in_flight" doc:"requests that wait for an answer"`
	SilentDevices int            `json:"silent_devices" doc:"devices that did not answer the last two attempts and were not heard since; few requests are in flight for all of them together"`
	Refused       uint64         `json:"refused" doc:"requests that were refused since the start because too many waited, with the code busy"`
	Busiest       *BusiestDevice `json:"busiest,omitempty" doc:"the device for which most requests wait; left out when none waits"`
}

// BusiestDevice is the device for which most requests wait.
type BusiestDevice struct {
	Address mesh.Address `json:"address" doc:"address of the device, or of a group"`
	Name    string       `json:"name,omitempty" doc:"friendly name of the device"`
	Waiting int          `json:"waiting" doc:"requests that wait for it"`
}

// Security is what the bridge knows of attacks, part of [Health].
type Security struct {
	ConfigurationRefused uint64           `json:"configuration_refused" doc:"configuration messages to the bridge that were not obeyed"`
	AddressConflict      *AddressConflict `json:"address_conflict,omitempty" doc:"the bridge's own address was heard within the last day"`
	Silenced             []Silenced       `json:"silenced" doc:"devices whose messages are refused as replays"`
}

// Silenced is a device whose messages are refused.
type Silenced struct {
	Address mesh.Address `json:"address" doc:"address of the element"`
	Name    string       `json:"friendly_name,omitempty" doc:"the device, if the bridge knows it"`
	Refused uint32       `json:"refused" doc:"messages that were refused"`
	Since   time.Time    `json:"since" doc:"when the first was refused"`
}

// Store says whether the store works, part of [Health].
type Store struct {
	State string     `json:"state" enum:"ok,slow,failing" doc:"whether it does what it should, takes seconds for it, or does not"`
	Error string     `json:"error,omitempty" doc:"what is wrong and what to do"`
	Since *time.Time `json:"since,omitempty" doc:"since when"`
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
	RSSI     *int8     `json:"rssi" unit:"dBm" doc:"signal of the last hop; null if nobody measured it, as over a proxy"`
	LastSeen time.Time `json:"last_seen" doc:"when the last one arrived"`
	Features []string  `json:"features" doc:"features in use: relay, proxy, friend, lpn"`
}

// Proxy is a node that the bridge reaches the network through over a connection, or
// something that advertises as one.
type Proxy struct {
	Peer      string     `json:"peer" doc:"Bluetooth address"`
	Name      string     `json:"friendly_name,omitempty" doc:"its name, if the bridge knows it"`
	Connected bool       `json:"connected" doc:"the bridge uses it"`
	Since     *time.Time `json:"since,omitempty" doc:"since when"`
	Proven    bool       `json:"proven" doc:"it has shown that it has the key of the network; without that anybody may advertise it"`
	Silent    bool       `json:"silent" doc:"devices that are reached through it have fallen silent together"`
	RSSI      *int8      `json:"rssi" unit:"dBm" doc:"signal; null if it is not known"`
	Failures  int        `json:"failures" doc:"attempts in a row that failed"`
	Reason    string     `json:"reason,omitempty" doc:"why the last one failed"`
}

// Signal is the signal strength of a document, in dBm: nil, which is null, for one that
// nobody has measured. A controller reports that as 127.
func Signal(rssi int8) *int8 {
	if rssi == node.UnknownRSSI {
		return nil
	}
	return &rssi
}
