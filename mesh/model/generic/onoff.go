package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic OnOff messages (section 3.2.1).
const (
	OpOnOffGet               mesh.Opcode = 0x8201
	OpOnOffSet               mesh.Opcode = 0x8202
	OpOnOffSetUnacknowledged mesh.Opcode = 0x8203
	OpOnOffStatus            mesh.Opcode = 0x8204
)

// OnOffGet requests the Generic OnOff state.
type OnOffGet struct{ access.Empty }

// Opcode is 0x8201.
func (OnOffGet) Opcode() mesh.Opcode { return OpOnOffGet }

// OnOffSet sets the Generic OnOff state (acknowledged).
//
//	| OnOff 8 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type OnOffSet struct {
	OnOff      bool
	TID        uint8
	Transition Transition
}

// Opcode is 0x8202.
func (OnOffSet) Opcode() mesh.Opcode { return OpOnOffSet }

// Fields visits the parameters.
func (m *OnOffSet) Fields(c *access.Codec) {
	c.Bool("onoff", &m.OnOff)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// OnOffSetUnacknowledged is the unacknowledged form of OnOffSet.
type OnOffSetUnacknowledged struct{ OnOffSet }

// Opcode is 0x8203.
func (OnOffSetUnacknowledged) Opcode() mesh.Opcode { return OpOnOffSetUnacknowledged }

// OnOffStatus reports the Generic OnOff state.
//
//	| Present OnOff 8 | [ Target OnOff 8 | Remaining Time 8 ] |
type OnOffStatus struct {
	PresentOnOff  bool
	HasTarget     bool // the following fields are present
	TargetOnOff   bool
	RemainingTime TransitionTime
}

// Opcode is 0x8204.
func (OnOffStatus) Opcode() mesh.Opcode { return OpOnOffStatus }

// Fields visits the parameters.
func (m *OnOffStatus) Fields(c *access.Codec) {
	c.Bool("present_onoff", &m.PresentOnOff)
	if c.Optional("target_onoff", &m.HasTarget) {
		c.Bool("target_onoff", &m.TargetOnOff)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}
