package interview

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// interviewIn is answered with a document.DeviceReference.
type interviewIn struct {
	ID schema.Device `json:"id" doc:"the device" required:"true"`

	Publications string `json:"publications" doc:"which models publish to the bridge: needed, those that report all of a light or another function, or all, for a device that publishes only from the model that was told something; those of the last interview when it is left out, and needed at first" enum:"needed,all"`
}

func interviewMeta() request.Meta {
	return request.Meta{
		Name:    "device/interview",
		Summary: "Ask a device again what it consists of, and configure it",
		Details: "Commands for the device wait meanwhile. When the interview fails, what was known of the device still holds.",

		Duration: time.Minute,
		Events:   []string{"device_interview"},
		Errors:   []string{"no_adapter", "unknown_device", "busy", "no_response", "refused", "no_app_key", "removed", "timeout"},
		Example:  request.Example{In: `{"id":"demo_lamp"}`, Out: `{"address":"0x0100","name":"demo_lamp","uuid":"b0000000000000000000000000000001"}`},
	}
}
