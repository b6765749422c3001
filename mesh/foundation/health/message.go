package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the health messages (section 4.3.3).
const (
	OpHealthCurrentStatus              mesh.Opcode = 0x04
	OpHealthFaultStatus                mesh.Opcode = 0x05
	OpHealthFaultGet                   mesh.Opcode = 0x8031
	OpHealthFaultClear                 mesh.Opcode = 0x802F
	OpHealthFaultClearUnacknowledged   mesh.Opcode = 0x8030
	OpHealthFaultTest                  mesh.Opcode = 0x8032
	OpHealthFaultTestUnacknowledged    mesh.Opcode = 0x8033
	OpHealthPeriodGet                  mesh.Opcode = 0x8034
	OpHealthPeriodSet                  mesh.Opcode = 0x8035
	OpHealthPeriodSetUnacknowledged    mesh.Opcode = 0x8036
	OpHealthPeriodStatus               mesh.Opcode = 0x8037
	OpHealthAttentionGet               mesh.Opcode = 0x8004
	OpHealthAttentionSet               mesh.Opcode = 0x8005
	OpHealthAttentionSetUnacknowledged mesh.Opcode = 0x8006
	OpHealthAttentionStatus            mesh.Opcode = 0x8007
)

// HealthCurrentStatus reports the faults that are present now.
//
//	| TestID 8 | CompanyID 16 | FaultArray 8 each |
type HealthCurrentStatus struct {
	TestID     uint8
	CompanyID  mesh.CompanyID
	FaultArray []uint8
}

// Opcode is 0x04.
func (HealthCurrentStatus) Opcode() mesh.Opcode { return OpHealthCurrentStatus }

// Fields visits the parameters.
func (m *HealthCurrentStatus) Fields(c *access.Codec) {
	c.Uint8("test_id", &m.TestID)
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
	access.List(c, "fault_array", &m.FaultArray, fault)
}

// HealthFaultStatus reports the registered faults.
//
//	| TestID 8 | CompanyID 16 | FaultArray 8 each |
type HealthFaultStatus struct {
	TestID     uint8
	CompanyID  mesh.CompanyID
	FaultArray []uint8
}

// Opcode is 0x05.
func (HealthFaultStatus) Opcode() mesh.Opcode { return OpHealthFaultStatus }

// Fields visits the parameters.
func (m *HealthFaultStatus) Fields(c *access.Codec) {
	c.Uint8("test_id", &m.TestID)
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
	access.List(c, "fault_array", &m.FaultArray, fault)
}

// HealthFaultGet asks for the registered faults.
//
//	| CompanyID 16 |
type HealthFaultGet struct {
	CompanyID mesh.CompanyID
}

// Opcode is 0x8031.
func (HealthFaultGet) Opcode() mesh.Opcode { return OpHealthFaultGet }

// Fields visits the parameters.
func (m *HealthFaultGet) Fields(c *access.Codec) {
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
}

// HealthFaultClear forgets the registered faults and is answered.
//
//	| CompanyID 16 |
type HealthFaultClear struct {
	CompanyID mesh.CompanyID
}

// Opcode is 0x802F.
func (HealthFaultClear) Opcode() mesh.Opcode { return OpHealthFaultClear }

// Fields visits the parameters.
func (m *HealthFaultClear) Fields(c *access.Codec) {
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
}

// HealthFaultClearUnacknowledged is HealthFaultClear without an answer.
type HealthFaultClearUnacknowledged struct{ HealthFaultClear }

// Opcode is 0x8030.
func (HealthFaultClearUnacknowledged) Opcode() mesh.Opcode { return OpHealthFaultClearUnacknowledged }

// HealthFaultTest runs a self-test and is answered.
//
//	| TestID 8 | CompanyID 16 |
type HealthFaultTest struct {
	TestID    uint8
	CompanyID mesh.CompanyID
}

// Opcode is 0x8032.
func (HealthFaultTest) Opcode() mesh.Opcode { return OpHealthFaultTest }

// Fields visits the parameters.
func (m *HealthFaultTest) Fields(c *access.Codec) {
	c.Uint8("test_id", &m.TestID)
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
}

// HealthFaultTestUnacknowledged is HealthFaultTest without an answer.
type HealthFaultTestUnacknowledged struct{ HealthFaultTest }

// Opcode is 0x8033.
func (HealthFaultTestUnacknowledged) Opcode() mesh.Opcode { return OpHealthFaultTestUnacknowledged }

// HealthPeriodGet asks for the fast period divisor.
type HealthPeriodGet struct{ access.Empty }

// Opcode is 0x8034.
func (HealthPeriodGet) Opcode() mesh.Opcode { return OpHealthPeriodGet }

// HealthPeriodSet sets how much more often a node with faults publishes them:
// 2^divisor times.
//
//	| FastPeriodDivisor 8 |
type HealthPeriodSet struct {
	FastPeriodDivisor uint8
}

// Opcode is 0x8035.
func (HealthPeriodSet) Opcode() mesh.Opcode { return OpHealthPeriodSet }

// Fields visits the parameters.
func (m *HealthPeriodSet) Fields(c *access.Codec) {
	c.Uint8("fast_period_divisor", &m.FastPeriodDivisor)
	c.Require(m.FastPeriodDivisor <= 15, "fast_period_divisor", "0 to 15")
}

// HealthPeriodSetUnacknowledged is HealthPeriodSet without an answer.
type HealthPeriodSetUnacknowledged struct{ HealthPeriodSet }

// Opcode is 0x8036.
func (HealthPeriodSetUnacknowledged) Opcode() mesh.Opcode { return OpHealthPeriodSetUnacknowledged }

// HealthPeriodStatus reports the fast period divisor.
//
//	| FastPeriodDivisor 8 |
type HealthPeriodStatus struct {
	FastPeriodDivisor uint8
}

// Opcode is 0x8037.
func (HealthPeriodStatus) Opcode() mesh.Opcode { return OpHealthPeriodStatus }

// Fields visits the parameters.
func (m *HealthPeriodStatus) Fields(c *access.Codec) {
	c.Uint8("fast_period_divisor", &m.FastPeriodDivisor)
	c.Require(m.FastPeriodDivisor <= 15, "fast_period_divisor", "0 to 15")
}

// HealthAttentionGet asks for the attention timer.
type HealthAttentionGet struct{ access.Empty }

// Opcode is 0x8004.
func (HealthAttentionGet) Opcode() mesh.Opcode { return OpHealthAttentionGet }

// HealthAttentionSet makes the device attract attention for some seconds.
//
//	| Attention 8 |
type HealthAttentionSet struct {
	Attention uint8
}

// Opcode is 0x8005.
func (HealthAttentionSet) Opcode() mesh.Opcode { return OpHealthAttentionSet }

// Fields visits the parameters.
func (m *HealthAttentionSet) Fields(c *access.Codec) {
	c.Uint8("attention", &m.Attention)
}

// HealthAttentionSetUnacknowledged is HealthAttentionSet without an answer.
type HealthAttentionSetUnacknowledged struct{ HealthAttentionSet }

// Opcode is 0x8006.
func (HealthAttentionSetUnacknowledged) Opcode() mesh.Opcode {
	return OpHealthAttentionSetUnacknowledged
}

// HealthAttentionStatus reports the seconds left.
//
//	| Attention 8 |
type HealthAttentionStatus struct {
	Attention uint8
}

// Opcode is 0x8007.
func (HealthAttentionStatus) Opcode() mesh.Opcode { return OpHealthAttentionStatus }

// Fields visits the parameters.
func (m *HealthAttentionStatus) Fields(c *access.Codec) {
	c.Uint8("attention", &m.Attention)
}

func fault(f *uint8, c *access.Codec) { c.Uint8("", f) }
