package largecomposition

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Large Composition Data messages (section 4.3).
const (
	OpDataGet              mesh.Opcode = 0x8074
	OpDataStatus           mesh.Opcode = 0x8075
	OpModelsMetadataGet    mesh.Opcode = 0x8076
	OpModelsMetadataStatus mesh.Opcode = 0x8077
)

// DataGet asks for a part of a page of the composition data.
//
//	| Page 8 | Offset 16 |
type DataGet struct {
	Page   uint8
	Offset uint16 // in octets
}

// Opcode is 0x8074.
func (DataGet) Opcode() mesh.Opcode { return OpDataGet }

// Fields visits the parameters.
func (m *DataGet) Fields(c *access.Codec) {
	c.Uint8("page", &m.Page)
	c.Uint16("offset", &m.Offset)
}

// DataStatus carries a part of a page of the composition data.
//
//	| Page 8 | Offset 16 | TotalSize 16 | Data, 8 each |
type DataStatus struct {
	Page      uint8
	Offset    uint16 // in octets
	TotalSize uint16 // of the page, in octets
	Data      []byte // from Offset on, as much as fits
}

// Opcode is 0x8075.
func (DataStatus) Opcode() mesh.Opcode { return OpDataStatus }

// Fields visits the parameters.
func (m *DataStatus) Fields(c *access.Codec) {
	c.Uint8("page", &m.Page)
	c.Uint16("offset", &m.Offset)
	c.Uint16("total_size", &m.TotalSize)
	c.Rest("data", &m.Data)
}

// ModelsMetadataGet asks for a part of a page of the models metadata.
//
//	| Page 8 | Offset 16 |
type ModelsMetadataGet struct {
	Page   uint8
	Offset uint16 // in octets
}

// Opcode is 0x8076.
func (ModelsMetadataGet) Opcode() mesh.Opcode { return OpModelsMetadataGet }

// Fields visits the parameters.
func (m *ModelsMetadataGet) Fields(c *access.Codec) {
	c.Uint8("page", &m.Page)
	c.Uint16("offset", &m.Offset)
}

// ModelsMetadataStatus carries a part of a page of the models metadata.
//
//	| Page 8 | Offset 16 | TotalSize 16 | Data, 8 each |
type ModelsMetadataStatus struct {
	Page      uint8
	Offset    uint16 // in octets
	TotalSize uint16 // of the page, in octets
	Data      []byte // from Offset on, as much as fits
}

// Opcode is 0x8077.
func (ModelsMetadataStatus) Opcode() mesh.Opcode { return OpModelsMetadataStatus }

// Fields visits the parameters.
func (m *ModelsMetadataStatus) Fields(c *access.Codec) {
	c.Uint8("page", &m.Page)
	c.Uint16("offset", &m.Offset)
	c.Uint16("total_size", &m.TotalSize)
	c.Rest("data", &m.Data)
}
