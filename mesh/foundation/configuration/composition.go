package configuration

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the messages about composition data (sections 4.3.2.4 and
// 4.3.2.5).
const (
	OpCompositionDataGet    mesh.Opcode = 0x8008
	OpCompositionDataStatus mesh.Opcode = 0x02
)

// CompositionDataGet asks for a page. The node answers with the largest page
// number that is not above the requested one.
//
//	| Page 8 |
type CompositionDataGet struct{ Page uint8 }

// Opcode is 0x8008.
func (CompositionDataGet) Opcode() mesh.Opcode { return OpCompositionDataGet }

// Fields visits the parameters.
func (m *CompositionDataGet) Fields(c *access.Codec) { c.Uint8("page", &m.Page) }

// CompositionDataStatus carries a page. The methods Composition, Relations and
// Profiles decode it.
//
//	| Page 8 | Data, 8 each |
type CompositionDataStatus struct {
	Page uint8
	Data []byte
}

// Opcode is 0x02.
func (CompositionDataStatus) Opcode() mesh.Opcode { return OpCompositionDataStatus }

// Fields visits the parameters.
func (m *CompositionDataStatus) Fields(c *access.Codec) {
	c.Uint8("page", &m.Page)
	c.Rest("data", &m.Data)
}

// Composition decodes page 0 or 128. It returns the errors of ParseComposition,
// and an error for any other page.
func (m *CompositionDataStatus) Composition() (*Composition, error) {
	if m.Page%NextPages != PageComposition {
		return nil, fmt.Errorf("%w: expected page 0, got page %d: request page 0", ErrComposition, m.Page)
	}
	return ParseComposition(m.Data)
}

// ErrComposition is returned for octets that are not valid composition data.
var ErrComposition = errors.New("foundation: composition data")

// Features is the set of features that a node supports (section 4.2.2.1,
// Features field).
type Features uint16

// The features.
const (
	FeatureRelay    Features = 1 << 0
	FeatureProxy    Features = 1 << 1
	FeatureFriend   Features = 1 << 2
	FeatureLowPower Features = 1 << 3
)

// Composition is page 0 of the composition data: the product and its elements
// and models (section 4.2.2.1).
//
//	| CID 16 | PID 16 | VID 16 | CRPL 16 | Features 16 | elements |
type Composition struct {
	CompanyID mesh.CompanyID
	ProductID uint16
	VersionID uint16
	CRPL      uint16 // size of the replay protection list
	Features  Features
	Elements  []CompositionElement
}

// CompositionElement is an element with its models: the SIG models first, then
// the vendor models, each in the order of the node.
//
//	| Loc 16 | NumS 8 | NumV 8 | NumS models, 16 each | NumV models, 32 each |
type CompositionElement struct {
	Location uint16
	Models   []mesh.ModelID
}

const (
	compositionHeader = 10
	elementHeader     = 4
)

// ParseComposition decodes page 0 without its page number. Errors wrap
// ErrComposition: octets missing, octets left over, or no element.
func ParseComposition(data []byte) (*Composition, error) {
	if len(data) < compositionHeader+elementHeader {
		return nil, fmt.Errorf("%w: expected at least %d octets, got %d", ErrComposition, compositionHeader+elementHeader, len(data))
	}
	le := binary.LittleEndian
	c := &Composition{
		CompanyID: mesh.CompanyID(le.Uint16(data)),
		ProductID: le.Uint16(data[2:]),
		VersionID: le.Uint16(data[4:]),
		CRPL:      le.Uint16(data[6:]),
		Features:  Features(le.Uint16(data[8:])),
	}
	for data = data[compositionHeader:]; len(data) > 0; {
		if len(data) < elementHeader {
			return nil, fmt.Errorf("%w: element %d: expected at least %d octets, got %d", ErrComposition, len(c.Elements), elementHeader, len(data))
		}
		element := CompositionElement{Location: le.Uint16(data)}
		specified, vendor := int(data[2]), int(data[3])
		data = data[elementHeader:]
		if size := 2*specified + 4*vendor; len(data) < size {
			return nil, fmt.Errorf("%w: element %d: expected %d octets of models, got %d", ErrComposition, len(c.Elements), size, len(data))
		}
		for ; specified > 0; specified-- {
			element.Models = append(element.Models, mesh.SIGModel(le.Uint16(data)))
			data = data[2:]
		}
		for ; vendor > 0; vendor-- {
			company, number := le.Uint16(data), le.Uint16(data[2:])
			model := mesh.VendorModel(mesh.CompanyID(company), number)
			if !model.IsVendor() {
				return nil, fmt.Errorf("%w: element %d: expected a company identifier, got 0x%04x", ErrComposition, len(c.Elements), company)
			}
			element.Models = append(element.Models, model)
			data = data[4:]
		}
		c.Elements = append(c.Elements, element)
	}
	return c, nil
}

// Append appends page 0 without its page number to dst. It returns an error
// that wraps ErrComposition if an element has more than 255 SIG or vendor
// models, or if there is no element.
func (c *Composition) Append(dst []byte) ([]byte, error) {
	if len(c.Elements) == 0 {
		return dst, fmt.Errorf("%w: expected at least one element, got none", ErrComposition)
	}
	le := binary.LittleEndian
	out := le.AppendUint16(dst, uint16(c.CompanyID))
	out = le.AppendUint16(out, c.ProductID)
	out = le.AppendUint16(out, c.VersionID)
	out = le.AppendUint16(out, c.CRPL)
	out = le.AppendUint16(out, uint16(c.Features))
	for i, element := range c.Elements {
		vendor := 0
		for _, m := range element.Models {
			if m.IsVendor() {
				vendor++
			}
		}
		specified := len(element.Models) - vendor
		if specified > 255 || vendor > 255 {
			return dst, fmt.Errorf("%w: element %d: expected at most 255 SIG models and 255 vendor models, got %d and %d", ErrComposition, i, specified, vendor)
		}
		out = le.AppendUint16(out, element.Location)
		out = append(out, uint8(specified), uint8(vendor))
		for _, m := range element.Models {
			if !m.IsVendor() {
				out = le.AppendUint16(out, m.Number())
			}
		}
		for _, m := range element.Models {
			if m.IsVendor() {
				out = le.AppendUint16(out, uint16(m.Company()))
				out = le.AppendUint16(out, m.Number())
			}
		}
	}
	return out, nil
}
