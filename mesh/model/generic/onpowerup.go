package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic Power OnOff messages (section 3.2.4).
const (
	OpOnPowerUpGet               mesh.Opcode = 0x8211
	OpOnPowerUpSet               mesh.Opcode = 0x8213
	OpOnPowerUpSetUnacknowledged mesh.Opcode = 0x8214
	OpOnPowerUpStatus            mesh.Opcode = 0x8212
)

// PowerUp is what an element does when it is powered up (section 3.1.4).
type PowerUp uint8

// The values of PowerUp.
const (
	PowerUpOff     PowerUp = 0 // stays off
	PowerUpDefault PowerUp = 1 // switches on, with its default values
	PowerUpRestore PowerUp = 2 // restores the state from before the power failure
)

var powerUpWords = []string{"off", "default", "restore"}

// String returns the name of the value.
func (p PowerUp) String() string {
	if int(p) < len(powerUpWords) {
		return powerUpWords[p]
	}
	return "prohibited"
}

// OnPowerUpGet requests the Generic OnPowerUp state.
type OnPowerUpGet struct{ access.Empty }

// Opcode is 0x8211.
func (OnPowerUpGet) Opcode() mesh.Opcode { return OpOnPowerUpGet }

// OnPowerUpSet sets the Generic OnPowerUp state (acknowledged).
//
//	| OnPowerUp 8 |
type OnPowerUpSet struct {
	OnPowerUp PowerUp
}

// Opcode is 0x8213.
func (OnPowerUpSet) Opcode() mesh.Opcode { return OpOnPowerUpSet }

// Fields visits the parameters.
func (m *OnPowerUpSet) Fields(c *access.Codec) {
	c.Enum("onpowerup", (*uint8)(&m.OnPowerUp), powerUpWords)
	c.Require(m.OnPowerUp <= PowerUpRestore, "onpowerup", "0, 1 or 2")
}

// OnPowerUpSetUnacknowledged is the unacknowledged form of OnPowerUpSet.
type OnPowerUpSetUnacknowledged struct{ OnPowerUpSet }

// Opcode is 0x8214.
func (OnPowerUpSetUnacknowledged) Opcode() mesh.Opcode { return OpOnPowerUpSetUnacknowledged }

// OnPowerUpStatus reports the Generic OnPowerUp state.
//
//	| OnPowerUp 8 |
type OnPowerUpStatus struct {
	OnPowerUp PowerUp
}

// Opcode is 0x8212.
func (OnPowerUpStatus) Opcode() mesh.Opcode { return OpOnPowerUpStatus }

// Fields visits the parameters.
func (m *OnPowerUpStatus) Fields(c *access.Codec) {
	c.Enum("onpowerup", (*uint8)(&m.OnPowerUp), powerUpWords)
	c.Require(m.OnPowerUp <= PowerUpRestore, "onpowerup", "0, 1 or 2")
}
