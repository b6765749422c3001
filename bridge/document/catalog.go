package document

import (
	"fmt"
	"reflect"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// Topic is a topic that the bridge publishes to.
type Topic struct {
	Name     string // with B for the base topic and N for the name of a device
	Retained bool
	QoS      byte
	Meaning  string
	List     bool         // the payload is a list of the type
	Type     *schema.Type // of the payload, or of the items of the list
}

// Kind is a type of events on B/bridge/event.
type Kind struct {
	Name    string
	Meaning string
	Type    *schema.Type // of data
}

// Topics lists the topics in the order of the documentation.
func Topics() ([]Topic, error) {
	rows := []struct {
		name     string
		retained bool
		qos      byte
		meaning  string
		payload  any
	}{
		{"B/bridge/state", true, 1, "Whether the bridge runs; also its will", State{}},
		{"B/bridge/info", true, 1, "The bridge and its network", Info{}},
		{"B/bridge/health", true, 1, "What the bridge counts, once a minute", Health{}},
		{"B/bridge/devices", true, 1, "The devices", []Device{}},
		{"B/bridge/unprovisioned", true, 1, "Devices that can be provisioned", []Unprovisioned{}},
		{"B/bridge/echo", false, 1, "The bridge's test of its own topics, once a minute", Echo{}},
		{"B/bridge/logging", false, 0, "Warnings", Logging{}},
		{"B/bridge/response/X", false, 1, "Outcome of the request X", Response{}},
		{"B/N", true, 1, "The whole state of a device; the attributes are those of what it `exposes`, null while a value is not known", stateFields{}},
		{"B/N/availability", true, 1, "Whether a device can be reached", State{}},
		{"B/N/set/response", false, 0, "Outcome of a command with a transaction", CommandResponse{}},
		{"B/N/event", false, 1, "Something that happened once, such as the press of a button; attributes of the event stand beside these fields", deviceEventFields{}},
		{"B/N/message", false, 0, "A message that the bridge cannot translate, of a vendor perhaps", DeviceMessage{}},
	}
	topics := make([]Topic, 0, len(rows))
	for _, r := range rows {
		t := Topic{Name: r.name, Retained: r.retained, QoS: r.qos, Meaning: r.meaning}
		payload := reflect.TypeOf(r.payload)
		if payload.Kind() == reflect.Slice {
			t.List, payload = true, payload.Elem()
		}
		var err error
		if t.Type, err = schema.Of(payload, schema.Out); err != nil {
			return nil, fmt.Errorf("document: %s: %w", r.name, err)
		}
		topics = append(topics, t)
	}
	return topics, nil
}

// Events lists the types of events in the order of the documentation.
func Events() ([]Kind, error) {
	rows := []struct {
		meaning string
		data    EventData
	}{
		{"An unprovisioned device was heard during a scan", DeviceFound{}},
		{"A provisioning has come to another step", DeviceProvisioning{}},
		{"A device was provisioned", DeviceJoined{}},
		{"An interview has come to another step", DeviceInterview{}},
		{"A device has another name", DeviceRenamed{}},
		{"A device has another device key, other addresses or another composition", DeviceRefreshed{}},
		{"A device was removed", DeviceLeave{}},
		{"An update of firmware has come further", DeviceUpdate{}},
		{"A friendship with the bridge has begun or ended", FriendshipChange{}},
		{"The network has another IV index, or an IV Update has ended", IVUpdate{}},
		{"A Key Refresh procedure has come to another phase", KeyRefreshPhase{}},
		{"The network is reached through a proxy", ProxyConnected{}},
		{"A proxy is no longer connected", ProxyLost{}},
		{"An adapter was lost, is unsteady or works again", AdapterChanged{}},
		{"A configuration message to the bridge could have taken the network away from it; it was not obeyed", ConfigurationRefused{}},
		{"Another provisioner has changed the keys of the bridge", KeysGiven{}},
		{"A Key Refresh of another provisioner waits until a device sends with the new key", KeyRefreshHeld{}},
		{"Messages of a device are refused as replays, or accepted again", DeviceSilenced{}},
		{"A message from the bridge's own address was heard that it has not sent", AddressConflict{}},
		{"A beacon has another IV index, which the bridge does not take over yet", IVIndexClaimed{}},
		{"Another provisioner wanted to remove the bridge from its network; nothing was done", ResetRefused{}},
		{"Files of the store were damaged when the program started, and were repaired", StoreRepaired{}},
		{"A request has come further", request.Report{}},
	}
	kinds := make([]Kind, 0, len(rows))
	for _, r := range rows {
		t, err := schema.Of(reflect.TypeOf(r.data), schema.Out)
		if err != nil {
			return nil, fmt.Errorf("document: %s: %w", r.data.EventType(), err)
		}
		kinds = append(kinds, Kind{Name: r.data.EventType(), Meaning: r.meaning, Type: t})
	}
	return kinds, nil
}
