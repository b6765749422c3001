package meshsend

import (
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// sendIn is the payload of mesh/send. Fields and Hex are secret because a message
// can carry a key.
type sendIn struct {
	Dst     string `json:"dst" doc:"name, UUID or address of a device, or the address of a group such as 0xc000, which gets it unacknowledged" expect:"the name, UUID or address of a device" required:"handler"`
	Element *uint8 `json:"element" doc:"index of the element of the device, 0 when it is left out; the address of an element does as well"`

	Message string          `json:"message" doc:"name of the message, as in the specification and in the debug log"`
	Fields  json.RawMessage `json:"fields" doc:"fields of the message" types:"object" secret:"true"`
	Opcode  string          `json:"opcode" doc:"octets of the opcode as hexadecimal digits, instead of message"`
	Hex     string          `json:"hex" doc:"octets of the parameters as hexadecimal digits, instead of fields; with the opcode at most 380" secret:"true"`

	Key      string         `json:"key" doc:"kind of key that it is sent with, app when it is left out; configuration messages need device" enum:"app,device" expect:"\"app\" or \"device\", the kind of key"`
	AppKey   *mesh.KeyIndex `json:"app_key" doc:"index of the AppKey; that of the device when it is left out"`
	Response string         `json:"response" doc:"name or opcode of the message that answers, or none; the one that belongs to the message when it is left out"`
	TTL      *uint8         `json:"ttl" doc:"how far it goes: 0, or 2 to 127" min:"0" max:"127" expect:"0, or 2 to 127"`
	Timeout  float64        `json:"timeout" doc:"how long to wait for the answer; as long as the attempts take when it is left out" min:"0" max:"300" unit:"seconds" expect:"seconds, up to 300, or 0 for as long as the attempts take"`
	Attempts uint8          `json:"attempts" doc:"how often it is sent when there is no answer; 12 times when it is left out" min:"0" max:"50" expect:"1 to 50, or 0 for 12"`
}

// sendOut is the data of the response.
type sendOut struct {
	Device       string       `json:"name,omitempty" doc:"friendly name of the device; left out for a group"`
	Dst          mesh.Address `json:"dst" doc:"address that it was sent to"`
	Element      *int         `json:"element,omitempty" doc:"index of the element"`
	Message      string       `json:"message,omitempty" doc:"name of the message, if it is known"`
	Opcode       mesh.Opcode  `json:"opcode" doc:"opcode"`
	Acknowledged bool         `json:"acknowledged" doc:"an answer was waited for"`
	Attempts     int          `json:"attempts,omitempty" doc:"how often it was sent"`
	RTT          *int64       `json:"rtt_ms,omitempty" doc:"time until the answer" unit:"milliseconds"`
	Response     *shown       `json:"response,omitempty" doc:"the answer"`
}

// shown is an access message as far as it may be shown.
type shown struct {
	Source  mesh.Address    `json:"source" doc:"address of the element that sent it"`
	Message string          `json:"message,omitempty" doc:"name of the message, if it is known"`
	Opcode  mesh.Opcode     `json:"opcode" doc:"opcode"`
	Fields  json.RawMessage `json:"fields,omitempty" doc:"its fields, without keys" types:"object"`
	Hex     *string         `json:"hex,omitempty" doc:"its parameters; left out for a message that carries a key"`
}

func sendMeta() request.Meta {
	return request.Meta{
		Name:    "mesh/send",
		Summary: "Send any message of any model, vendor models too",
		Details: "Use it for what the bridge cannot translate. The message is given by `message` and `fields`, or by `opcode` and `hex`. " +
			"A message that the bridge does not know is sent without waiting, unless `response` says what for. " +
			"A transaction identifier (`tid`) is yours to choose: a node takes the same one twice in six seconds for one command. " +
			"At most 64 messages to one device or group wait for their outcome; more are refused with the code `busy`. They take turns with commands for the device. " +
			"The bridge does not look at what the message does: after a Config Node Reset, for instance, remove the device. " +
			"Keys in `fields` or `hex` are sent, and shown nowhere.",

		Duration: 5 * time.Second,
		Errors:   []string{"no_adapter", "unknown_device", "unknown_message", "bad_fields", "too_long", "no_app_key", "no_response", "timeout", "busy"},
		Example:  request.Example{In: `{"dst":"demo_color_lamp","message":"Generic OnPowerUp Set","fields":{"onpowerup":2}}`, Out: `{"name":"demo_color_lamp","dst":"0x0100","element":0,"message":"Generic OnPowerUp Set","opcode":"8213","acknowledged":true,"attempts":1,"rtt_ms":50,"response":{"source":"0x0100","message":"Generic OnPowerUp Status","opcode":"8212","fields":{"onpowerup":"restore"},"hex":"02"}}`},
	}
}
