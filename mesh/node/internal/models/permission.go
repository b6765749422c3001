package models

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// mayUse reports whether the model takes messages under the key of in: the models
// that configure a node use the device key and no other, all others the AppKeys
// bound to them (section 3.7.4.1).
func mayUse(i *instance, in *access.Incoming) bool {
	if i.model.ID() == foundation.OpcodesAggregatorServerID && in.DeviceKey {
		return true // it takes both; the models of the items take theirs
	}
	if usesDeviceKey(i.model.ID()) {
		return in.DeviceKey
	}
	return !in.DeviceKey && i.config.IsBound(in.AppKey)
}

// usesDeviceKey reports whether a model is one of the foundation models that are
// protected by the device key alone: all below 0x1000 but Health and the Opcodes
// Aggregator (section 4.2).
func usesDeviceKey(id mesh.ModelID) bool {
	const healthServer, healthClient, firstApplicationModel = 0x0002, 0x0003, 0x1000
	n := id.Number()
	return !id.IsVendor() && n < firstApplicationModel && n != healthServer && n != healthClient && id != foundation.OpcodesAggregatorServerID
}
