package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// LargeServer is the Large Composition Data Server model (section 4.4): pages
// of the composition data and of the models metadata in parts, for what does
// not fit into a message.
type LargeServer struct {
	responder
	composition *ConfigServer
	metadata    Metadata
}

// NewLargeServer makes the model for the primary element of a node, whose
// composition data is that of config; metadata may be empty.
func NewLargeServer(config *ConfigServer, metadata Metadata) *LargeServer {
	s := &LargeServer{responder: newResponder(LargeCompositionDataServerID), composition: config, metadata: metadata}
	const header = 7 // octets of opcode and fields before the data
	part := func(page []byte, offset uint16) []byte {
		if int(offset) >= len(page) {
			return nil
		}
		return page[offset:min(len(page), int(offset)+access.MaxPayload-header)]
	}
	on(s, func(_ *access.Incoming, m *LargeCompositionDataGet) access.Message {
		number, page := s.composition.Page(m.Page)
		return &LargeCompositionDataStatus{Page: number, Offset: m.Offset, TotalSize: uint16(len(page)), Data: part(page, m.Offset)}
	})
	on(s, func(_ *access.Incoming, m *ModelsMetadataGet) access.Message {
		page, err := access.AppendPart(nil, &s.metadata)
		if err != nil {
			return nil
		}
		return &ModelsMetadataStatus{Page: PageMetadata, Offset: m.Offset, TotalSize: uint16(len(page)), Data: part(page, m.Offset)}
	})
	return s
}
