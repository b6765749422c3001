package configuration

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
)

// Pages of the composition data (section 4.2.2). A page from NextPages on holds
// the content of the page NextPages lower after a node composition refresh.
const (
	PageComposition uint8 = 0
	PageRelations   uint8 = 1
	PageProfiles    uint8 = 2
	NextPages       uint8 = 128
)

// Relations is page 1 of the composition data: which models extend others, and
// which models correspond to each other (section 4.2.2.2).
//
//	| elements |
type Relations struct{ Elements []ElementRelations }

// ElementRelations is an element of page 1, with one item for each model of
// page 0 in the same order.
//
//	| NumberS 8 | NumberV 8 | NumberS items | NumberV items |
type ElementRelations struct {
	SIGModels    []ModelRelations
	VendorModels []ModelRelations
}

// ModelRelations is the item for one model.
//
//	| CorrespondingPresent 1 | Format 1 | ExtendedItemsCount 6 | [ CorrespondingGroupID 8 ] |
//	| ExtendedModel 8 (Format 0) or 16 (Format 1) each |
type ModelRelations struct {
	HasGroup bool
	GroupID  uint8 // models with the same group correspond to each other
	Extends  []ExtendedModel
}

// ExtendedModel names a model that is extended by another one.
//
//	| ElementOffset 3 | ModelItemIndex 5 |
//	| ElementOffset 8 | ModelItemIndex 8 |
type ExtendedModel struct {
	ElementOffset int8 // added to the index of the extending model's element
	ModelIndex    uint8
}

// Fields visits the parameters of the page.
func (r *Relations) Fields(c *access.Codec) {
	access.List(c, "elements", &r.Elements, elementRelations)
}

func elementRelations(e *ElementRelations, c *access.Codec) {
	specified, vendor := field.ListSize(len(e.SIGModels)), field.ListSize(len(e.VendorModels))
	if c.Octets() {
		c.Uint8("number_s", &specified)
		c.Uint8("number_v", &vendor)
	}
	access.ListOf(c, "sig_models", &e.SIGModels, int(specified), modelRelations)
	access.ListOf(c, "vendor_models", &e.VendorModels, int(vendor), modelRelations)
	field.RequireListSizes(c, len(e.SIGModels), len(e.VendorModels))
}

func modelRelations(m *ModelRelations, c *access.Codec) {
	const most = 0x3F
	count := uint8(min(len(m.Extends), most))
	long := false
	for _, e := range m.Extends {
		long = long || e.ElementOffset < -4 || e.ElementOffset > 3 || e.ModelIndex > 0x1F
	}
	if c.Octets() {
		c.Flag("corresponding_present", &m.HasGroup)
		c.Flag("format", &long)
		c.Bits("extended_items_count", &count, 6)
	} else if c.Reading() {
		m.HasGroup = c.Has("corresponding_group_id")
	}
	if m.HasGroup {
		c.Uint8("corresponding_group_id", &m.GroupID)
	}
	extended := longExtended
	if c.Octets() && !long {
		extended = shortExtended
	}
	access.ListOf(c, "extended_models", &m.Extends, int(count), extended)
	c.Require(len(m.Extends) <= most, "extended_models", "at most 63")
}

func longExtended(e *ExtendedModel, c *access.Codec) {
	c.Int8("element_offset", &e.ElementOffset)
	c.Uint8("model_item_index", &e.ModelIndex)
}

func shortExtended(e *ExtendedModel, c *access.Codec) {
	offset := uint8(e.ElementOffset) & 0x07
	c.Bits("element_offset", &offset, 3)
	c.Bits("model_item_index", &e.ModelIndex, 5)
	if c.Reading() {
		e.ElementOffset = int8(offset<<5) >> 5
	}
}

// Profiles is page 2 of the composition data: the mesh profiles that the node
// supports (section 4.2.2.3).
type Profiles struct{ Records []ProfileRecord }

// ProfileRecord is a profile with the elements that support it.
//
//	| MeshProfileIdentifier 16 | Version 24 | NumElementOffsets 8 | ElementOffsets, 8 each |
//	| AdditionalDataLength 16 | AdditionalData, 8 each |
type ProfileRecord struct {
	Identifier     uint16
	Version        [3]byte // major, minor, revision
	ElementOffsets []uint8
	AdditionalData []byte
}

// Fields visits the parameters of the page.
func (p *Profiles) Fields(c *access.Codec) {
	access.List(c, "records", &p.Records, profileRecord)
}

func profileRecord(p *ProfileRecord, c *access.Codec) {
	c.Uint16("mesh_profile_identifier", &p.Identifier)
	c.Fixed("version", p.Version[:])
	elements := field.ListSize(len(p.ElementOffsets))
	if c.Octets() {
		c.Uint8("num_element_offsets", &elements)
	}
	access.ListOf(c, "element_offsets", &p.ElementOffsets, int(elements), field.Octet)
	field.RequireListSizes(c, len(p.ElementOffsets))
	size := uint16(min(len(p.AdditionalData), 0xFFFF))
	if c.Octets() {
		c.Uint16("additional_data_length", &size)
	}
	c.Bytes("additional_data", &p.AdditionalData, int(size))
	c.Require(len(p.AdditionalData) <= 0xFFFF, "additional_data", "at most 65535 octets")
}

// Relations decodes page 1 or 129. Errors wrap ErrComposition.
func (m *CompositionDataStatus) Relations() (*Relations, error) {
	r := new(Relations)
	return r, m.page(PageRelations, r)
}

// Profiles decodes page 2 or 130. Errors wrap ErrComposition.
func (m *CompositionDataStatus) Profiles() (*Profiles, error) {
	p := new(Profiles)
	return p, m.page(PageProfiles, p)
}

func (m *CompositionDataStatus) page(number uint8, into access.Part) error {
	if m.Page%NextPages != number {
		return fmt.Errorf("%w: expected page %d or %d, got page %d: request another page", ErrComposition, number, NextPages+number, m.Page)
	}
	if err := access.DecodePart(m.Data, into); err != nil {
		return fmt.Errorf("%w: page %d: %w", ErrComposition, m.Page, err)
	}
	return nil
}
