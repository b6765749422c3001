package private

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Opcodes of the Solicitation PDU RPL Configuration messages (section 4.3).
const (
	OpSolicitationPDURPLItemsClear               mesh.Opcode = 0x8078
	OpSolicitationPDURPLItemsClearUnacknowledged mesh.Opcode = 0x8079
	OpSolicitationPDURPLItemsStatus              mesh.Opcode = 0x807A
)

// SolicitationPDURPLItemsClear clears the solicitation replay protection list
// for a range of addresses. It is acknowledged.
//
//	| foundation.AddressRange 16 or 24 |
type SolicitationPDURPLItemsClear struct {
	foundation.AddressRange
}

// Opcode is 0x8078.
func (SolicitationPDURPLItemsClear) Opcode() mesh.Opcode { return OpSolicitationPDURPLItemsClear }

// Fields visits the parameters.
func (m *SolicitationPDURPLItemsClear) Fields(c *access.Codec) { m.AddressRange.Fields(c) }

// SolicitationPDURPLItemsClearUnacknowledged is the unacknowledged form of
// SolicitationPDURPLItemsClear.
type SolicitationPDURPLItemsClearUnacknowledged struct{ SolicitationPDURPLItemsClear }

// Opcode is 0x8079.
func (SolicitationPDURPLItemsClearUnacknowledged) Opcode() mesh.Opcode {
	return OpSolicitationPDURPLItemsClearUnacknowledged
}

// SolicitationPDURPLItemsStatus answers SolicitationPDURPLItemsClear.
//
//	| foundation.AddressRange 16 or 24 |
type SolicitationPDURPLItemsStatus struct {
	foundation.AddressRange
}

// Opcode is 0x807A.
func (SolicitationPDURPLItemsStatus) Opcode() mesh.Opcode { return OpSolicitationPDURPLItemsStatus }

// Fields visits the parameters.
func (m *SolicitationPDURPLItemsStatus) Fields(c *access.Codec) { m.AddressRange.Fields(c) }
