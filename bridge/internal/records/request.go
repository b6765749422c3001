package records

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

type renameIn struct {
	From schema.Device `json:"from" doc:"the device" required:"true"`
	To   string        `json:"to" doc:"its new name: without + and #, and without / at either end" required:"handler"`
}

type renameOut struct {
	From string `json:"from" doc:"the name that it had"`
	To   string `json:"to" doc:"the name that it has now"`
}

func renameMeta() request.Meta {
	return request.Meta{
		Name:    "device/rename",
		Summary: "Give a device another name",
		Details: "What stands under the old name is cleared after the new topics are in place.",
		Events:  []string{"device_renamed"},
		Errors:  []string{"unknown_device", "bad_name", "name_taken"},
		Example: request.Example{In: `{"from":"demo_lamp","to":"kitchen/lamp"}`, Out: `{"from":"demo_lamp","to":"kitchen/lamp"}`},
	}
}
