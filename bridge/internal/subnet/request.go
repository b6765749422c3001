package subnet

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// keyIn is the payload of all requests about subnets and AppKeys.
type keyIn struct {
	NetKey *mesh.KeyIndex `json:"net_key" doc:"index of the NetKey"`
	AppKey *mesh.KeyIndex `json:"app_key" doc:"index of the AppKey"`
	ID     schema.Device  `json:"id" doc:"a device to give the key to or to take it from"`
}

type addSubnetOut struct {
	AppKeys []mesh.KeyIndex `json:"app_keys" doc:"indexes of its AppKeys"`
	NetKey  mesh.KeyIndex   `json:"net_key" doc:"index of the NetKey"`
}

type removeSubnetOut struct {
	NetKey mesh.KeyIndex `json:"net_key" doc:"index of the NetKey"`
}

type addAppKeyOut struct {
	AppKey mesh.KeyIndex `json:"app_key" doc:"index of the AppKey"`
	NetKey mesh.KeyIndex `json:"net_key" doc:"index of the NetKey that it is bound to"`
}

type removeAppKeyOut struct {
	AppKey mesh.KeyIndex `json:"app_key" doc:"index of the AppKey"`
}

// keyDuration is how long a device may take to change its keys.
const keyDuration = 10 * time.Second

// keyErrors are the errors of all these requests.
func keyErrors(more ...string) []string {
	return append(more, "busy", "unknown_device", "no_response", "refused")
}

func addSubnetMeta() request.Meta {
	return request.Meta{
		Name:    "subnet/add",
		Summary: "Make a subnet with an AppKey of its own, unless it is there, and take a device into it",
		Details: "Without `net_key` the next free index is taken, without `id` no device is. `app_key` is not allowed: the AppKey gets the next free index.",

		Duration: keyDuration, Errors: keyErrors("no_key_index"),
		Example: request.Example{In: `{"net_key":1}`, Out: `{"app_keys":[1],"net_key":1}`},
	}
}

func removeSubnetMeta() request.Meta {
	return request.Meta{
		Name:    "subnet/remove",
		Summary: "Take a device out of a subnet, or delete a subnet that no device is in",
		Details: "`net_key` is needed. Without `id` the subnet is deleted.",

		Duration: keyDuration, Errors: keyErrors("unknown_subnet", "in_use"),
		Example: request.Example{In: `{"net_key":1}`, Out: `{"net_key":1}`},
	}
}

func addAppKeyMeta() request.Meta {
	return request.Meta{
		Name:    "appkey/add",
		Summary: "Make an AppKey, unless it is there, and give it to a device",
		Details: "Without `app_key` the next free index is taken, without `net_key` the primary subnet, and without `id` no device gets it. " +
			"If the network has lost an AppKey that its devices have, this makes another one with the same index and gives it to them.",

		Duration: keyDuration, Errors: keyErrors("unknown_subnet", "no_key_index"),
		Example: request.Example{In: `{"app_key":1,"net_key":0}`, Out: `{"app_key":1,"net_key":0}`},
	}
}

func removeAppKeyMeta() request.Meta {
	return request.Meta{
		Name:    "appkey/remove",
		Summary: "Take an AppKey from a device, or delete an AppKey that no device has",
		Details: "`app_key` is needed. Without `id` the AppKey is deleted.",

		Duration: keyDuration, Errors: keyErrors("unknown_app_key", "in_use"),
		Example: request.Example{In: `{"app_key":1}`, Out: `{"app_key":1}`},
	}
}
