package document

import (
	"encoding/json"
	"maps"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// State is B/bridge/state and the availability of a device.
type State struct {
	State string `json:"state" enum:"online,offline" doc:"whether it can be reached"`
}

// Response is B/bridge/response/NAME.
type Response struct {
	Status      string          `json:"status" enum:"ok,error" doc:"whether the request was done"`
	Data        any             `json:"data" doc:"output of the request; with an error what is known of it"`
	Error       string          `json:"error,omitempty" doc:"what went wrong, for people"`
	Code        string          `json:"code,omitempty" doc:"what went wrong, for programs"`
	Transaction json.RawMessage `json:"transaction,omitempty" doc:"transaction of the request"`
}

// Logging is B/bridge/logging.
type Logging struct {
	Level     string `json:"level" enum:"info,warning,error" doc:"how bad it is"`
	Message   string `json:"message" doc:"what happened, for people"`
	Namespace string `json:"namespace" doc:"part of the program"`
}

// CommandResponse is B/N/set/response.
type CommandResponse struct {
	Transaction json.RawMessage `json:"transaction,omitempty" doc:"transaction of the command"`
	Status      string          `json:"status" enum:"ok,timeout,error" doc:"what came of the command"`
	Error       string          `json:"error,omitempty" doc:"what went wrong, for people"`
	Code        string          `json:"code,omitempty" doc:"what went wrong, for programs"`
	Attempts    int             `json:"attempts,omitempty" doc:"how often a message was sent, the most of any"`
	RTT         *int64          `json:"rtt_ms,omitempty" unit:"milliseconds" doc:"time until the last answer"`
}

// DeviceMessage is B/N/message: an access message that the bridge cannot
// translate.
type DeviceMessage struct {
	Source  mesh.Address `json:"source" doc:"address of the element that sent it"`
	Element int          `json:"element" doc:"index of the element"`
	Opcode  mesh.Opcode  `json:"opcode" doc:"opcode, as its octets"`
	Hex     string       `json:"hex" doc:"parameters, as hexadecimal digits"`
}

// DeviceEvent is B/N/event: something that happened once, such as the press of a
// button. Its attributes stand beside the fixed fields.
type DeviceEvent struct {
	Type       string
	Element    *int // index; nil for a device with one element
	Attributes map[string]any
}

// MarshalJSON implements json.Marshaler.
func (e DeviceEvent) MarshalJSON() ([]byte, error) {
	fields := make(map[string]any, len(e.Attributes)+2)
	maps.Copy(fields, e.Attributes)
	fields["event_type"] = e.Type
	if e.Element != nil {
		fields["element"] = *e.Element
	}
	return json.Marshal(fields)
}

// deviceEventFields describes the fixed fields of a [DeviceEvent].
type deviceEventFields struct {
	Element *int   `json:"element,omitempty" doc:"index of the element, for a device with several"`
	Type    string `json:"event_type" doc:"what happened"`
}

// stateFields describes what every state of a device may have.
type stateFields struct {
	Update *Update `json:"update,omitempty" doc:"update of the firmware, once there was one"`
}

// Update is the update of a device's firmware, in its state.
type Update struct {
	Progress  *int   `json:"progress,omitempty" min:"0" max:"100" unit:"percent" doc:"how much has been sent"`
	Remaining *int   `json:"remaining,omitempty" unit:"seconds" doc:"how long it may still take"`
	Stage     string `json:"stage,omitempty" doc:"what is being done"`
	State     string `json:"state" enum:"idle,updating,distributing" doc:"whether there is an update under way"`
}
