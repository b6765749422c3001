package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic Default Transition Time messages (section 3.2.3).
const (
	OpDefaultTransitionTimeGet               mesh.Opcode = 0x820D
	OpDefaultTransitionTimeSet               mesh.Opcode = 0x820E
	OpDefaultTransitionTimeSetUnacknowledged mesh.Opcode = 0x820F
	OpDefaultTransitionTimeStatus            mesh.Opcode = 0x8210
)

// DefaultTransitionTimeGet requests the Generic Default Transition Time state.
type DefaultTransitionTimeGet struct{ access.Empty }

// Opcode is 0x820D.
func (DefaultTransitionTimeGet) Opcode() mesh.Opcode { return OpDefaultTransitionTimeGet }

// DefaultTransitionTimeSet sets the Generic Default Transition Time state
// (acknowledged). An unknown time is prohibited.
//
//	| Transition Time 8 |
type DefaultTransitionTimeSet struct {
	TransitionTime TransitionTime
}

// Opcode is 0x820E.
func (DefaultTransitionTimeSet) Opcode() mesh.Opcode { return OpDefaultTransitionTimeSet }

// Fields visits the parameters.
func (m *DefaultTransitionTimeSet) Fields(c *access.Codec) {
	m.TransitionTime.Visit(c, "transition_time")
	c.Require(m.TransitionTime.IsKnown(), "transition_time", "a known time")
}

// DefaultTransitionTimeSetUnacknowledged is the unacknowledged form of
// DefaultTransitionTimeSet.
type DefaultTransitionTimeSetUnacknowledged struct{ DefaultTransitionTimeSet }

// Opcode is 0x820F.
func (DefaultTransitionTimeSetUnacknowledged) Opcode() mesh.Opcode {
	return OpDefaultTransitionTimeSetUnacknowledged
}

// DefaultTransitionTimeStatus reports the Generic Default Transition Time
// state.
//
//	| Transition Time 8 |
type DefaultTransitionTimeStatus struct {
	TransitionTime TransitionTime
}

// Opcode is 0x8210.
func (DefaultTransitionTimeStatus) Opcode() mesh.Opcode { return OpDefaultTransitionTimeStatus }

// Fields visits the parameters.
func (m *DefaultTransitionTimeStatus) Fields(c *access.Codec) {
	m.TransitionTime.Visit(c, "transition_time")
}
