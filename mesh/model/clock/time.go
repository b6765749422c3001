package clock

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Time messages (section 5.2.1).
const (
	OpGet         mesh.Opcode = 0x8237
	OpSet         mesh.Opcode = 0x5C
	OpStatus      mesh.Opcode = 0x5D
	OpRoleGet     mesh.Opcode = 0x8238
	OpRoleSet     mesh.Opcode = 0x8239
	OpRoleStatus  mesh.Opcode = 0x823A
	OpZoneGet     mesh.Opcode = 0x823B
	OpZoneSet     mesh.Opcode = 0x823C
	OpZoneStatus  mesh.Opcode = 0x823D
	OpDeltaGet    mesh.Opcode = 0x823E
	OpDeltaSet    mesh.Opcode = 0x823F
	OpDeltaStatus mesh.Opcode = 0x8240
)

// Moment turns a number of TAI seconds into a time (section 5.1.1).
//
//	| Subsecond 8 | Uncertainty 8 | Time Authority 1 | TAI-UTC Delta 15 |
//	| Time Zone Offset 8 |
type Moment struct {
	Subsecond      uint8 // 256ths of a second
	Uncertainty    int16 // milliseconds, a multiple of 10
	TimeAuthority  bool  // the node has a reliable source of time
	TAIUTCDelta    int16 // seconds
	TimeZoneOffset int16 // minutes from UTC, a multiple of 15
}

// Fields visits the parts of the time after its seconds.
func (p *Moment) Fields(c *access.Codec) {
	c.Uint8("subsecond", &p.Subsecond)
	scaled(c, "uncertainty", &p.Uncertainty, 0, 10, 8)
	c.Flag("time_authority", &p.TimeAuthority)
	delta(c, "tai_utc_delta", &p.TAIUTCDelta)
	quarters(c, "time_zone_offset", &p.TimeZoneOffset)
}

// Role is a node's role in distributing the time (section 5.1.2).
type Role uint8

// The values of Role.
const (
	NoRole    Role = 0
	Authority Role = 1
	Relay     Role = 2
	Client    Role = 3
)

var roleWords = []string{"none", "authority", "relay", "client"}

func quarters(c *access.Codec, name string, v *int16) { scaled(c, name, v, 64, 15, 8) }
func delta(c *access.Codec, name string, v *int16)    { scaled(c, name, v, 255, 1, 15) }

// scaled visits a number that is counted in steps and sent without a sign.
func scaled(c *access.Codec, name string, v *int16, zero, step int, width uint) {
	if !c.Octets() {
		c.Int16(name, v)
	}
	if !c.Octets() || !c.Reading() {
		raw := int(*v)/step + zero
		c.Require(int(*v)%step == 0 && raw >= 0 && raw>>width == 0, name, "a multiple of its step within its limits")
	}
	if c.Octets() {
		raw := uint16(int(*v)/step + zero)
		c.Bits16(name, &raw, width)
		if c.Reading() {
			*v = int16((int(raw) - zero) * step)
		}
	}
}

// Get requests the time.
type Get struct{ access.Empty }

// Opcode is 0x8237.
func (Get) Opcode() mesh.Opcode { return OpGet }

// Set sets the time (acknowledged).
//
//	| TAI Seconds 40 | Moment 40 |
type Set struct {
	TAISeconds uint64
	Moment
}

// Opcode is 0x5C.
func (Set) Opcode() mesh.Opcode { return OpSet }

// Fields visits the parameters.
func (m *Set) Fields(c *access.Codec) {
	c.Uint40("tai_seconds", &m.TAISeconds)
	m.Moment.Fields(c)
}

// Status reports the time. If it is not known, the message only has TAI Seconds
// of 0.
//
//	| TAI Seconds 40 | [ Moment 40 ] |
type Status struct {
	TAISeconds uint64
	HasMoment  bool // the following fields are present
	Moment
}

// Opcode is 0x5D.
func (Status) Opcode() mesh.Opcode { return OpStatus }

// Fields visits the parameters.
func (m *Status) Fields(c *access.Codec) {
	c.Uint40("tai_seconds", &m.TAISeconds)
	if c.Optional("subsecond", &m.HasMoment) {
		m.Moment.Fields(c)
	}
}

// RoleGet requests a node's Time Role.
type RoleGet struct{ access.Empty }

// Opcode is 0x8238.
func (RoleGet) Opcode() mesh.Opcode { return OpRoleGet }

// RoleSet sets a node's Time Role (acknowledged).
//
//	| Time Role 8 |
type RoleSet struct {
	TimeRole Role
}

// Opcode is 0x8239.
func (RoleSet) Opcode() mesh.Opcode { return OpRoleSet }

// Fields visits the parameters.
func (m *RoleSet) Fields(c *access.Codec) {
	c.Enum("time_role", (*uint8)(&m.TimeRole), roleWords)
	c.Require(m.TimeRole <= Client, "time_role", "0 to 3")
}

// RoleStatus reports a node's Time Role.
//
//	| Time Role 8 |
type RoleStatus struct {
	TimeRole Role
}

// Opcode is 0x823A.
func (RoleStatus) Opcode() mesh.Opcode { return OpRoleStatus }

// Fields visits the parameters.
func (m *RoleStatus) Fields(c *access.Codec) {
	c.Enum("time_role", (*uint8)(&m.TimeRole), roleWords)
	c.Require(m.TimeRole <= Client, "time_role", "0 to 3")
}

// ZoneGet requests the time zone.
type ZoneGet struct{ access.Empty }

// Opcode is 0x823B.
func (ZoneGet) Opcode() mesh.Opcode { return OpZoneGet }

// ZoneSet sets the next time zone and when it begins (acknowledged).
//
//	| Time Zone Offset New 8 | TAI of Zone Change 40 |
type ZoneSet struct {
	TimeZoneOffsetNew int16 // minutes from UTC, a multiple of 15
	TAIOfZoneChange   uint64
}

// Opcode is 0x823C.
func (ZoneSet) Opcode() mesh.Opcode { return OpZoneSet }

// Fields visits the parameters.
func (m *ZoneSet) Fields(c *access.Codec) {
	quarters(c, "time_zone_offset_new", &m.TimeZoneOffsetNew)
	c.Uint40("tai_of_zone_change", &m.TAIOfZoneChange)
}

// ZoneStatus reports the current and the next time zone.
//
//	| Time Zone Offset Current 8 | Time Zone Offset New 8 | TAI of Zone Change 40 |
type ZoneStatus struct {
	TimeZoneOffsetCurrent int16 // minutes from UTC, a multiple of 15
	TimeZoneOffsetNew     int16 // minutes from UTC, a multiple of 15
	TAIOfZoneChange       uint64
}

// Opcode is 0x823D.
func (ZoneStatus) Opcode() mesh.Opcode { return OpZoneStatus }

// Fields visits the parameters.
func (m *ZoneStatus) Fields(c *access.Codec) {
	quarters(c, "time_zone_offset_current", &m.TimeZoneOffsetCurrent)
	quarters(c, "time_zone_offset_new", &m.TimeZoneOffsetNew)
	c.Uint40("tai_of_zone_change", &m.TAIOfZoneChange)
}

// DeltaGet requests the difference between TAI and UTC.
type DeltaGet struct{ access.Empty }

// Opcode is 0x823E.
func (DeltaGet) Opcode() mesh.Opcode { return OpDeltaGet }

// DeltaSet sets the next difference between TAI and UTC and when it begins
// (acknowledged).
//
//	| TAI-UTC Delta New 15 | RFU 1 | TAI of Delta Change 40 |
type DeltaSet struct {
	TAIUTCDeltaNew   int16 // seconds
	TAIOfDeltaChange uint64
}

// Opcode is 0x823F.
func (DeltaSet) Opcode() mesh.Opcode { return OpDeltaSet }

// Fields visits the parameters.
func (m *DeltaSet) Fields(c *access.Codec) {
	delta(c, "tai_utc_delta_new", &m.TAIUTCDeltaNew)
	c.Reserved(1)
	c.Uint40("tai_of_delta_change", &m.TAIOfDeltaChange)
}

// DeltaStatus reports the current and the next difference between TAI and UTC.
//
//	| TAI-UTC Delta Current 15 | RFU 1 | TAI-UTC Delta New 15 | RFU 1 |
//	| TAI of Delta Change 40 |
type DeltaStatus struct {
	TAIUTCDeltaCurrent int16 // seconds
	TAIUTCDeltaNew     int16 // seconds
	TAIOfDeltaChange   uint64
}

// Opcode is 0x8240.
func (DeltaStatus) Opcode() mesh.Opcode { return OpDeltaStatus }

// Fields visits the parameters.
func (m *DeltaStatus) Fields(c *access.Codec) {
	delta(c, "tai_utc_delta_current", &m.TAIUTCDeltaCurrent)
	c.Reserved(1)
	delta(c, "tai_utc_delta_new", &m.TAIUTCDeltaNew)
	c.Reserved(1)
	c.Uint40("tai_of_delta_change", &m.TAIOfDeltaChange)
}
