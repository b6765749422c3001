package scene

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Scene messages (section 5.2.2).
const (
	OpGet                  mesh.Opcode = 0x8241
	OpRecall               mesh.Opcode = 0x8242
	OpRecallUnacknowledged mesh.Opcode = 0x8243
	OpStatus               mesh.Opcode = 0x5E
	OpRegisterGet          mesh.Opcode = 0x8244
	OpRegisterStatus       mesh.Opcode = 0x8245
	OpStore                mesh.Opcode = 0x8246
	OpStoreUnacknowledged  mesh.Opcode = 0x8247
	OpDelete               mesh.Opcode = 0x829E
	OpDeleteUnacknowledged mesh.Opcode = 0x829F
)

// StatusCode is the result of a scene operation (section 5.2.2.11).
type StatusCode uint8

// The values of StatusCode.
const (
	Success      StatusCode = 0
	RegisterFull StatusCode = 1
	NotFound     StatusCode = 2
)

var statusWords = []string{"success", "scene register full", "scene not found"}

func number(n *uint16, c *access.Codec) { c.Uint16("", n) }

// Get requests the current scene.
type Get struct{ access.Empty }

// Opcode is 0x8241.
func (Get) Opcode() mesh.Opcode { return OpGet }

// Recall recalls a scene (acknowledged).
//
//	| Scene Number 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type Recall struct {
	SceneNumber uint16
	TID         uint8
	Transition  generic.Transition
}

// Opcode is 0x8242.
func (Recall) Opcode() mesh.Opcode { return OpRecall }

// Fields visits the parameters.
func (m *Recall) Fields(c *access.Codec) {
	c.Uint16("scene_number", &m.SceneNumber)
	c.Require(m.SceneNumber != 0, "scene_number", "at least 1")
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// RecallUnacknowledged is the unacknowledged form of Recall.
type RecallUnacknowledged struct{ Recall }

// Opcode is 0x8243.
func (RecallUnacknowledged) Opcode() mesh.Opcode { return OpRecallUnacknowledged }

// Status reports the current scene, 0 for none.
//
//	| Status Code 8 | Current Scene 16 | [ Target Scene 16 | Remaining Time 8 ] |
type Status struct {
	StatusCode    StatusCode
	CurrentScene  uint16
	HasTarget     bool // the following fields are present
	TargetScene   uint16
	RemainingTime generic.TransitionTime
}

// Opcode is 0x5E.
func (Status) Opcode() mesh.Opcode { return OpStatus }

// Fields visits the parameters.
func (m *Status) Fields(c *access.Codec) {
	c.Enum("status_code", (*uint8)(&m.StatusCode), statusWords)
	c.Uint16("current_scene", &m.CurrentScene)
	if c.Optional("target_scene", &m.HasTarget) {
		c.Uint16("target_scene", &m.TargetScene)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// RegisterGet requests the stored scenes.
type RegisterGet struct{ access.Empty }

// Opcode is 0x8244.
func (RegisterGet) Opcode() mesh.Opcode { return OpRegisterGet }

// RegisterStatus reports the stored scenes; 0 is an empty place.
//
//	| Status Code 8 | Current Scene 16 | Scenes, 16 each |
type RegisterStatus struct {
	StatusCode   StatusCode
	CurrentScene uint16
	Scenes       []uint16
}

// Opcode is 0x8245.
func (RegisterStatus) Opcode() mesh.Opcode { return OpRegisterStatus }

// Fields visits the parameters.
func (m *RegisterStatus) Fields(c *access.Codec) {
	c.Enum("status_code", (*uint8)(&m.StatusCode), statusWords)
	c.Uint16("current_scene", &m.CurrentScene)
	access.List(c, "scenes", &m.Scenes, number)
}

// Store stores the present states as a scene (acknowledged).
//
//	| Scene Number 16 |
type Store struct {
	SceneNumber uint16
}

// Opcode is 0x8246.
func (Store) Opcode() mesh.Opcode { return OpStore }

// Fields visits the parameters.
func (m *Store) Fields(c *access.Codec) {
	c.Uint16("scene_number", &m.SceneNumber)
	c.Require(m.SceneNumber != 0, "scene_number", "at least 1")
}

// StoreUnacknowledged is the unacknowledged form of Store.
type StoreUnacknowledged struct{ Store }

// Opcode is 0x8247.
func (StoreUnacknowledged) Opcode() mesh.Opcode { return OpStoreUnacknowledged }

// Delete deletes a scene (acknowledged).
//
//	| Scene Number 16 |
type Delete struct {
	SceneNumber uint16
}

// Opcode is 0x829E.
func (Delete) Opcode() mesh.Opcode { return OpDelete }

// Fields visits the parameters.
func (m *Delete) Fields(c *access.Codec) {
	c.Uint16("scene_number", &m.SceneNumber)
	c.Require(m.SceneNumber != 0, "scene_number", "at least 1")
}

// DeleteUnacknowledged is the unacknowledged form of Delete.
type DeleteUnacknowledged struct{ Delete }

// Opcode is 0x829F.
func (DeleteUnacknowledged) Opcode() mesh.Opcode { return OpDeleteUnacknowledged }
