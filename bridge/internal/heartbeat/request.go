package heartbeat

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

type setIn struct {
	ID     schema.Device `json:"id" doc:"the device" required:"true"`
	Period float64       `json:"period" doc:"time between two heartbeats, rounded up to a power of two; 0 for none" min:"0" max:"65536" unit:"seconds" default:"64"`
	TTL    int           `json:"ttl" doc:"how far they go" min:"0" max:"127" default:"127"`
}

type setOut struct {
	ID     string  `json:"id" doc:"friendly name of the device"`
	Period float64 `json:"period" doc:"the period that the device uses" unit:"seconds"`
	TTL    int     `json:"ttl" doc:"how far they go"`
}

func setMeta() request.Meta {
	return request.Meta{
		Name:    "heartbeat/set",
		Summary: "Let a device send heartbeats to the bridge",
		Details: "`B/bridge/health` then shows under `heartbeats` how many hops away the device is, and which features it uses.",

		Duration: 5 * time.Second,
		Errors:   []string{"unknown_device", "busy", "no_adapter", "no_response", "refused"},
		Example:  request.Example{In: `{"id":"demo_plug","period":64}`, Out: `{"id":"demo_plug","period":64,"ttl":127}`},
	}
}
