package largecomposition

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
)

// PageMetadata is the page of the models metadata (section 4.2.2).
const PageMetadata uint8 = 0

// Metadata is page 0 of the models metadata: the metadata of all models of a
// node (Models Metadata state).
type Metadata struct{ Elements []ElementMetadata }

// ElementMetadata holds the metadata of an element.
//
//	| NumberS 8 | NumberV 8 | NumberS items | NumberV items |
type ElementMetadata struct {
	SIGModels    []ModelMetadata
	VendorModels []ModelMetadata
}

// ModelMetadata is the metadata of a model.
//
//	| ModelIdentifier 16 or 32 | NumberOfEntries 8 | entries |
type ModelMetadata struct {
	Model   mesh.ModelID
	Entries []MetadataEntry
}

// MetadataEntry is one metadata item.
//
//	| MetadataLength 16 | MetadataID 16 | Metadata, 8 each |
type MetadataEntry struct {
	ID   uint16 // Assigned Numbers
	Data []byte
}

// Fields visits the parameters of the page.
func (m *Metadata) Fields(c *access.Codec) {
	access.List(c, "elements", &m.Elements, elementMetadata)
}

func elementMetadata(e *ElementMetadata, c *access.Codec) {
	specified, vendor := field.ListSize(len(e.SIGModels)), field.ListSize(len(e.VendorModels))
	if c.Octets() {
		c.Uint8("number_s", &specified)
		c.Uint8("number_v", &vendor)
	}
	access.ListOf(c, "sig_models", &e.SIGModels, int(specified), func(m *ModelMetadata, c *access.Codec) {
		c.SIGModel("model_identifier", &m.Model)
		m.entries(c)
	})
	access.ListOf(c, "vendor_models", &e.VendorModels, int(vendor), func(m *ModelMetadata, c *access.Codec) {
		c.VendorModel("model_identifier", &m.Model)
		m.entries(c)
	})
	field.RequireListSizes(c, len(e.SIGModels), len(e.VendorModels))
}

func (m *ModelMetadata) entries(c *access.Codec) {
	count := field.ListSize(len(m.Entries))
	if c.Octets() {
		c.Uint8("number_of_entries", &count)
	}
	access.ListOf(c, "entries", &m.Entries, int(count), metadataEntry)
	field.RequireListSizes(c, len(m.Entries))
}

func metadataEntry(e *MetadataEntry, c *access.Codec) {
	size := uint16(min(len(e.Data), 0xFFFF))
	if c.Octets() {
		c.Uint16("metadata_length", &size)
	}
	c.Uint16("metadata_id", &e.ID)
	c.Bytes("metadata", &e.Data, int(size))
	c.Require(len(e.Data) <= 0xFFFF, "metadata", "at most 65535 octets")
}
