package keyrefresh

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// refreshIn is answered with a document.KeyRefresh.
type refreshIn struct {
	NetKey  mesh.KeyIndex   `json:"net_key" doc:"index of the NetKey of the subnet; 0, the primary one, when it is left out"`
	Exclude []schema.Device `json:"exclude" doc:"devices that are not to get the new keys"`
	GiveUp  bool            `json:"give_up" doc:"forget the new keys of a procedure that another provisioner has begun, as long as nothing is sent with them"`
	Finish  bool            `json:"finish" doc:"go on without the devices that do not answer, in the procedure that is under way"`
}

func refreshMeta() request.Meta {
	return request.Meta{
		Name:    "network/key_refresh",
		Summary: "Give a subnet a new NetKey and new AppKeys, device by device",
		Details: "Devices that are excluded cannot read the subnet any more. The answer comes when the procedure has begun; " +
			"`network.key_refresh` in `B/bridge/info` shows it, with the devices that are `missing`. It goes on after a restart. " +
			"A device that sleeps is tried again and again, and as soon as it says something. When one never comes back, `finish` " +
			"goes on without it: it is then `left_behind` in `B/bridge/devices`, and has to be reset and provisioned again. " +
			"A procedure that another provisioner has begun on the bridge and does not go on with keeps a new one from beginning; `give_up` ends it on the bridge.",
		Events:  []string{"key_refresh"},
		Errors:  []string{"unknown_subnet", "unknown_device", "busy", "not_running", "refused"},
		Example: request.Example{In: `{"net_key":0,"exclude":["demo_lamp"]}`, Out: `{"net_key":0,"phase":"distributing","through":0,"missing":["demo_plug"],"left_behind":[],"excluded":1,"waited_s":0,"queued":0}`, NotRun: "the requests that follow would have to wait for its end"},
	}
}
