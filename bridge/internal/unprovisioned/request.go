package unprovisioned

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

type scanIn struct {
	Time   float64         `json:"time" doc:"how long events tell of unprovisioned devices; 0 ends that" min:"0" max:"3600" unit:"seconds" default:"60"`
	Remote []schema.Device `json:"remote" doc:"devices with a Remote Provisioning Server that scan too, for at most 255 s"`
	UUID   string          `json:"uuid" doc:"Device UUID of one unprovisioned device: the devices in remote are to tell more about it; without remote it is listed and reported whenever it is heard, however many others there are" format:"uuid" expect:"32 hexadecimal digits"`
}

type scanOut struct {
	Remote map[string]scanServer `json:"remote,omitempty" doc:"outcome for each device in remote, by its friendly name"`
	Time   *float64              `json:"time,omitempty" doc:"how long events tell of unprovisioned devices" unit:"seconds"`
	UUID   *mesh.UUID            `json:"uuid,omitempty" doc:"Device UUID, as in the request"`
}

// scanServer is the outcome for a device with a Remote Provisioning Server.
type scanServer struct {
	ADStructures string   `json:"ad_structures,omitempty" doc:"further AD structures of the unprovisioned device, as hexadecimal digits"`
	Code         string   `json:"code,omitempty" doc:"why it failed, for programs"`
	Error        string   `json:"error,omitempty" doc:"why it failed, for people"`
	Name         string   `json:"name,omitempty" doc:"name of the unprovisioned device"`
	OOB          *uint16  `json:"oob_info,omitempty" doc:"OOB Information of the unprovisioned device, a bit field of the specification"`
	Time         *float64 `json:"time,omitempty" doc:"how long it scans" unit:"seconds"`
	URI          string   `json:"uri,omitempty" doc:"URI of the unprovisioned device"`
}

func scanMeta() request.Meta {
	return request.Meta{
		Name:    "scan",
		Summary: "Forget the unprovisioned devices that were heard, and report every one that is heard from now on",
		Details: "`B/bridge/unprovisioned` is kept up to date without it. With `uuid` nothing is forgotten. With `remote` and `uuid` the devices in " +
			"`remote` are asked for more about one unprovisioned device, its name and its URI, if they can hear them. " +
			"It is an error when none of them has answered.",

		Duration: 10 * time.Second,
		Events:   []string{"device_found"},
		Errors:   []string{"no_adapter", "unknown_device", "no_response", "refused", "timeout", "busy"},
		Example:  request.Example{In: `{"time":60,"remote":["demo_plug"]}`, Out: `{"remote":{"demo_plug":{"time":60}},"time":60}`},
	}
}
