package backup

import (
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

type exportIn struct {
	Keys       bool   `json:"keys" doc:"with all keys: whoever can read the response then has the network; allowed by mqtt.key_export only"`
	Passphrase string `json:"passphrase" doc:"encrypts it with a passphrase of 12 to 1024 characters, which whoever reads the topic of the request sees" secret:"true"`
	PublicKey  string `json:"public_key" doc:"encrypts it for the holder of the private key of an age public key (age1…)"`
}

type exportOut struct {
	Network   json.RawMessage `json:"network,omitempty" doc:"the network" types:"object"`
	Encrypted string          `json:"encrypted,omitempty" doc:"the network, encrypted, as an age file in its text form"`
}

func exportMeta() request.Meta {
	return request.Meta{
		Name:    "network/export",
		Summary: "Write the network as a Mesh Configuration Database",
		Details: "That is the JSON format of Bluetooth Mesh for handing a network over to another provisioner. " +
			"With `passphrase` or `public_key` the response has `encrypted` instead of `network`; " +
			"`network import` and the `age` command read that.",

		Duration: 5 * time.Second,
		Errors:   []string{"forbidden", "busy", "timeout"},
		Example:  request.Example{In: `{"keys":false}`},
	}
}

type backupIn struct {
	Passphrase string `json:"passphrase" doc:"encrypts it with a passphrase of 12 to 1024 characters, which whoever reads the topic of the request sees" secret:"true"`
	PublicKey  string `json:"public_key" doc:"encrypts it for the holder of the private key of an age public key (age1…)"`
}

type backupOut struct {
	File   string `json:"file" doc:"path of the file on the machine of the bridge"`
	Octets int64  `json:"octets" doc:"its size"`
}

func backupMeta() request.Meta {
	return request.Meta{
		Name:    "network/backup",
		Summary: "Write everything that is stored into a file beside the store",
		Details: "The file holds all keys, so it does not go over the broker. Keep it in a safe place; `network restore` reads it, " +
			"also if it is encrypted with `passphrase` or `public_key`.",

		Duration: 10 * time.Second,
		Errors:   []string{"not_possible", "busy", "timeout"},
		Example:  request.Example{In: `{}`, Out: `{"file":"/var/lib/btmesh2mqtt/backups/network-20260101-120000.000.backup","octets":40960}`, Error: "not_possible"},
	}
}
