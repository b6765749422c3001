package commission

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
)

// firstApplicationModel is the first identifier of the models that use AppKeys. Below
// it are the foundation models. Of those only the Health models use an AppKey, and
// the bridge does not use them yet.
const firstApplicationModel = 0x1000

// needsAppKey reports whether a model is bound to the bridge's AppKey: the
// application models of the specifications and every vendor model.
func needsAppKey(model mesh.ModelID) bool {
	return model.IsVendor() || model.Number() >= firstApplicationModel
}

// publishes reports whether a model publishes to the bridge: servers with a state of
// their own, and clients, such as those of a button. A setup server does not: the
// server that it extends publishes the state.
func publishes(model mesh.ModelID) bool {
	if model.IsVendor() {
		return true
	}
	switch model.Number() {
	case 0x1000, 0x1002, 0x1004, 0x1006, 0x1009, 0x100C, 0x100E, // generic servers
		0x1001, 0x1003, 0x1005, 0x1008, 0x100B, // generic clients
		0x1100,         // sensor server
		0x1203, 0x1205, // scene server and client
		0x1300, 0x1303, 0x1306, 0x1307, 0x130A, 0x130B, 0x130C, 0x130F, // light servers
		0x1302, 0x1305, 0x1309, 0x130E, 0x1311: // light clients
		return true
	default:
		return false
	}
}

// publishesByItself reports whether a model is configured to publish once a minute:
// its state changes without a command.
func publishesByItself(model mesh.ModelID) bool {
	const sensorServer, batteryServer = 0x1100, 0x100C
	return !model.IsVendor() && (model.Number() == sensorServer || model.Number() == batteryServer)
}

// Intent is what Configure does with a model.
type Intent struct {
	Bind    bool // to the bridge's AppKey
	Publish bool // to the bridge
	// Parameters of the publication but for the key; valid with Publish.
	Parameters configuration.PublishParameters
}

// IntentOf returns what Configure does with a model, for descriptions of the network.
func IntentOf(model mesh.ModelID) Intent {
	i := Intent{Bind: needsAppKey(model), Publish: publishes(model)}
	if i.Publish {
		i.Parameters = configuration.PublishParameters{
			PublishTTL:        mesh.DefaultTTL,
			PublishRetransmit: publishRepeats | publishInterval<<3,
		}
		if publishesByItself(model) {
			i.Parameters.PublishPeriod = sensorPeriod
		}
	}
	return i
}
