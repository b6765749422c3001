package noderefresh

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// refreshIn is answered with a document.DeviceReference.
type refreshIn struct {
	ID   schema.Device `json:"id" doc:"the device; it needs a Remote Provisioning Server" required:"true"`
	What string        `json:"what" doc:"what it gets: another device key, other addresses (after an update that gave it more elements) or its other composition" enum:"device_key,address,composition" required:"true"`
}

func refreshMeta() request.Meta {
	return request.Meta{
		Name:    "device/refresh",
		Summary: "Renew the device key, the addresses or the composition of a device",
		Details: "After another address or composition the device is interviewed.",

		Duration: time.Minute,
		Events:   []string{"device_refreshed", "device_interview"},
		Errors: []string{
			"unknown_device", "busy", "no_adapter", "no_response", "refused", "no_addresses", "no_app_key", "removed", "timeout", "aborted",
			"link_timeout", "transaction_timeout", "protocol_timeout", "link_closed", "peer_failed", "invalid_pdu", "invalid_format",
			"unexpected_pdu", "segments", "capabilities", "public_key", "reflected", "confirmation", "decryption", "data",
			"cannot_assign_address", "not_sighted",
		},
		Example: request.Example{In: `{"id":"demo_plug","what":"device_key"}`, Out: `{"address":"0x0100","name":"demo_plug","uuid":"b0000000000000000000000000000001"}`},
	}
}
