package provision

import (
	"fmt"
	"io"
)

// Algorithm is a provisioning algorithm in a Start PDU (section 5.4.1.3).
type Algorithm uint8

// The algorithms. Both use P-256 and AES-CCM. They differ in the confirmation:
// AES-CMAC with values of 16 octets, or HMAC-SHA-256 with values of 32.
const (
	CMAC Algorithm = 0x00 // BTM_ECDH_P256_CMAC_AES128_AES_CCM
	HMAC Algorithm = 0x01 // BTM_ECDH_P256_HMAC_SHA256_AES_CCM
)

// String returns the name in the specification.
func (a Algorithm) String() string {
	switch a {
	case CMAC:
		return "BTM_ECDH_P256_CMAC_AES128_AES_CCM"
	case HMAC:
		return "BTM_ECDH_P256_HMAC_SHA256_AES_CCM"
	default:
		return fmt.Sprintf("algorithm 0x%02x", uint8(a))
	}
}

// size is the number of octets of a confirmation, a random number and an
// authentication value.
func (a Algorithm) size() int {
	if a == HMAC {
		return 32
	}
	return 16
}

// Algorithms is a set of algorithms, one bit each, as in Capabilities.
type Algorithms uint16

// AllAlgorithms are the algorithms that this package implements.
const AllAlgorithms = Algorithms(1<<CMAC | 1<<HMAC)

// Has reports whether a is in the set.
func (s Algorithms) Has(a Algorithm) bool { return a < 16 && s&(1<<a) != 0 }

// Best returns the strongest algorithm in the set that this package implements:
// HMAC before CMAC, whose confirmation is malleable (CVE-2020-26556). It
// returns false if there is none.
func (s Algorithms) Best() (Algorithm, bool) {
	switch {
	case s.Has(HMAC):
		return HMAC, true
	case s.Has(CMAC):
		return CMAC, true
	default:
		return 0, false
	}
}

// AuthMethod is how the two sides obtain the same authentication value (section
// 5.4.1.3).
type AuthMethod uint8

// The authentication methods.
const (
	NoOOB     AuthMethod = 0x00
	StaticOOB AuthMethod = 0x01
	OutputOOB AuthMethod = 0x02 // the device displays a value
	InputOOB  AuthMethod = 0x03 // a value is entered on the device
)

// String returns the method's name in the configuration and in events.
func (m AuthMethod) String() string {
	switch m {
	case NoOOB:
		return "no_oob"
	case StaticOOB:
		return "static_oob"
	case OutputOOB:
		return "output_oob"
	case InputOOB:
		return "input_oob"
	default:
		return fmt.Sprintf("method 0x%02x", uint8(m))
	}
}

// AuthValue is a secret shared by both sides, 1 to 32 octets. It is never
// printed.
type AuthValue []byte

// Format writes a redaction for every verb.
func (v AuthValue) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[value]") }

// MarshalText returns a redaction.
func (v AuthValue) MarshalText() ([]byte, error) { return []byte("[value]"), nil }
