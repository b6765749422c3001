package document

import (
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// EventData is the data of an event on B/bridge/event; the type of the event
// belongs to it.
type EventData interface {
	EventType() string
}

// Event is B/bridge/event.
type Event struct {
	Data EventData `json:"data"`
	Type string    `json:"type"`
}

// NewEvent makes an event of its data.
func NewEvent(data EventData) Event { return Event{Data: data, Type: data.EventType()} }

// The events. Fields that a kind of event has only sometimes are left out when
// they are empty.
type (
	// DeviceFound is an unprovisioned device that was heard during a scan.
	DeviceFound struct {
		OOB  uint16    `json:"oob_info" doc:"OOB Information, a bit field of the specification"`
		RSSI *int8     `json:"rssi" unit:"dBm" doc:"signal; null if nobody measured it"`
		UUID mesh.UUID `json:"uuid" doc:"Device UUID"`
		Via  string    `json:"via,omitempty" doc:"device that heard it, when that was not the bridge"`
	}

	// DeviceProvisioning is a step of a provisioning.
	DeviceProvisioning struct {
		Action       string    `json:"action,omitempty" doc:"how the value is shown or entered: blink, push, numeric, ..."`
		Algorithm    string    `json:"algorithm,omitempty" doc:"algorithm that was chosen"`
		Code         string    `json:"code,omitempty" doc:"why it failed, for programs"`
		Elements     uint8     `json:"elements,omitempty" doc:"number of elements of the device"`
		Error        string    `json:"error,omitempty" doc:"why it failed, for people"`
		Instruction  string    `json:"instruction,omitempty" doc:"what to do, for people"`
		Method       string    `json:"method,omitempty" doc:"authentication method that was chosen"`
		Offers       string    `json:"offers,omitempty" doc:"what the device can do, for people"`
		PublicKeyOOB *bool     `json:"public_key_oob,omitempty" doc:"whether the public key of the device was known before"`
		Size         uint8     `json:"size,omitempty" doc:"digits or characters of the value"`
		Step         string    `json:"step" doc:"queued, link_open, capabilities, start, oob_wanted, oob_shown, ..., failed"`
		UUID         mesh.UUID `json:"uuid" doc:"Device UUID"`
		Value        string    `json:"value,omitempty" doc:"value to enter on the device"`
		ValueType    string    `json:"value_type,omitempty" enum:"number,text" doc:"what the value consists of"`
	}

	// DeviceJoined is a device that was provisioned.
	DeviceJoined struct {
		Address mesh.Address `json:"address" doc:"address of the primary element"`
		Name    string       `json:"friendly_name" doc:"its name"`
		UUID    mesh.UUID    `json:"uuid" doc:"Device UUID"`
	}

	// DeviceInterview is a step of an interview.
	DeviceInterview struct {
		Code   string    `json:"code,omitempty" doc:"why it failed, for programs"`
		Done   int       `json:"done,omitempty" doc:"steps that are done"`
		Error  string    `json:"error,omitempty" doc:"why it failed, for people"`
		Name   string    `json:"friendly_name" doc:"the device"`
		Status string    `json:"status" enum:"started,in_progress,successful,failed" doc:"how far it is"`
		Step   string    `json:"step,omitempty" doc:"the step that is done: composition, app_key, bind, publish, details"`
		Total  int       `json:"total,omitempty" doc:"steps in total"`
		UUID   mesh.UUID `json:"uuid" doc:"Device UUID"`
	}

	// DeviceRenamed is a device with another name.
	DeviceRenamed struct {
		From string    `json:"from" doc:"the name it had"`
		To   string    `json:"to" doc:"the name it has now"`
		UUID mesh.UUID `json:"uuid" doc:"Device UUID"`
	}

	// DeviceRefreshed is a device that has another device key, other addresses or
	// another composition.
	DeviceRefreshed struct {
		Address mesh.Address `json:"address" doc:"address of the primary element"`
		Name    string       `json:"friendly_name" doc:"its name"`
		UUID    mesh.UUID    `json:"uuid" doc:"Device UUID"`
	}

	// DeviceLeave is a device that was removed.
	DeviceLeave struct {
		Address mesh.Address `json:"address" doc:"address that it had"`
		Name    string       `json:"friendly_name" doc:"name that it had"`
		UUID    mesh.UUID    `json:"uuid" doc:"Device UUID"`
	}

	// DeviceUpdate is the progress of an update of firmware.
	DeviceUpdate struct {
		Code     string    `json:"code,omitempty" doc:"why it failed, for programs"`
		Error    string    `json:"error,omitempty" doc:"why it failed, for people"`
		Name     string    `json:"friendly_name" doc:"the device"`
		Progress int       `json:"progress" min:"0" max:"100" unit:"percent" doc:"how much has been sent"`
		Stage    string    `json:"stage" doc:"what is being done"`
		UUID     mesh.UUID `json:"uuid" doc:"Device UUID"`
	}

	// FriendshipChange is the beginning or the end of a friendship with the bridge.
	FriendshipChange struct {
		Established bool   `json:"established" doc:"it began"`
		Name        string `json:"friendly_name" doc:"the device that sleeps"`
		Reason      string `json:"reason,omitempty" doc:"why it ended"`
	}

	// IVUpdate is another IV index, or the end of an IV Update.
	IVUpdate struct {
		InProgress bool         `json:"in_progress" doc:"an IV Update is in progress"`
		IVIndex    mesh.IVIndex `json:"iv_index" doc:"IV index"`
	}

	// KeyRefreshPhase is the beginning of a phase of a Key Refresh procedure.
	KeyRefreshPhase struct {
		Error      string        `json:"error,omitempty" doc:"why it failed, for people"`
		LeftBehind []string      `json:"left_behind,omitzero" doc:"devices that get no new keys any more; for a procedure of the bridge"`
		Missing    []string      `json:"missing,omitzero" doc:"devices that the phase waits for; for a procedure of the bridge"`
		NetKey     mesh.KeyIndex `json:"net_key" doc:"index of the NetKey"`
		Phase      string        `json:"phase" doc:"distributing, switching, revoking, done or failed"`
	}

	// ProxyConnected is a proxy that the network is reached through.
	ProxyConnected struct {
		Name string `json:"friendly_name,omitempty" doc:"its name, if the bridge knows it"`
		Peer string `json:"peer" doc:"Bluetooth address"`
	}

	// ProxyLost is a proxy that is no longer connected.
	ProxyLost struct {
		Name   string `json:"friendly_name,omitempty" doc:"its name, if the bridge knows it"`
		Peer   string `json:"peer" doc:"Bluetooth address"`
		Reason string `json:"reason,omitempty" doc:"why; left out when the bridge ended the connection"`
	}

	// AdapterChanged is an adapter that was lost, that is unsteady or that works
	// again.
	AdapterChanged struct {
		Error string `json:"error,omitempty" doc:"what is wrong"`
		ID    string `json:"id" doc:"name in the configuration"`
		State string `json:"state" doc:"running, unsteady or down, as in bridge/info"`
	}

	// ConfigurationRefused is a configuration message to the bridge that could have
	// taken the network away from it.
	ConfigurationRefused struct {
		By      mesh.Address    `json:"by" doc:"address of the sender"`
		Fields  json.RawMessage `json:"fields,omitempty" doc:"fields of the message"`
		Name    string          `json:"friendly_name,omitempty" doc:"name of the sender, if the bridge knows it"`
		Message string          `json:"message" doc:"name of the message"`
	}

	// KeysGiven is a change of the bridge's keys by another provisioner.
	KeysGiven struct {
		By      mesh.Address `json:"by" doc:"address of the sender"`
		Name    string       `json:"friendly_name,omitempty" doc:"name of the sender, if the bridge knows it"`
		Message string       `json:"message" doc:"name of the message"`
	}

	// KeyRefreshHeld is a Key Refresh of another provisioner that waits.
	KeyRefreshHeld struct {
		NetKey mesh.KeyIndex `json:"net_key" doc:"index of the NetKey"`
	}

	// DeviceSilenced is a device whose messages are refused as replays, or no longer.
	DeviceSilenced struct {
		Address  mesh.Address        `json:"address" doc:"address of the element"`
		Name     string              `json:"friendly_name,omitempty" doc:"the device, if the bridge knows it"`
		Heard    mesh.SequenceNumber `json:"heard_seq" doc:"sequence number that it sends with"`
		Listed   mesh.SequenceNumber `json:"listed_seq" doc:"sequence number of the last message that was accepted"`
		Refused  uint32              `json:"refused" doc:"messages that were refused"`
		Silenced bool                `json:"silenced" doc:"false: its messages are accepted again"`
		Since    time.Time           `json:"since" doc:"when the first was refused"`
	}

	// AddressConflict is a message from the bridge's own address that the bridge has
	// not sent.
	AddressConflict struct {
		Address mesh.Address        `json:"address" doc:"address of the bridge"`
		Count   uint64              `json:"count" doc:"such messages since the start"`
		Last    time.Time           `json:"last" doc:"when the last was heard"`
		Next    mesh.SequenceNumber `json:"next_seq" doc:"sequence number that the bridge would have used next"`
		Old     bool                `json:"old" doc:"the bridge has used the number itself, more than a minute ago"`
		Seq     mesh.SequenceNumber `json:"seq" doc:"sequence number of the message"`
		Since   time.Time           `json:"since" doc:"when the first was heard"`
		Skipped bool                `json:"skipped" doc:"the bridge goes on behind that number"`
	}

	// IVIndexClaimed is an IV index that only beacons say.
	IVIndexClaimed struct {
		Contradicted bool         `json:"contradicted" doc:"a device has sent with a lower IV index"`
		InProgress   bool         `json:"in_progress" doc:"the beacon says that an IV Update is in progress"`
		IVIndex      mesh.IVIndex `json:"iv_index" doc:"IV index in the beacon"`
	}

	// ResetRefused is a Config Node Reset of another provisioner, which the bridge
	// did not obey.
	ResetRefused struct {
		By mesh.Address `json:"by" doc:"address of the provisioner"`
	}

	// StoreRepaired is damage of the store that was found and repaired at the
	// start.
	StoreRepaired struct {
		Findings []string `json:"findings" doc:"which file, what was wrong with it, and what was done"`
	}
)

// EventType implements EventData.
func (DeviceFound) EventType() string { return "device_found" }

// EventType implements EventData.
func (DeviceProvisioning) EventType() string { return "device_provisioning" }

// EventType implements EventData.
func (DeviceJoined) EventType() string { return "device_joined" }

// EventType implements EventData.
func (DeviceInterview) EventType() string { return "device_interview" }

// EventType implements EventData.
func (DeviceRenamed) EventType() string { return "device_renamed" }

// EventType implements EventData.
func (DeviceRefreshed) EventType() string { return "device_refreshed" }

// EventType implements EventData.
func (DeviceLeave) EventType() string { return "device_leave" }

// EventType implements EventData.
func (DeviceUpdate) EventType() string { return "device_ota_update" }

// EventType implements EventData.
func (FriendshipChange) EventType() string { return "friendship" }

// EventType implements EventData.
func (IVUpdate) EventType() string { return "iv_update" }

// EventType implements EventData.
func (KeyRefreshPhase) EventType() string { return "key_refresh" }

// EventType implements EventData.
func (ProxyConnected) EventType() string { return "proxy_connected" }

// EventType implements EventData.
func (ProxyLost) EventType() string { return "proxy_lost" }

// EventType implements EventData.
func (AdapterChanged) EventType() string { return "adapter_changed" }

// EventType implements EventData.
func (ConfigurationRefused) EventType() string { return "configuration_refused" }

// EventType implements EventData.
func (KeysGiven) EventType() string { return "keys_given" }

// EventType implements EventData.
func (KeyRefreshHeld) EventType() string { return "key_refresh_held" }

// EventType implements EventData.
func (DeviceSilenced) EventType() string { return "device_silenced" }

// EventType implements EventData.
func (AddressConflict) EventType() string { return "address_conflict" }

// EventType implements EventData.
func (IVIndexClaimed) EventType() string { return "iv_index_claimed" }

// EventType implements EventData.
func (ResetRefused) EventType() string { return "reset_refused" }

// EventType implements EventData.
func (StoreRepaired) EventType() string { return "store_repaired" }
