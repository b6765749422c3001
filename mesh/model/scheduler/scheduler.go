package scheduler

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Scheduler messages (section 5.2.3).
const (
	OpGet                     mesh.Opcode = 0x8249
	OpStatus                  mesh.Opcode = 0x824A
	OpActionGet               mesh.Opcode = 0x8248
	OpActionSet               mesh.Opcode = 0x60
	OpActionSetUnacknowledged mesh.Opcode = 0x61
	OpActionStatus            mesh.Opcode = 0x5F
)

// Entry is an entry of the schedule (section 5.1.4.2).
//
//	| Year 7 | Month 12 | Day 5 | Hour 5 | Minute 6 | Second 6 | DayOfWeek 7 |
//	| Action 4 | Transition Time 8 | Scene Number 16 |
type Entry struct {
	Year           uint8  // of the century, 100 for any
	Month          uint16 // one bit per month, January in the least significant
	Day            uint8  // 0 for any
	Hour           uint8  // 24 any, 25 once a day at random
	Minute         uint8  // 60 any, 61 every 15, 62 every 20, 63 once an hour at random
	Second         uint8  // as Minute
	DayOfWeek      uint8  // one bit per day, Monday in the least significant
	Action         Action
	TransitionTime generic.TransitionTime
	SceneNumber    uint16
}

// Fields visits the entry after the four bits of its index.
func (e *Entry) Fields(c *access.Codec) {
	c.Bits("year", &e.Year, 7)
	c.Bits16("month", &e.Month, 12)
	c.Bits("day", &e.Day, 5)
	c.Bits("hour", &e.Hour, 5)
	c.Bits("minute", &e.Minute, 6)
	c.Bits("second", &e.Second, 6)
	c.Bits("day_of_week", &e.DayOfWeek, 7)
	c.EnumBits("action", (*uint8)(&e.Action), 4, actionWords)
	e.TransitionTime.Visit(c, "transition_time")
	c.Uint16("scene_number", &e.SceneNumber)
}

// Action is what an entry does.
type Action uint8

// The values of Action.
const (
	TurnOff     Action = 0
	TurnOn      Action = 1
	RecallScene Action = 2
	NoAction    Action = 15
)

var actionWords = []string{0: "turn off", 1: "turn on", 2: "scene recall", 15: "no action"}

// Get requests which entries of the schedule are used.
type Get struct{ access.Empty }

// Opcode is 0x8249.
func (Get) Opcode() mesh.Opcode { return OpGet }

// Status reports which entries of the schedule are used, entry 0 in the least
// significant bit.
//
//	| Schedules 16 |
type Status struct {
	Schedules uint16
}

// Opcode is 0x824A.
func (Status) Opcode() mesh.Opcode { return OpStatus }

// Fields visits the parameters.
func (m *Status) Fields(c *access.Codec) {
	c.Uint16("schedules", &m.Schedules)
}

// ActionGet requests an entry.
//
//	| Index 8 |
type ActionGet struct {
	Index uint8
}

// Opcode is 0x8248.
func (ActionGet) Opcode() mesh.Opcode { return OpActionGet }

// Fields visits the parameters.
func (m *ActionGet) Fields(c *access.Codec) {
	c.Uint8("index", &m.Index)
	c.Require(m.Index <= 15, "index", "0 to 15")
}

// ActionSet sets an entry (acknowledged).
//
//	| Index 4 | Entry 76 |
type ActionSet struct {
	Index uint8
	Entry
}

// Opcode is 0x60.
func (ActionSet) Opcode() mesh.Opcode { return OpActionSet }

// Fields visits the parameters.
func (m *ActionSet) Fields(c *access.Codec) {
	c.Bits("index", &m.Index, 4)
	m.Entry.Fields(c)
}

// ActionSetUnacknowledged is the unacknowledged form of ActionSet.
type ActionSetUnacknowledged struct{ ActionSet }

// Opcode is 0x61.
func (ActionSetUnacknowledged) Opcode() mesh.Opcode { return OpActionSetUnacknowledged }

// ActionStatus reports an entry.
//
//	| Index 4 | Entry 76 |
type ActionStatus struct {
	Index uint8
	Entry
}

// Opcode is 0x5F.
func (ActionStatus) Opcode() mesh.Opcode { return OpActionStatus }

// Fields visits the parameters.
func (m *ActionStatus) Fields(c *access.Codec) {
	c.Bits("index", &m.Index, 4)
	m.Entry.Fields(c)
}
