package commission

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
)

// firstApplicationModel is the first identifier of the models that use AppKeys. Below
// it are the foundation models. Of those only the Health models use an AppKey, and
// the bridge does not use them yet.
const firstApplicationModel = 0x1000

// needsAppKey reports whether a model is bound to the bridge's AppKey when it is
// configured: the application models of the specifications and every vendor model, but
// for those that BindModels binds when they are used.
func needsAppKey(model mesh.ModelID) bool {
	return model.IsVendor() || model.Number() >= firstApplicationModel && !IsTransferModel(model)
}

// IsTransferModel reports whether a model is one of those of firmware updates. Most
// devices never use them.
func IsTransferModel(model mesh.ModelID) bool {
	switch model {
	case blob.TransferServerID, blob.TransferClientID,
		firmware.UpdateServerID, firmware.UpdateClientID, firmware.DistributionServerID, firmware.DistributionClientID:
		return true
	default:
		return false
	}
}

// mayPublish reports whether a model has something to publish: servers with a state of
// their own, and clients, such as those of a button. A setup server has nothing: the
// server that it extends publishes the state.
func mayPublish(model mesh.ModelID) bool {
	return model.IsVendor() || isClient(model) || slices.Contains([]uint16{
		0x1000, 0x1002, 0x1004, 0x1006, 0x1009, 0x100C, 0x100E, // generic servers
		0x1100,                                                         // sensor server
		0x1203,                                                         // scene server
		0x1300, 0x1303, 0x1306, 0x1307, 0x130A, 0x130B, 0x130C, 0x130F, // light servers
	}, model.Number())
}

// isClient reports whether a model is a client that a person operates.
func isClient(model mesh.ModelID) bool {
	return !model.IsVendor() && slices.Contains([]uint16{
		0x1001, 0x1003, 0x1005, 0x1008, 0x100B, 0x1205, 0x1302, 0x1305, 0x1309, 0x130E, 0x1311,
	}, model.Number())
}

// Publications says which models publish to the bridge.
type Publications string

// The choices. A node whose models publish only what they were told themselves needs
// PublishAll: such a Light CTL Server is silent when the Generic OnOff Server of its
// element is told to switch on.
const (
	PublishNeeded Publications = "needed" // those that report all of a function
	PublishAll    Publications = "all"    // every model that has something to publish
)

// Intent is what Configure does with a model.
type Intent struct {
	Bind    bool // to the bridge's AppKey
	Publish bool // to the bridge
	// Parameters of the publication but for the key; valid with Publish.
	Parameters configuration.PublishParameters
}

// IntentOf returns what Configure does with a model of an element, for descriptions of
// the network. Anything but PublishNeeded means all publications.
func IntentOf(elements []configuration.CompositionElement, element int, model mesh.ModelID, p Publications) Intent {
	i := Intent{Bind: needsAppKey(model), Publish: mayPublish(model)}
	if p == PublishNeeded {
		i.Publish = i.Publish && isNeeded(elements, element, model)
	}
	if i.Publish {
		i.Parameters = parametersOf(model)
	}
	return i
}

// isNeeded reports whether the bridge needs the publications of a model to hear of every
// change of a function (package translate) or of a button. The states of a light are
// bound to each other, so a change of any of them changes the state that its highest
// server publishes (Mesh Model 1.1, section 6.1.2):
//
//	Light CTL, Light HSL          report whether it is on, its lightness and its colour
//	└─ Light Lightness            reports whether it is on, and its lightness
//	   └─ Generic OnOff, Level    report a part
//	   Light CTL Temperature, Hue, Saturation, on later elements: a part of the colour
func isNeeded(elements []configuration.CompositionElement, element int, model mesh.ModelID) bool {
	if model.IsVendor() || isClient(model) {
		return true
	}
	has := func(id mesh.ModelID) bool { return slices.Contains(elements[element].Models, id) }
	colored := has(light.CTLServerID) || has(light.HSLServerID)
	switch model {
	case light.CTLServerID, light.HSLServerID, sensor.ServerID, generic.BatteryServerID:
		return true
	case light.LightnessServerID:
		return !colored
	case generic.OnOffServerID, generic.LevelServerID:
		return !colored && !has(light.LightnessServerID) && !isPart(elements, element)
	default:
		return false
	}
}

// isPart reports whether an element has the server for one part of the colour of a light
// on an earlier element (Mesh Model 1.1, sections 6.4.3 to 6.4.6).
func isPart(elements []configuration.CompositionElement, element int) bool {
	return isPartOf(elements, element, light.CTLServerID, light.CTLTemperatureServerID) ||
		isPartOf(elements, element, light.HSLServerID, light.HSLHueServerID) ||
		isPartOf(elements, element, light.HSLServerID, light.HSLSaturationServerID)
}

func isPartOf(elements []configuration.CompositionElement, element int, whole, part mesh.ModelID) bool {
	if !slices.Contains(elements[element].Models, part) {
		return false
	}
	for i := element - 1; i >= 0; i-- {
		switch models := elements[i].Models; {
		case slices.Contains(models, whole):
			return true
		case slices.Contains(models, part):
			return false // this one belongs to the light, if there is one
		}
	}
	return false
}

func parametersOf(model mesh.ModelID) configuration.PublishParameters {
	p := configuration.PublishParameters{
		PublishTTL:        mesh.DefaultTTL,
		PublishRetransmit: publishRepeats | publishInterval<<3,
	}
	if model == sensor.ServerID || model == generic.BatteryServerID {
		p.PublishPeriod = sensorPeriod // their state changes without a command
	}
	return p
}
