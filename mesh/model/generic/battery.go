package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic Battery messages (section 3.2.6).
const (
	OpBatteryGet    mesh.Opcode = 0x8223
	OpBatteryStatus mesh.Opcode = 0x8224
)

// Values of a BatteryStatus that mean "not known".
const (
	UnknownBatteryLevel uint8  = 0xFF
	UnknownBatteryTime  uint32 = 0xFFFFFF
)

// BatteryPresence is whether there is a battery (section 3.1.6.4).
type BatteryPresence uint8

// The values of BatteryPresence.
const (
	BatteryNotPresent      BatteryPresence = 0
	BatteryRemovable       BatteryPresence = 1
	BatteryNotRemovable    BatteryPresence = 2
	BatteryPresenceUnknown BatteryPresence = 3
)

// BatteryIndicator is the charge level of the battery.
type BatteryIndicator uint8

// The values of BatteryIndicator.
const (
	BatteryCriticallyLow    BatteryIndicator = 0
	BatteryLow              BatteryIndicator = 1
	BatteryGood             BatteryIndicator = 2
	BatteryIndicatorUnknown BatteryIndicator = 3
)

// BatteryCharging is whether the battery is charging.
type BatteryCharging uint8

// The values of BatteryCharging.
const (
	BatteryNotChargeable   BatteryCharging = 0
	BatteryNotCharging     BatteryCharging = 1 // but it can be charged
	BatteryIsCharging      BatteryCharging = 2
	BatteryChargingUnknown BatteryCharging = 3
)

// BatteryServiceability is whether the battery needs service.
type BatteryServiceability uint8

// The values of BatteryServiceability; 0 is reserved.
const (
	BatteryServiceNotRequired    BatteryServiceability = 1
	BatteryServiceRequired       BatteryServiceability = 2
	BatteryServiceabilityUnknown BatteryServiceability = 3
)

var (
	presenceWords       = []string{"not present", "removable", "not removable", "unknown"}
	indicatorWords      = []string{"critically low", "low", "good", "unknown"}
	chargingWords       = []string{"not chargeable", "not charging", "charging", "unknown"}
	serviceabilityWords = []string{"", "not required", "required", "unknown"}
)

// BatteryGet requests the Generic Battery state.
type BatteryGet struct{ access.Empty }

// Opcode is 0x8223.
func (BatteryGet) Opcode() mesh.Opcode { return OpBatteryGet }

// BatteryStatus reports the Generic Battery state.
//
//	| Battery Level 8 | Time to Discharge 24 | Time to Charge 24 |
//	| Presence 2 | Indicator 2 | Charging 2 | Serviceability 2 |
type BatteryStatus struct {
	BatteryLevel    uint8  // percent, or UnknownBatteryLevel
	TimeToDischarge uint32 // minutes, or UnknownBatteryTime
	TimeToCharge    uint32 // minutes, or UnknownBatteryTime
	Presence        BatteryPresence
	Indicator       BatteryIndicator
	Charging        BatteryCharging
	Serviceability  BatteryServiceability
}

// Opcode is 0x8224.
func (BatteryStatus) Opcode() mesh.Opcode { return OpBatteryStatus }

// Fields visits the parameters.
func (m *BatteryStatus) Fields(c *access.Codec) {
	access.OrUnknown(c, "battery_level", &m.BatteryLevel, 1, UnknownBatteryLevel)
	c.Require(m.BatteryLevel <= 100 || m.BatteryLevel == UnknownBatteryLevel, "battery_level", "0 to 100, or 255")
	access.OrUnknown(c, "time_to_discharge", &m.TimeToDischarge, 3, UnknownBatteryTime)
	access.OrUnknown(c, "time_to_charge", &m.TimeToCharge, 3, UnknownBatteryTime)
	c.EnumBits("presence", (*uint8)(&m.Presence), 2, presenceWords)
	c.EnumBits("indicator", (*uint8)(&m.Indicator), 2, indicatorWords)
	c.EnumBits("charging", (*uint8)(&m.Charging), 2, chargingWords)
	c.EnumBits("serviceability", (*uint8)(&m.Serviceability), 2, serviceabilityWords)
}
