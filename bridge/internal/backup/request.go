package backup

import (
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

type exportIn struct {
	Keys bool `json:"keys" doc:"with all keys: whoever can read the topic of the response then has the network"`
}

type exportOut struct {
	Network json.RawMessage `json:"network" doc:"the network" types:"object"`
}

func exportMeta() request.Meta {
	return request.Meta{
		Name:    "network/export",
		Summary: "Write the network as a Mesh Configuration Database",
		Details: "That is the JSON format of Bluetooth Mesh for handing a network over to another provisioner.",

		Duration: 5 * time.Second,
		Errors:   []string{"busy", "timeout"},
		Example:  request.Example{In: `{"keys":false}`},
	}
}

type backupIn struct{}

type backupOut struct {
	File   string `json:"file" doc:"path of the file on the machine of the bridge"`
	Octets int64  `json:"octets" doc:"its size"`
}

func backupMeta() request.Meta {
	return request.Meta{
		Name:    "network/backup",
		Summary: "Write everything that is stored into a file beside the store",
		Details: "The file holds all keys, so it does not go over the broker. Keep it in a safe place; `network restore` reads it.",

		Duration: 10 * time.Second,
		Errors:   []string{"not_possible", "busy", "timeout"},
		Example:  request.Example{In: `{}`, Out: `{"file":"/var/lib/btmesh2mqtt/backups/network-20260101-120000.000.backup","octets":40960}`, Error: "not_possible"},
	}
}
