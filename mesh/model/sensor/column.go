package sensor

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Sensor Column and Sensor Series messages (sections 4.2.15 to
// 4.2.18).
const (
	OpColumnGet    mesh.Opcode = 0x8232
	OpColumnStatus mesh.Opcode = 0x53
	OpSeriesGet    mesh.Opcode = 0x8233
	OpSeriesStatus mesh.Opcode = 0x54
)

// ColumnGet requests one column of a series.
//
//	| Property ID 16 | Raw Value X |
type ColumnGet struct {
	PropertyID property.ID
	RawValueX  []byte
}

// Opcode is 0x8232.
func (ColumnGet) Opcode() mesh.Opcode { return OpColumnGet }

// Fields visits the parameters.
func (m *ColumnGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("raw_value_x", &m.RawValueX)
}

// ColumnStatus reports one column of a series; a column that does not exist
// only has its X. The lengths of the parts follow from the property.
//
//	| Property ID 16 | Raw Value X | Column Width | Raw Value Y |
type ColumnStatus struct {
	PropertyID property.ID
	RawColumn  []byte
}

// Opcode is 0x53.
func (ColumnStatus) Opcode() mesh.Opcode { return OpColumnStatus }

// Fields visits the parameters.
func (m *ColumnStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("raw_column", &m.RawColumn)
}

// SeriesGet requests the columns of a series from X1 to X2, or all of them if
// there are no octets.
//
//	| Property ID 16 | [ Raw Value X1 | Raw Value X2 ] |
type SeriesGet struct {
	PropertyID property.ID
	RawRange   []byte
}

// Opcode is 0x8233.
func (SeriesGet) Opcode() mesh.Opcode { return OpSeriesGet }

// Fields visits the parameters.
func (m *SeriesGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("raw_range", &m.RawRange)
}

// SeriesStatus reports columns of a series.
//
//	| Property ID 16 | columns as in ColumnStatus |
type SeriesStatus struct {
	PropertyID property.ID
	RawColumns []byte
}

// Opcode is 0x54.
func (SeriesStatus) Opcode() mesh.Opcode { return OpSeriesStatus }

// Fields visits the parameters.
func (m *SeriesStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("raw_columns", &m.RawColumns)
}
