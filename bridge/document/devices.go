package document

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Device is an entry of B/bridge/devices.
type Device struct {
	UUID      mesh.UUID        `json:"uuid" doc:"Device UUID"`
	Address   mesh.Address     `json:"address" doc:"address of the primary element"`
	Name      string           `json:"friendly_name" doc:"its name, as in topics"`
	Interview device.Interview `json:"interview_state" enum:"pending,in_progress,successful,failed" doc:"how far it is known and configured"`
	Joined    time.Time        `json:"joined" doc:"when it was provisioned"`
	CID       *mesh.CompanyID  `json:"cid,omitempty" doc:"company identifier of the maker"`
	PID       *uint16          `json:"pid,omitempty" doc:"product identifier"`
	VID       *uint16          `json:"vid,omitempty" doc:"version of the product"`
	Features  map[string]bool  `json:"features,omitempty" doc:"features that it has: relay, proxy, friend, lpn"`
	Elements  []Element        `json:"elements" doc:"its elements; empty before the interview"`
	Exposes   []Expose         `json:"exposes" doc:"what it can do"`
	Skipped   []string         `json:"skipped,omitempty" doc:"what it refused in the interview"`
	// LeftBehind: the device has old keys and has to be provisioned again.
	LeftBehind bool            `json:"left_behind,omitempty" doc:"it has old keys and has to be provisioned again"`
	NetKeys    []mesh.KeyIndex `json:"net_keys" doc:"indexes of its NetKeys, first that of the subnet it is reached by"`
	AppKeys    []mesh.KeyIndex `json:"app_keys" doc:"indexes of its AppKeys, first the one that it is controlled with"`

	Friendship *Friendship `json:"friendship,omitempty" doc:"friendship with the bridge, of a device that sleeps"`
}

// Element is an element of a device.
type Element struct {
	Index    int          `json:"index" doc:"0 for the primary element"`
	Address  mesh.Address `json:"address" doc:"its address"`
	Location uint16       `json:"location" doc:"where it is, a number of the Bluetooth namespace"`
	Models   []Model      `json:"models" doc:"its models"`
}

// Model is a model of an element.
type Model struct {
	ID   mesh.ModelID `json:"id" doc:"identifier"`
	Name string       `json:"name,omitempty" doc:"name in the specifications"`
}

// Expose is something that a device can do.
type Expose struct {
	Type     string   `json:"type" doc:"light, switch, sensor, ..."`
	Property string   `json:"property" doc:"attribute in the state of the device"`
	Element  int      `json:"element" doc:"index of the element"`
	Unit     string   `json:"unit,omitempty" doc:"unit of the value"`
	Features []string `json:"features,omitempty" doc:"attributes of a light"`
	Values   []string `json:"values,omitempty" doc:"types of the events of a button"`
}

// Friendship is the friendship of a Low Power node with the bridge.
type Friendship struct {
	PollTimeout float64 `json:"poll_timeout" unit:"seconds" doc:"time without a poll after which the friendship ends"`
	Queued      int     `json:"queued" doc:"PDUs that wait for the device"`
	Addresses   int     `json:"subscriptions" doc:"addresses that the bridge listens to for it"`
}

// Unprovisioned is an entry of B/bridge/unprovisioned.
type Unprovisioned struct {
	UUID      mesh.UUID `json:"uuid" doc:"Device UUID"`
	Bearers   []string  `json:"bearers" doc:"how it was heard: pb-adv, pb-gatt, pb-remote"`
	RSSI      *int8     `json:"rssi" unit:"dBm" doc:"signal; null if nobody measured it"`
	OOB       uint16    `json:"oob_info" doc:"OOB Information, a bit field of the specification"`
	Adapter   string    `json:"adapter" doc:"adapter that heard it, as configured"`
	FirstSeen time.Time `json:"first_seen" doc:"when it was heard first"`
	LastSeen  time.Time `json:"last_seen" doc:"when it was heard last"`
	Via       []Via     `json:"via,omitempty" doc:"devices that hear it"`
}

// Via is a device that hears an unprovisioned one.
type Via struct {
	Device string `json:"device" doc:"name"`
	RSSI   *int8  `json:"rssi" unit:"dBm" doc:"signal; null if nobody measured it"`
}

// DeviceReference names a device in a response.
type DeviceReference struct {
	Address mesh.Address `json:"address,omitempty" doc:"address of the primary element"`
	Name    string       `json:"name,omitempty" doc:"friendly name"`
	UUID    mesh.UUID    `json:"uuid" doc:"Device UUID"`
}
