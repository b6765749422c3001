package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Opcodes of the messages about heartbeats (sections 4.3.2.61 to 4.3.2.66).
const (
	OpHeartbeatPublicationGet     mesh.Opcode = 0x8038
	OpHeartbeatPublicationSet     mesh.Opcode = 0x8039
	OpHeartbeatPublicationStatus  mesh.Opcode = 0x06
	OpHeartbeatSubscriptionGet    mesh.Opcode = 0x803A
	OpHeartbeatSubscriptionSet    mesh.Opcode = 0x803B
	OpHeartbeatSubscriptionStatus mesh.Opcode = 0x803C
)

// HeartbeatPublicationGet asks for the heartbeat publication.
type HeartbeatPublicationGet struct{ access.Empty }

// Opcode is 0x8038.
func (HeartbeatPublicationGet) Opcode() mesh.Opcode { return OpHeartbeatPublicationGet }

// HeartbeatPublicationSet sets where and how often heartbeats are sent. Count
// and period are logarithms: the value is 2^(log-1), and 0 means none. A count
// of 0xFF means no limit.
//
//	| Destination 16 | CountLog 8 | PeriodLog 8 | TTL 8 | Features 16 | NetKeyIndex 12 | RFU 4 |
type HeartbeatPublicationSet struct {
	Destination mesh.Address
	CountLog    uint8
	PeriodLog   uint8
	TTL         mesh.TTL
	Features    Features
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8039.
func (HeartbeatPublicationSet) Opcode() mesh.Opcode { return OpHeartbeatPublicationSet }

// Fields visits the parameters.
func (m *HeartbeatPublicationSet) Fields(c *access.Codec) {
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

// HeartbeatPublicationStatus reports the heartbeat publication.
//
//	| Status 8 | as HeartbeatPublicationSet |
type HeartbeatPublicationStatus struct {
	Status      foundation.Status
	Destination mesh.Address
	CountLog    uint8
	PeriodLog   uint8
	TTL         mesh.TTL
	Features    Features
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x06.
func (HeartbeatPublicationStatus) Opcode() mesh.Opcode {
	return OpHeartbeatPublicationStatus
}

// Fields visits the parameters.
func (m *HeartbeatPublicationStatus) Fields(c *access.Codec) {
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

// HeartbeatSubscriptionGet asks for the heartbeat subscription.
type HeartbeatSubscriptionGet struct{ access.Empty }

// Opcode is 0x803A.
func (HeartbeatSubscriptionGet) Opcode() mesh.Opcode { return OpHeartbeatSubscriptionGet }

// HeartbeatSubscriptionSet sets which heartbeats are counted and for how long:
// 2^(log-1) seconds.
//
//	| Source 16 | Destination 16 | PeriodLog 8 |
type HeartbeatSubscriptionSet struct {
	Source      mesh.Address
	Destination mesh.Address
	PeriodLog   uint8
}

// Opcode is 0x803B.
func (HeartbeatSubscriptionSet) Opcode() mesh.Opcode { return OpHeartbeatSubscriptionSet }

// Fields visits the parameters.
func (m *HeartbeatSubscriptionSet) Fields(c *access.Codec) {
	c.Address("source", &m.Source)
	c.Address("destination", &m.Destination)
	c.Uint8("period_log", &m.PeriodLog)
	c.Require(m.PeriodLog <= 0x11, "period_log", "0 to 17")
}

// HeartbeatSubscriptionStatus reports the counted heartbeats.
//
//	| Status 8 | Source 16 | Destination 16 | PeriodLog 8 | CountLog 8 | MinHops 8 | MaxHops 8 |
type HeartbeatSubscriptionStatus struct {
	Status      foundation.Status
	Source      mesh.Address
	Destination mesh.Address
	PeriodLog   uint8
	CountLog    uint8
	MinHops     uint8
	MaxHops     uint8
}

// Opcode is 0x803C.
func (HeartbeatSubscriptionStatus) Opcode() mesh.Opcode {
	return OpHeartbeatSubscriptionStatus
}

// Fields visits the parameters.
func (m *HeartbeatSubscriptionStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Address("source", &m.Source)
	c.Address("destination", &m.Destination)
	c.Uint8("period_log", &m.PeriodLog)
	c.Require(m.PeriodLog <= 0x11, "period_log", "0 to 17")
	c.Uint8("count_log", &m.CountLog)
	c.Uint8("min_hops", &m.MinHops)
	c.Uint8("max_hops", &m.MaxHops)
}
