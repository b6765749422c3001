package removal

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

type removeIn struct {
	ID         schema.Device `json:"id" doc:"the device" required:"true"`
	Force      bool          `json:"force" doc:"forget it also when it does not answer; it then still has the keys of the network"`
	KeyRefresh bool          `json:"key_refresh" doc:"refresh the keys that it has, without it"`
}

type removeOut struct {
	ID         string    `json:"id" doc:"friendly name that it had"`
	KeyRefresh string    `json:"key_refresh,omitempty" enum:"begun,queued" doc:"whether the Key Refresh procedure has begun or waits for another one"`
	Reset      bool      `json:"reset" doc:"the device has confirmed that it left"`
	UUID       mesh.UUID `json:"uuid" doc:"Device UUID"`
}

func removeMeta() request.Meta {
	return request.Meta{
		Name:    "device/remove",
		Summary: "Reset a device and remove it from the network",
		Details: "For a device that is lost or stolen use `force` with `key_refresh`. Its addresses are not given out again before the IV index is two higher.",

		Duration: 30 * time.Second,
		Events:   []string{"device_leave", "key_refresh"},
		Errors:   []string{"unknown_device", "busy", "no_adapter", "no_response", "refused", "removed"},
		Example:  request.Example{In: `{"id":"demo_button","force":true}`, Out: `{"id":"demo_button","reset":true,"uuid":"b0000000000000000000000000000001"}`},
	}
}
