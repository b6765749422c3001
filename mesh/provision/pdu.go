package provision

// Capabilities is what a device can do (section 5.4.1.2):
//
//	+----------+------------+------------+----------+---------+---------+---------+---------+
//	| Elements | Algorithms | PublicKey  | OOBTypes | Output  | Output  | Input   | Input   |
//	| 1        | 2, BE      | Types 1    | 1        | Size 1  | Act. 2  | Size 1  | Act. 2  |
//	+----------+------------+------------+----------+---------+---------+---------+---------+
type Capabilities struct {
	Elements       uint8 // 1 or more
	Algorithms     Algorithms
	PublicKeyTypes uint8    // bit 0: the public key is available out of band
	OOBTypes       OOBTypes // static OOB
	OutputSize     uint8    // 0 to 8 digits or characters
	OutputActions  uint16   // bit set
	InputSize      uint8    // 0 to 8 digits or characters
	InputActions   uint16   // bit set
}

// OOBTypes is a bit set of what the device has out of band.
type OOBTypes uint8

// The bits of OOBTypes.
const (
	StaticOOBAvailable OOBTypes = 1 << 0
	OOBRequired        OOBTypes = 1 << 1 // the device refuses to be provisioned without OOB
)
