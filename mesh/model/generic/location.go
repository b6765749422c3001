package generic

import (
	"math"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Generic Location messages (section 3.2.7).
const (
	OpLocationGlobalGet               mesh.Opcode = 0x8225
	OpLocationGlobalSet               mesh.Opcode = 0x41
	OpLocationGlobalSetUnacknowledged mesh.Opcode = 0x42
	OpLocationGlobalStatus            mesh.Opcode = 0x40
	OpLocationLocalGet                mesh.Opcode = 0x8226
	OpLocationLocalSet                mesh.Opcode = 0x8228
	OpLocationLocalSetUnacknowledged  mesh.Opcode = 0x8229
	OpLocationLocalStatus             mesh.Opcode = 0x8227
)

// Values that mean "not configured" (section 3.1.7).
const (
	UnknownCoordinate int32 = math.MinInt32
	UnknownAltitude   int16 = math.MaxInt16
)

// Degrees converts a coordinate to degrees; full is 90 for a latitude, 180 for
// a longitude. It returns false for UnknownCoordinate.
func Degrees(coordinate int32, full float64) (float64, bool) {
	return float64(coordinate) / math.MaxInt32 * full, coordinate != UnknownCoordinate
}

func degrees(c *access.Codec, name string, v *int32, full float64) {
	if c.Octets() {
		c.Int32(name, v)
		return
	}
	value, known := Degrees(*v, full)
	c.Decimal(name, &value, &known)
	switch {
	case !c.Reading() || c.Err() != nil:
	case !known:
		*v = UnknownCoordinate
	case math.Abs(value) > full:
		c.Require(false, name, "degrees within the range of the coordinate")
	default:
		*v = int32(math.Round(value / full * math.MaxInt32))
	}
}

func altitude(c *access.Codec, name string, v *int16) {
	if c.Octets() {
		c.Int16(name, v)
		return
	}
	value, known := float64(*v), *v != UnknownAltitude
	c.Decimal(name, &value, &known)
	switch {
	case !c.Reading() || c.Err() != nil:
	case !known:
		*v = UnknownAltitude
	case value != math.Trunc(value) || value < math.MinInt16 || value > math.MaxInt16:
		c.Require(false, name, "a whole number of 16 bits")
	default:
		*v = int16(value)
	}
}

// LocationGlobalGet requests the global part of the Generic Location state.
type LocationGlobalGet struct{ access.Empty }

// Opcode is 0x8225.
func (LocationGlobalGet) Opcode() mesh.Opcode { return OpLocationGlobalGet }

// LocationGlobalSet sets the global location (acknowledged).
//
//	| Global Latitude 32 | Global Longitude 32 | Global Altitude 16 |
type LocationGlobalSet struct {
	GlobalLatitude  int32 // 90 degrees / (2^31 - 1), or UnknownCoordinate
	GlobalLongitude int32 // 180 degrees / (2^31 - 1), or UnknownCoordinate
	GlobalAltitude  int16 // metres, or UnknownAltitude
}

// Opcode is 0x41.
func (LocationGlobalSet) Opcode() mesh.Opcode { return OpLocationGlobalSet }

// Fields visits the parameters.
func (m *LocationGlobalSet) Fields(c *access.Codec) {
	degrees(c, "global_latitude", &m.GlobalLatitude, 90)
	degrees(c, "global_longitude", &m.GlobalLongitude, 180)
	altitude(c, "global_altitude", &m.GlobalAltitude)
}

// LocationGlobalSetUnacknowledged is the unacknowledged form of
// LocationGlobalSet.
type LocationGlobalSetUnacknowledged struct{ LocationGlobalSet }

// Opcode is 0x42.
func (LocationGlobalSetUnacknowledged) Opcode() mesh.Opcode { return OpLocationGlobalSetUnacknowledged }

// LocationGlobalStatus reports the global location; in JSON in degrees and
// metres.
//
//	| Global Latitude 32 | Global Longitude 32 | Global Altitude 16 |
type LocationGlobalStatus struct {
	GlobalLatitude  int32 // 90 degrees / (2^31 - 1), or UnknownCoordinate
	GlobalLongitude int32 // 180 degrees / (2^31 - 1), or UnknownCoordinate
	GlobalAltitude  int16 // metres, or UnknownAltitude
}

// Opcode is 0x40.
func (LocationGlobalStatus) Opcode() mesh.Opcode { return OpLocationGlobalStatus }

// Fields visits the parameters.
func (m *LocationGlobalStatus) Fields(c *access.Codec) {
	degrees(c, "global_latitude", &m.GlobalLatitude, 90)
	degrees(c, "global_longitude", &m.GlobalLongitude, 180)
	altitude(c, "global_altitude", &m.GlobalAltitude)
}

// LocationLocalGet requests the local part of the Generic Location state.
type LocationLocalGet struct{ access.Empty }

// Opcode is 0x8226.
func (LocationLocalGet) Opcode() mesh.Opcode { return OpLocationLocalGet }

// LocationLocalSet sets the local location in decimetres (acknowledged).
//
//	| Local North 16 | Local East 16 | Local Altitude 16 | Floor Number 8 | Uncertainty 16 |
type LocationLocalSet struct {
	LocalNorth    int16
	LocalEast     int16
	LocalAltitude int16
	FloorNumber   uint8
	Uncertainty   uint16
}

// Opcode is 0x8228.
func (LocationLocalSet) Opcode() mesh.Opcode { return OpLocationLocalSet }

// Fields visits the parameters.
func (m *LocationLocalSet) Fields(c *access.Codec) {
	c.Int16("local_north", &m.LocalNorth)
	c.Int16("local_east", &m.LocalEast)
	altitude(c, "local_altitude", &m.LocalAltitude)
	c.Uint8("floor_number", &m.FloorNumber)
	c.Uint16("uncertainty", &m.Uncertainty)
}

// LocationLocalSetUnacknowledged is the unacknowledged form of
// LocationLocalSet.
type LocationLocalSetUnacknowledged struct{ LocationLocalSet }

// Opcode is 0x8229.
func (LocationLocalSetUnacknowledged) Opcode() mesh.Opcode { return OpLocationLocalSetUnacknowledged }

// LocationLocalStatus reports the local location in decimetres.
//
//	| Local North 16 | Local East 16 | Local Altitude 16 | Floor Number 8 | Uncertainty 16 |
type LocationLocalStatus struct {
	LocalNorth    int16
	LocalEast     int16
	LocalAltitude int16
	FloorNumber   uint8
	Uncertainty   uint16
}

// Opcode is 0x8227.
func (LocationLocalStatus) Opcode() mesh.Opcode { return OpLocationLocalStatus }

// Fields visits the parameters.
func (m *LocationLocalStatus) Fields(c *access.Codec) {
	c.Int16("local_north", &m.LocalNorth)
	c.Int16("local_east", &m.LocalEast)
	altitude(c, "local_altitude", &m.LocalAltitude)
	c.Uint8("floor_number", &m.FloorNumber)
	c.Uint16("uncertainty", &m.Uncertainty)
}
