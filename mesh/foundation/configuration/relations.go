package configuration

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Relations returns page 1 of the node's composition data: which of its SIG
// models extend others on the same element, and which correspond to each other
// (a server and its setup server).
func (s *Server) Relations() *Relations {
	n := s.Host().State()
	page := &Relations{}
	for e := range n.Elements {
		specified := specifiedModels(&n.Elements[e])
		var element ElementRelations
		for _, id := range specified {
			var r ModelRelations
			for _, base := range extended[id.Number()] {
				if i := slices.Index(specified, mesh.SIGModel(base)); i >= 0 {
					r.Extends = append(r.Extends, ExtendedModel{ModelIndex: uint8(i)})
				}
			}
			r.GroupID, r.HasGroup = group(specified, id)
			element.SIGModels = append(element.SIGModels, r)
		}
		element.VendorModels = make([]ModelRelations, len(n.Elements[e].Models)-len(specified))
		page.Elements = append(page.Elements, element)
	}
	return page
}

// specifiedModels returns the SIG models of an element in the order of page 0.
func specifiedModels(e *state.Element) []mesh.ModelID {
	var ids []mesh.ModelID
	for i := range e.Models {
		if id := e.Models[i].ID; !id.IsVendor() {
			ids = append(ids, id)
		}
	}
	return ids
}

// group returns the group of a model whose server or setup server is on the
// same element.
func group(models []mesh.ModelID, id mesh.ModelID) (uint8, bool) {
	for i, pair := range setups {
		server, setup := mesh.SIGModel(pair.server), mesh.SIGModel(pair.setup)
		if (id == server || id == setup) && slices.Contains(models, server) && slices.Contains(models, setup) {
			return uint8(i), true
		}
	}
	return 0, false
}

// setups lists the servers that have a setup server (Mesh Model 1.1).
var setups = []struct{ server, setup uint16 }{
	{0x1006, 0x1007}, // Generic Power OnOff
	{0x1009, 0x100A}, // Generic Power Level
	{0x100E, 0x100F}, // Generic Location
	{0x1100, 0x1101}, // Sensor
	{0x1200, 0x1201}, // Time
	{0x1203, 0x1204}, // Scene
	{0x1206, 0x1207}, // Scheduler
	{0x1300, 0x1301}, // Light Lightness
	{0x1303, 0x1304}, // Light CTL
	{0x1307, 0x1308}, // Light HSL
	{0x130C, 0x130D}, // Light xyL
	{0x130F, 0x1310}, // Light LC
}

// extended lists the models that a model extends (Mesh Protocol 1.1, section
// 4.4, and the model descriptions of Mesh Model 1.1).
var extended = map[uint16][]uint16{
	0x0006: {0x0000}, // Directed Forwarding Configuration Server: Configuration Server
	0x0008: {0x0000}, // Bridge Configuration Server: Configuration Server
	0x000A: {0x0000}, // Mesh Private Beacon Server: Configuration Server
	0x000C: {0x000A}, // On-Demand Private Proxy Server: Mesh Private Beacon Server
	0x0014: {0x000C}, // Solicitation PDU RPL Configuration Server: On-Demand Private Proxy Server
	0x1006: {0x1000}, // Generic Power OnOff Server: Generic OnOff Server
	0x1007: {0x1006, 0x1004},
	0x1009: {0x1006, 0x1002}, // Generic Power Level Server: Power OnOff, Level
	0x100A: {0x1009, 0x1007},
	0x100F: {0x100E},
	0x1011: {0x1013}, // Generic Admin Property Server: User Property
	0x1012: {0x1013}, // Generic Manufacturer Property Server: User Property
	0x1101: {0x1100},
	0x1201: {0x1200},
	0x1204: {0x1203},
	0x1206: {0x1203}, // Scheduler Server: Scene
	0x1207: {0x1206},
	0x1300: {0x1006, 0x1002}, // Light Lightness Server: Power OnOff, Level
	0x1301: {0x1300, 0x1007},
	0x1303: {0x1300}, // Light CTL Server: Lightness
	0x1304: {0x1303, 0x1301},
	0x1306: {0x1002}, // Light CTL Temperature Server: Level
	0x1307: {0x1300}, // Light HSL Server: Lightness
	0x1308: {0x1307, 0x1301},
	0x130A: {0x1002}, // Light HSL Hue Server: Level
	0x130B: {0x1002}, // Light HSL Saturation Server: Level
	0x130C: {0x1300}, // Light xyL Server: Lightness
	0x130D: {0x130C, 0x1301},
	0x130F: {0x1300, 0x1000}, // Light LC Server: Lightness, OnOff
	0x1310: {0x130F},
	0x1402: {0x1400}, // Firmware Update Server: BLOB Transfer Server
	0x1404: {0x1400}, // Firmware Distribution Server: BLOB Transfer Server
}
