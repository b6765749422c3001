package ivupdate

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

type updateIn struct {
	TestMode *bool  `json:"test_mode" doc:"switch the IV Update test mode on or off: with it changes need not wait"`
	Force    bool   `json:"force" doc:"end the update in test mode even if devices have not followed; they do not hear the bridge then"`
	To       string `json:"to" doc:"begin an IV Update, or end the one that is in progress; updating when it is left out" enum:"updating,normal"`
}

type updateOut struct {
	InProgress bool         `json:"in_progress" doc:"an IV Update is in progress"`
	IVIndex    mesh.IVIndex `json:"iv_index" doc:"IV index"`
}

func updateMeta() request.Meta {
	return request.Meta{
		Name:    "network/iv_update",
		Summary: "Take the network to the next IV index, or end that procedure",
		Details: "The next IV index gives every node new sequence numbers. The bridge does that by itself when half of its own are used. " +
			"96 hours have to pass between two changes (`network.iv.change_possible` in `B/bridge/info`). " +
			"In test mode an update ends when all devices that do not sleep have followed it; if some have not within a minute, they are named, and the update goes on.",
		Duration: followTime,
		Events:   []string{"iv_update"},
		Errors:   []string{"too_early", "wrong_state", "not_followed"},
		Example:  request.Example{In: `{"to":"updating","test_mode":true}`, Out: `{"in_progress":true,"iv_index":6}`},
	}
}
