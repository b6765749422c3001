package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic Power Level messages (section 3.2.5).
const (
	OpPowerLevelGet                 mesh.Opcode = 0x8215
	OpPowerLevelSet                 mesh.Opcode = 0x8216
	OpPowerLevelSetUnacknowledged   mesh.Opcode = 0x8217
	OpPowerLevelStatus              mesh.Opcode = 0x8218
	OpPowerLastGet                  mesh.Opcode = 0x8219
	OpPowerLastStatus               mesh.Opcode = 0x821A
	OpPowerDefaultGet               mesh.Opcode = 0x821B
	OpPowerDefaultSet               mesh.Opcode = 0x821F
	OpPowerDefaultSetUnacknowledged mesh.Opcode = 0x8220
	OpPowerDefaultStatus            mesh.Opcode = 0x821C
	OpPowerRangeGet                 mesh.Opcode = 0x821D
	OpPowerRangeSet                 mesh.Opcode = 0x8221
	OpPowerRangeSetUnacknowledged   mesh.Opcode = 0x8222
	OpPowerRangeStatus              mesh.Opcode = 0x821E
)

// PowerLevelGet requests the Generic Power Actual state.
type PowerLevelGet struct{ access.Empty }

// Opcode is 0x8215.
func (PowerLevelGet) Opcode() mesh.Opcode { return OpPowerLevelGet }

// PowerLevelSet sets the Generic Power Actual state (acknowledged).
//
//	| Power 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type PowerLevelSet struct {
	Power      uint16
	TID        uint8
	Transition Transition
}

// Opcode is 0x8216.
func (PowerLevelSet) Opcode() mesh.Opcode { return OpPowerLevelSet }

// Fields visits the parameters.
func (m *PowerLevelSet) Fields(c *access.Codec) {
	c.Uint16("power", &m.Power)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// PowerLevelSetUnacknowledged is the unacknowledged form of PowerLevelSet.
type PowerLevelSetUnacknowledged struct{ PowerLevelSet }

// Opcode is 0x8217.
func (PowerLevelSetUnacknowledged) Opcode() mesh.Opcode { return OpPowerLevelSetUnacknowledged }

// PowerLevelStatus reports the Generic Power Actual state.
//
//	| Present Power 16 | [ Target Power 16 | Remaining Time 8 ] |
type PowerLevelStatus struct {
	PresentPower  uint16
	HasTarget     bool // the following fields are present
	TargetPower   uint16
	RemainingTime TransitionTime
}

// Opcode is 0x8218.
func (PowerLevelStatus) Opcode() mesh.Opcode { return OpPowerLevelStatus }

// Fields visits the parameters.
func (m *PowerLevelStatus) Fields(c *access.Codec) {
	c.Uint16("present_power", &m.PresentPower)
	if c.Optional("target_power", &m.HasTarget) {
		c.Uint16("target_power", &m.TargetPower)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// PowerLastGet requests the Generic Power Last state.
type PowerLastGet struct{ access.Empty }

// Opcode is 0x8219.
func (PowerLastGet) Opcode() mesh.Opcode { return OpPowerLastGet }

// PowerLastStatus reports the last power that was not 0.
//
//	| Power 16 |
type PowerLastStatus struct {
	Power uint16
}

// Opcode is 0x821A.
func (PowerLastStatus) Opcode() mesh.Opcode { return OpPowerLastStatus }

// Fields visits the parameters.
func (m *PowerLastStatus) Fields(c *access.Codec) {
	c.Uint16("power", &m.Power)
}

// PowerDefaultGet requests the Generic Power Default state.
type PowerDefaultGet struct{ access.Empty }

// Opcode is 0x821B.
func (PowerDefaultGet) Opcode() mesh.Opcode { return OpPowerDefaultGet }

// PowerDefaultSet sets the power for switching on, 0 for the last one
// (acknowledged).
//
//	| Power 16 |
type PowerDefaultSet struct {
	Power uint16
}

// Opcode is 0x821F.
func (PowerDefaultSet) Opcode() mesh.Opcode { return OpPowerDefaultSet }

// Fields visits the parameters.
func (m *PowerDefaultSet) Fields(c *access.Codec) {
	c.Uint16("power", &m.Power)
}

// PowerDefaultSetUnacknowledged is the unacknowledged form of PowerDefaultSet.
type PowerDefaultSetUnacknowledged struct{ PowerDefaultSet }

// Opcode is 0x8220.
func (PowerDefaultSetUnacknowledged) Opcode() mesh.Opcode { return OpPowerDefaultSetUnacknowledged }

// PowerDefaultStatus reports the Generic Power Default state.
//
//	| Power 16 |
type PowerDefaultStatus struct {
	Power uint16
}

// Opcode is 0x821C.
func (PowerDefaultStatus) Opcode() mesh.Opcode { return OpPowerDefaultStatus }

// Fields visits the parameters.
func (m *PowerDefaultStatus) Fields(c *access.Codec) {
	c.Uint16("power", &m.Power)
}

// PowerRangeGet requests the Generic Power Range state.
type PowerRangeGet struct{ access.Empty }

// Opcode is 0x821D.
func (PowerRangeGet) Opcode() mesh.Opcode { return OpPowerRangeGet }

// PowerRangeSet sets the range (acknowledged). A server ignores a range whose
// maximum is below its minimum.
//
//	| Range Min 16 | Range Max 16 |
type PowerRangeSet struct {
	RangeMin uint16
	RangeMax uint16
}

// Opcode is 0x8221.
func (PowerRangeSet) Opcode() mesh.Opcode { return OpPowerRangeSet }

// Fields visits the parameters.
func (m *PowerRangeSet) Fields(c *access.Codec) {
	c.Uint16("range_min", &m.RangeMin)
	c.Require(m.RangeMin != 0, "range_min", "at least 1")
	c.Uint16("range_max", &m.RangeMax)
}

// PowerRangeSetUnacknowledged is the unacknowledged form of PowerRangeSet.
type PowerRangeSetUnacknowledged struct{ PowerRangeSet }

// Opcode is 0x8222.
func (PowerRangeSetUnacknowledged) Opcode() mesh.Opcode { return OpPowerRangeSetUnacknowledged }

// PowerRangeStatus reports the Generic Power Range state.
//
//	| Status 8 | Range Min 16 | Range Max 16 |
type PowerRangeStatus struct {
	Status   RangeStatus
	RangeMin uint16
	RangeMax uint16
}

// Opcode is 0x821E.
func (PowerRangeStatus) Opcode() mesh.Opcode { return OpPowerRangeStatus }

// Fields visits the parameters.
func (m *PowerRangeStatus) Fields(c *access.Codec) {
	m.Status.Visit(c)
	c.Uint16("range_min", &m.RangeMin)
	c.Uint16("range_max", &m.RangeMax)
}
