// Package device contains virtual devices: plugs (one of them distributes
// firmware), lamps, a sensor and a button, with the compositions that such
// products have (Mesh Model 1.1, sections 3.3, 4.3 and 6.4). Their elements are
// passed to a node. The node is then provisioned, configured and used like any
// other:
//
//	lamp := device.NewLamp()
//	core, err := node.New(now, node.Options{Elements: lamp.Elements(), ...}, ...)
//
// A device can also be operated by hand. Its methods with an access.Context run
// in the context of a model, which the node provides:
//
//	button := device.NewButton()
//	n.WithModel(ctx, device.Primary, generic.OnOffClientID, button.Press)
//
// A device belongs to the goroutine of its node.
package device

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/bridgeconfig"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/largecomposition"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/private"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/sar"
)

// Primary is the index of the element on which a device is operated by hand.
const Primary = 0

// Company is the company identifier in the composition data of all virtual
// devices: the one for tests, which no company has.
const Company mesh.CompanyID = 0xFFFF

// Product identifiers of virtual devices in the composition data.
const (
	ProductPlug uint16 = iota + 1
	ProductLamp
	ProductColorLamp
	ProductSensor
	ProductButton
	ProductDistributor

	version = 1
)

// Locations of elements (GATT namespace descriptors of the Assigned Numbers).
const (
	locationUnknown = 0x0000
	locationMain    = 0x0106
)

// elements puts the models of a device into elements, after those that every
// node has.
func elements(product uint16, models ...[]access.Model) []access.Element {
	list := make([]access.Element, len(models))
	for i, m := range models {
		list[i] = access.Element{Location: locationUnknown, Models: m}
	}
	config := configuration.NewServer(configuration.Product{CompanyID: Company, ProductID: product, VersionID: version})
	everywhere := []access.Model{
		config,
		health.NewServer(Company).Model(),
		bridgeconfig.NewServer(),
		private.NewBeaconServer(),
		private.NewOnDemandProxyServer(),
		sar.NewServer(),
		opcodesaggregator.NewServer(),
		largecomposition.NewServer(config, largecomposition.Metadata{}),
		private.NewSolicitationServer(),
	}
	list[Primary].Location = locationMain
	list[Primary].Models = slices.Concat(everywhere, list[Primary].Models, newFirmware().models())
	return list
}
