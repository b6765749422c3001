package private

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the On-Demand Private Proxy messages (section 4.3).
const (
	OpOnDemandPrivateProxyGet    mesh.Opcode = 0x8069
	OpOnDemandPrivateProxySet    mesh.Opcode = 0x806A
	OpOnDemandPrivateProxyStatus mesh.Opcode = 0x806B
)

// OnDemandPrivateProxyGet asks for the On-Demand Private GATT Proxy state.
type OnDemandPrivateProxyGet struct{ access.Empty }

// Opcode is 0x8069.
func (OnDemandPrivateProxyGet) Opcode() mesh.Opcode { return OpOnDemandPrivateProxyGet }

// OnDemandPrivateProxySet sets how long the node advertises with Private
// Network Identity after a solicitation. It is acknowledged.
//
//	| OnDemandPrivateGATTProxy 8 |
type OnDemandPrivateProxySet struct {
	Duration uint8 // in seconds, 0: disabled
}

// Opcode is 0x806A.
func (OnDemandPrivateProxySet) Opcode() mesh.Opcode { return OpOnDemandPrivateProxySet }

// Fields visits the parameters.
func (m *OnDemandPrivateProxySet) Fields(c *access.Codec) {
	c.Uint8("on_demand_private_gatt_proxy", &m.Duration)
}

// OnDemandPrivateProxyStatus reports the On-Demand Private GATT Proxy state.
//
//	| OnDemandPrivateGATTProxy 8 |
type OnDemandPrivateProxyStatus struct {
	Duration uint8 // in seconds, 0: disabled
}

// Opcode is 0x806B.
func (OnDemandPrivateProxyStatus) Opcode() mesh.Opcode { return OpOnDemandPrivateProxyStatus }

// Fields visits the parameters.
func (m *OnDemandPrivateProxyStatus) Fields(c *access.Codec) {
	c.Uint8("on_demand_private_gatt_proxy", &m.Duration)
}
