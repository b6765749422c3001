package provisioning

import (
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

type provisionIn struct {
	UUID      mesh.UUID     `json:"uuid" doc:"Device UUID, see B/bridge/unprovisioned"`
	NDEF      string        `json:"ndef" doc:"content of the NFC tag of the device, as hexadecimal digits, instead of the UUID"`
	Name      string        `json:"name" doc:"friendly name; made of the UUID when it is left out"`
	Attention uint8         `json:"attention" doc:"time for which the device draws attention to itself" unit:"seconds"`
	NetKey    mesh.KeyIndex `json:"net_key" doc:"index of the NetKey of the subnet that it joins; 0, the primary one, when it is left out"`
	Bearer    string        `json:"bearer" doc:"how the bridge reaches it: over advertisements, over a connection, or by the first that works" enum:"auto,pb-adv,pb-gatt"`
	OOB       oobIn         `json:"oob" doc:"how it is authenticated; as little as it demands when this is left out"`
	// Certificate is true for the one that the device carries, or PEM.
	Certificate json.RawMessage `json:"certificate" doc:"true for the certificate that the device carries, or a certificate with the intermediate ones behind it as PEM" types:"boolean,string"`
	Via         schema.Device   `json:"via" doc:"the device with a Remote Provisioning Server that reaches it; the best of those that have heard it when this is left out"`
}

// oobIn is how to authenticate a device.
type oobIn struct {
	Method    string `json:"method" doc:"auto: the strongest that both sides have; output: the device shows a value; input: a value is entered on the device" enum:"auto,none,static,output,input"`
	Static    string `json:"static" doc:"value that is printed on the device, 1 to 32 octets as hexadecimal digits" secret:"true"`
	PublicKey string `json:"public_key" doc:"public key of the device if it is known, X and then Y, as hexadecimal digits" secret:"true"`
	Action    string `json:"action" doc:"of output: blink, beep, vibrate, numeric, alphanumeric; of input: push, twist, numeric, alphanumeric"`
	Size      uint8  `json:"size" doc:"digits or characters of output or input; the most that the device has when this is left out" min:"0" max:"8" expect:"1 to 8 digits or characters"`
}

// provisionOut is a document.DeviceReference.
func provisionMeta() request.Meta {
	return request.Meta{
		Name:    "device/provision",
		Summary: "Take a device into the network, and configure it",
		Details: "A network key that the whole mesh depends on is handed over here, so the device should be authenticated (`oob`). " +
			"With output OOB there is an event `device_provisioning` with the step `oob_wanted`; answer within 55 s with `device/oob`. " +
			"With input OOB the step is `oob_shown`, and `value` is what to enter on the device. " +
			"Up to 16 devices are provisioned at once, and ten of them take about twice as long as one. Others wait for their turn, with the step `queued`.",

		Duration: time.Minute,
		Events:   []string{"device_provisioning", "device_joined", "device_interview"},
		Errors: []string{
			"no_adapter", "unknown_device", "unknown_subnet", "bad_name", "name_taken", "busy", "no_response", "refused", "no_app_key", "no_addresses",
			"not_sighted", "removed", "timeout", "aborted", "link_timeout", "transaction_timeout", "protocol_timeout", "oob_timeout",
			"link_closed", "segments", "peer_failed", "invalid_pdu", "invalid_format", "unexpected_pdu", "capabilities", "auth_method",
			"public_key", "reflected", "confirmation", "decryption", "data", "cannot_assign_address", "randomness", "records", "certificate",
			"undecided",
		},
		Example: request.Example{In: `{"uuid":"b0000000000000000000000000000001","name":"hall/lamp","oob":{"method":"auto"}}`, Out: `{"address":"0x0100","name":"hall/lamp","uuid":"b0000000000000000000000000000001"}`, NotRun: "the demo has no device left"},
	}
}

type oobValueIn struct {
	UUID  mesh.UUID       `json:"uuid" doc:"Device UUID" required:"handler"`
	Value json.RawMessage `json:"value" doc:"what the device shows" types:"string,number" expect:"what the device shows, a text or a number" required:"true" secret:"true"`
}

// uuidOut is the output of requests about a device that is being provisioned.
type uuidOut struct {
	UUID mesh.UUID `json:"uuid" doc:"Device UUID"`
}

func oobMeta() request.Meta {
	return request.Meta{
		Name:    "device/oob",
		Summary: "Pass on the value that a device shows while it is provisioned with output OOB",
		Errors:  []string{"not_provisioning"},
		Example: request.Example{In: `{"uuid":"b0000000000000000000000000000001","value":4711}`, Out: `{"uuid":"b0000000000000000000000000000001"}`, Error: "not_provisioning"},
	}
}

type cancelIn struct {
	UUID mesh.UUID `json:"uuid" doc:"Device UUID" required:"handler"`
}

func cancelMeta() request.Meta {
	return request.Meta{
		Name:    "device/provision_cancel",
		Summary: "End a provisioning",
		Details: "The request that began it is answered with the error `aborted`.",
		Errors:  []string{"not_provisioning"},
		Example: request.Example{In: `{"uuid":"b0000000000000000000000000000001"}`, Out: `{"uuid":"b0000000000000000000000000000001"}`, Error: "not_provisioning"},
	}
}
