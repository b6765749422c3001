package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic Level messages (section 3.2.2).
const (
	OpLevelGet               mesh.Opcode = 0x8205
	OpLevelSet               mesh.Opcode = 0x8206
	OpLevelSetUnacknowledged mesh.Opcode = 0x8207
	OpDeltaSet               mesh.Opcode = 0x8209
	OpDeltaSetUnacknowledged mesh.Opcode = 0x820A
	OpMoveSet                mesh.Opcode = 0x820B
	OpMoveSetUnacknowledged  mesh.Opcode = 0x820C
	OpLevelStatus            mesh.Opcode = 0x8208
)

// LevelGet requests the Generic Level state.
type LevelGet struct{ access.Empty }

// Opcode is 0x8205.
func (LevelGet) Opcode() mesh.Opcode { return OpLevelGet }

// LevelSet sets the Generic Level state (acknowledged).
//
//	| Level 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type LevelSet struct {
	Level      int16
	TID        uint8
	Transition Transition
}

// Opcode is 0x8206.
func (LevelSet) Opcode() mesh.Opcode { return OpLevelSet }

// Fields visits the parameters.
func (m *LevelSet) Fields(c *access.Codec) {
	c.Int16("level", &m.Level)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// LevelSetUnacknowledged is the unacknowledged form of LevelSet.
type LevelSetUnacknowledged struct{ LevelSet }

// Opcode is 0x8207.
func (LevelSetUnacknowledged) Opcode() mesh.Opcode { return OpLevelSetUnacknowledged }

// DeltaSet changes the level by a difference from its value at the first
// message with this TID (acknowledged).
//
//	| Delta Level 32 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type DeltaSet struct {
	DeltaLevel int32
	TID        uint8
	Transition Transition
}

// Opcode is 0x8209.
func (DeltaSet) Opcode() mesh.Opcode { return OpDeltaSet }

// Fields visits the parameters.
func (m *DeltaSet) Fields(c *access.Codec) {
	c.Int32("delta_level", &m.DeltaLevel)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// DeltaSetUnacknowledged is the unacknowledged form of DeltaSet.
type DeltaSetUnacknowledged struct{ DeltaSet }

// Opcode is 0x820A.
func (DeltaSetUnacknowledged) Opcode() mesh.Opcode { return OpDeltaSetUnacknowledged }

// MoveSet starts a change of the level by a difference per transition time; 0
// stops it (acknowledged).
//
//	| Delta Level 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type MoveSet struct {
	DeltaLevel int16
	TID        uint8
	Transition Transition
}

// Opcode is 0x820B.
func (MoveSet) Opcode() mesh.Opcode { return OpMoveSet }

// Fields visits the parameters.
func (m *MoveSet) Fields(c *access.Codec) {
	c.Int16("delta_level", &m.DeltaLevel)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// MoveSetUnacknowledged is the unacknowledged form of MoveSet.
type MoveSetUnacknowledged struct{ MoveSet }

// Opcode is 0x820C.
func (MoveSetUnacknowledged) Opcode() mesh.Opcode { return OpMoveSetUnacknowledged }

// LevelStatus reports the Generic Level state.
//
//	| Present Level 16 | [ Target Level 16 | Remaining Time 8 ] |
type LevelStatus struct {
	PresentLevel  int16
	HasTarget     bool // the following fields are present
	TargetLevel   int16
	RemainingTime TransitionTime
}

// Opcode is 0x8208.
func (LevelStatus) Opcode() mesh.Opcode { return OpLevelStatus }

// Fields visits the parameters.
func (m *LevelStatus) Fields(c *access.Codec) {
	c.Int16("present_level", &m.PresentLevel)
	if c.Optional("target_level", &m.HasTarget) {
		c.Int16("target_level", &m.TargetLevel)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}
