package health

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the health messages (section 4.3.3).
const (
	OpCurrentStatus              mesh.Opcode = 0x04
	OpFaultStatus                mesh.Opcode = 0x05
	OpFaultGet                   mesh.Opcode = 0x8031
	OpFaultClear                 mesh.Opcode = 0x802F
	OpFaultClearUnacknowledged   mesh.Opcode = 0x8030
	OpFaultTest                  mesh.Opcode = 0x8032
	OpFaultTestUnacknowledged    mesh.Opcode = 0x8033
	OpPeriodGet                  mesh.Opcode = 0x8034
	OpPeriodSet                  mesh.Opcode = 0x8035
	OpPeriodSetUnacknowledged    mesh.Opcode = 0x8036
	OpPeriodStatus               mesh.Opcode = 0x8037
	OpAttentionGet               mesh.Opcode = 0x8004
	OpAttentionSet               mesh.Opcode = 0x8005
	OpAttentionSetUnacknowledged mesh.Opcode = 0x8006
	OpAttentionStatus            mesh.Opcode = 0x8007
)

// CurrentStatus reports the present faults.
//
//	| TestID 8 | CompanyID 16 | FaultArray 8 each |
type CurrentStatus struct {
	TestID     uint8
	CompanyID  mesh.CompanyID
	FaultArray []uint8
}

// Opcode is 0x04.
func (CurrentStatus) Opcode() mesh.Opcode { return OpCurrentStatus }

// Fields visits the parameters.
func (m *CurrentStatus) Fields(c *access.Codec) {
	c.Uint8("test_id", &m.TestID)
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
	access.List(c, "fault_array", &m.FaultArray, fault)
}

// FaultStatus reports the registered faults.
//
//	| TestID 8 | CompanyID 16 | FaultArray 8 each |
type FaultStatus struct {
	TestID     uint8
	CompanyID  mesh.CompanyID
	FaultArray []uint8
}

// Opcode is 0x05.
func (FaultStatus) Opcode() mesh.Opcode { return OpFaultStatus }

// Fields visits the parameters.
func (m *FaultStatus) Fields(c *access.Codec) {
	c.Uint8("test_id", &m.TestID)
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
	access.List(c, "fault_array", &m.FaultArray, fault)
}

// FaultGet asks for the registered faults.
//
//	| CompanyID 16 |
type FaultGet struct {
	CompanyID mesh.CompanyID
}

// Opcode is 0x8031.
func (FaultGet) Opcode() mesh.Opcode { return OpFaultGet }

// Fields visits the parameters.
func (m *FaultGet) Fields(c *access.Codec) {
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
}

// FaultClear clears the registered faults. It is acknowledged.
//
//	| CompanyID 16 |
type FaultClear struct {
	CompanyID mesh.CompanyID
}

// Opcode is 0x802F.
func (FaultClear) Opcode() mesh.Opcode { return OpFaultClear }

// Fields visits the parameters.
func (m *FaultClear) Fields(c *access.Codec) {
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
}

// FaultClearUnacknowledged is the unacknowledged form of FaultClear.
type FaultClearUnacknowledged struct{ FaultClear }

// Opcode is 0x8030.
func (FaultClearUnacknowledged) Opcode() mesh.Opcode { return OpFaultClearUnacknowledged }

// FaultTest runs a self-test. It is acknowledged.
//
//	| TestID 8 | CompanyID 16 |
type FaultTest struct {
	TestID    uint8
	CompanyID mesh.CompanyID
}

// Opcode is 0x8032.
func (FaultTest) Opcode() mesh.Opcode { return OpFaultTest }

// Fields visits the parameters.
func (m *FaultTest) Fields(c *access.Codec) {
	c.Uint8("test_id", &m.TestID)
	c.Uint16("company_id", (*uint16)(&m.CompanyID))
}

// FaultTestUnacknowledged is the unacknowledged form of FaultTest.
type FaultTestUnacknowledged struct{ FaultTest }

// Opcode is 0x8033.
func (FaultTestUnacknowledged) Opcode() mesh.Opcode { return OpFaultTestUnacknowledged }

// PeriodGet asks for the Health Fast Period Divisor state.
type PeriodGet struct{ access.Empty }

// Opcode is 0x8034.
func (PeriodGet) Opcode() mesh.Opcode { return OpPeriodGet }

// PeriodSet sets the Health Fast Period Divisor: a node with faults publishes
// them 2^divisor times as often.
//
//	| FastPeriodDivisor 8 |
type PeriodSet struct {
	FastPeriodDivisor uint8
}

// Opcode is 0x8035.
func (PeriodSet) Opcode() mesh.Opcode { return OpPeriodSet }

// Fields visits the parameters.
func (m *PeriodSet) Fields(c *access.Codec) {
	c.Uint8("fast_period_divisor", &m.FastPeriodDivisor)
	c.Require(m.FastPeriodDivisor <= 15, "fast_period_divisor", "0 to 15")
}

// PeriodSetUnacknowledged is the unacknowledged form of PeriodSet.
type PeriodSetUnacknowledged struct{ PeriodSet }

// Opcode is 0x8036.
func (PeriodSetUnacknowledged) Opcode() mesh.Opcode { return OpPeriodSetUnacknowledged }

// PeriodStatus reports the Health Fast Period Divisor state.
//
//	| FastPeriodDivisor 8 |
type PeriodStatus struct {
	FastPeriodDivisor uint8
}

// Opcode is 0x8037.
func (PeriodStatus) Opcode() mesh.Opcode { return OpPeriodStatus }

// Fields visits the parameters.
func (m *PeriodStatus) Fields(c *access.Codec) {
	c.Uint8("fast_period_divisor", &m.FastPeriodDivisor)
	c.Require(m.FastPeriodDivisor <= 15, "fast_period_divisor", "0 to 15")
}

// AttentionGet asks for the attention timer.
type AttentionGet struct{ access.Empty }

// Opcode is 0x8004.
func (AttentionGet) Opcode() mesh.Opcode { return OpAttentionGet }

// AttentionSet makes the device attract attention for a number of seconds.
//
//	| Attention 8 |
type AttentionSet struct {
	Attention uint8
}

// Opcode is 0x8005.
func (AttentionSet) Opcode() mesh.Opcode { return OpAttentionSet }

// Fields visits the parameters.
func (m *AttentionSet) Fields(c *access.Codec) {
	c.Uint8("attention", &m.Attention)
}

// AttentionSetUnacknowledged is the unacknowledged form of AttentionSet.
type AttentionSetUnacknowledged struct{ AttentionSet }

// Opcode is 0x8006.
func (AttentionSetUnacknowledged) Opcode() mesh.Opcode {
	return OpAttentionSetUnacknowledged
}

// AttentionStatus reports the remaining seconds.
//
//	| Attention 8 |
type AttentionStatus struct {
	Attention uint8
}

// Opcode is 0x8007.
func (AttentionStatus) Opcode() mesh.Opcode { return OpAttentionStatus }

// Fields visits the parameters.
func (m *AttentionStatus) Fields(c *access.Codec) {
	c.Uint8("attention", &m.Attention)
}

func fault(f *uint8, c *access.Codec) { c.Uint8("", f) }
