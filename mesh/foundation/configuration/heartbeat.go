package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the messages about heartbeats (sections 4.3.2.61 to 4.3.2.66).
const (
	OpConfigHeartbeatPublicationGet     mesh.Opcode = 0x8038
	OpConfigHeartbeatPublicationSet     mesh.Opcode = 0x8039
	OpConfigHeartbeatPublicationStatus  mesh.Opcode = 0x06
	OpConfigHeartbeatSubscriptionGet    mesh.Opcode = 0x803A
	OpConfigHeartbeatSubscriptionSet    mesh.Opcode = 0x803B
	OpConfigHeartbeatSubscriptionStatus mesh.Opcode = 0x803C
)

// ConfigHeartbeatPublicationGet asks for the heartbeat publication.
type ConfigHeartbeatPublicationGet struct{ access.Empty }

// Opcode is 0x8038.
func (ConfigHeartbeatPublicationGet) Opcode() mesh.Opcode { return OpConfigHeartbeatPublicationGet }

// ConfigHeartbeatPublicationSet sets where and how often heartbeats are sent. Count
// and period are powers of two: 2^(log-1), 0 for none; a count of 0xFF has no
// end.
//
//	| Destination 16 | CountLog 8 | PeriodLog 8 | TTL 8 | Features 16 | NetKeyIndex 12 | RFU 4 |
type ConfigHeartbeatPublicationSet struct {
	Destination mesh.Address
	CountLog    uint8
	PeriodLog   uint8
	TTL         mesh.TTL
	Features    Features
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8039.
func (ConfigHeartbeatPublicationSet) Opcode() mesh.Opcode { return OpConfigHeartbeatPublicationSet }

// Fields visits the parameters.
func (m *ConfigHeartbeatPublicationSet) Fields(c *access.Codec) {
	c.Address("destination", &m.Destination)
	c.Uint8("count_log", &m.CountLog)
	c.Require(m.CountLog <= 0x11 || m.CountLog == 0xFF, "count_log", "0 to 17, or 255")
	c.Uint8("period_log", &m.PeriodLog)
	c.Require(m.PeriodLog <= 0x11, "period_log", "0 to 17")
	c.Uint8("ttl", (*uint8)(&m.TTL))
	c.Require(m.TTL <= mesh.MaxTTL, "ttl", "0 to 127")
	c.Uint16("features", (*uint16)(&m.Features))
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// ConfigHeartbeatPublicationStatus reports where and how often heartbeats are
// sent.
//
//	| Status 8 | as ConfigHeartbeatPublicationSet |
type ConfigHeartbeatPublicationStatus struct {
	Status      Status
	Destination mesh.Address
	CountLog    uint8
	PeriodLog   uint8
	TTL         mesh.TTL
	Features    Features
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x06.
func (ConfigHeartbeatPublicationStatus) Opcode() mesh.Opcode {
	return OpConfigHeartbeatPublicationStatus
}

// Fields visits the parameters.
func (m *ConfigHeartbeatPublicationStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Address("destination", &m.Destination)
	c.Uint8("count_log", &m.CountLog)
	c.Require(m.CountLog <= 0x11 || m.CountLog == 0xFF, "count_log", "0 to 17, or 255")
	c.Uint8("period_log", &m.PeriodLog)
	c.Require(m.PeriodLog <= 0x11, "period_log", "0 to 17")
	c.Uint8("ttl", (*uint8)(&m.TTL))
	c.Require(m.TTL <= mesh.MaxTTL, "ttl", "0 to 127")
	c.Uint16("features", (*uint16)(&m.Features))
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// ConfigHeartbeatSubscriptionGet asks for the heartbeat subscription.
type ConfigHeartbeatSubscriptionGet struct{ access.Empty }

// Opcode is 0x803A.
func (ConfigHeartbeatSubscriptionGet) Opcode() mesh.Opcode { return OpConfigHeartbeatSubscriptionGet }

// ConfigHeartbeatSubscriptionSet sets whose heartbeats are counted and for how
// long, 2^(log-1) seconds.
//
//	| Source 16 | Destination 16 | PeriodLog 8 |
type ConfigHeartbeatSubscriptionSet struct {
	Source      mesh.Address
	Destination mesh.Address
	PeriodLog   uint8
}

// Opcode is 0x803B.
func (ConfigHeartbeatSubscriptionSet) Opcode() mesh.Opcode { return OpConfigHeartbeatSubscriptionSet }

// Fields visits the parameters.
func (m *ConfigHeartbeatSubscriptionSet) Fields(c *access.Codec) {
	c.Address("source", &m.Source)
	c.Address("destination", &m.Destination)
	c.Uint8("period_log", &m.PeriodLog)
	c.Require(m.PeriodLog <= 0x11, "period_log", "0 to 17")
}

// ConfigHeartbeatSubscriptionStatus reports the heartbeats that were counted.
//
//	| Status 8 | Source 16 | Destination 16 | PeriodLog 8 | CountLog 8 | MinHops 8 | MaxHops 8 |
type ConfigHeartbeatSubscriptionStatus struct {
	Status      Status
	Source      mesh.Address
	Destination mesh.Address
	PeriodLog   uint8
	CountLog    uint8
	MinHops     uint8
	MaxHops     uint8
}

// Opcode is 0x803C.
func (ConfigHeartbeatSubscriptionStatus) Opcode() mesh.Opcode {
	return OpConfigHeartbeatSubscriptionStatus
}

// Fields visits the parameters.
func (m *ConfigHeartbeatSubscriptionStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Address("source", &m.Source)
	c.Address("destination", &m.Destination)
	c.Uint8("period_log", &m.PeriodLog)
	c.Require(m.PeriodLog <= 0x11, "period_log", "0 to 17")
	c.Uint8("count_log", &m.CountLog)
	c.Uint8("min_hops", &m.MinHops)
	c.Uint8("max_hops", &m.MaxHops)
}
