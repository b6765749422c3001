package device

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Distributor is the index of the element of a plug that distributes firmware.
const Distributor = 1

// maxReceivers is the largest number of nodes that it updates.
const maxReceivers = 32

// NewDistributor makes a plug that is off. Its second element distributes
// firmware to other nodes: a Firmware Distribution Server.
func NewDistributor() *Plug {
	s := generic.NewSwitch()
	d := firmware.NewDistributor(firmware.DistributorLimits{
		Receivers: maxReceivers, Images: 2, ImageSize: MaxFirmware, Space: 2 * MaxFirmware,
	})
	return &Plug{Switch: s, elements: elements(ProductDistributor, s.Models(), d.Models())}
}
