package largecomposition

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Composition provides the composition data of the node: its Configuration
// Server.
type Composition interface {
	// Page returns the octets of a page, or of the largest existing page below
	// it.
	Page(number uint8) (uint8, []byte)
}

// Server is the Large Composition Data Server model (section 4.4). It sends
// pages of the composition data and of the models metadata in parts.
type Server struct {
	foundation.Responder
	composition Composition
	metadata    Metadata
}

// NewServer makes the model for the primary element of a node. composition
// provides the composition data; metadata may be empty.
func NewServer(composition Composition, metadata Metadata) *Server {
	s := &Server{Responder: foundation.NewResponder(foundation.LargeCompositionDataServerID), composition: composition, metadata: metadata}
	const header = 7 // octets of opcode and fields before the data
	part := func(page []byte, offset uint16) []byte {
		if int(offset) >= len(page) {
			return nil
		}
		return page[offset:min(len(page), int(offset)+access.MaxPayload-header)]
	}
	foundation.On(s, func(_ *access.Incoming, m *DataGet) access.Message {
		number, page := s.composition.Page(m.Page)
		return &DataStatus{Page: number, Offset: m.Offset, TotalSize: uint16(len(page)), Data: part(page, m.Offset)}
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelsMetadataGet) access.Message {
		page, err := access.AppendPart(nil, &s.metadata)
		if err != nil {
			return nil
		}
		return &ModelsMetadataStatus{Page: PageMetadata, Offset: m.Offset, TotalSize: uint16(len(page)), Data: part(page, m.Offset)}
	})
	return s
}
