package provision

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Types of provisioning PDU, their first octet (section 5.4.1).
const (
	typeInvite        = 0x00
	typeCapabilities  = 0x01
	typeStart         = 0x02
	typePublicKey     = 0x03
	typeInputComplete = 0x04
	typeConfirmation  = 0x05
	typeRandom        = 0x06
	typeData          = 0x07
	typeComplete      = 0x08
	typeFailed        = 0x09
	typeRecordRequest = 0x0A
	typeRecord        = 0x0B
	typeRecordsGet    = 0x0C
	typeRecordsList   = 0x0D
)

// Errors of Decode. The device answers the first with InvalidPDU and the second
// with InvalidFormat.
var (
	ErrType   = errors.New("provision: PDU: expected a type from 0x00 to 0x0d")
	ErrFormat = errors.New("provision: PDU: expected the length and the values of its type")
)

// PDU is a provisioning PDU: one of the types below.
type PDU interface {
	// append appends type and parameters.
	append(dst []byte) []byte
}

// Append appends the octets of p to dst: its type, then its parameters. All
// numbers are big-endian.
func Append(dst []byte, p PDU) []byte { return p.append(dst) }

// Invite asks a device for its capabilities (section 5.4.1.1).
type Invite struct {
	Attention uint8 // seconds to attract attention for, 0 for none
}

// Capabilities are the capabilities of a device (section 5.4.1.2):
//
//	+----------+------------+------------+----------+--------+---------+--------+---------+
//	| Elements | Algorithms | Public key | OOB      | Output | Output  | Input  | Input   |
//	|          |            | types      | types    | size   | actions | size   | actions |
//	+----------+------------+------------+----------+--------+---------+--------+---------+
//	     1           2            1          1          1         2        1         2
type Capabilities struct {
	Elements       uint8 // at least 1
	Algorithms     Algorithms
	PublicKeyTypes PublicKeyTypes
	OOBTypes       OOBTypes
	OutputSize     uint8 // 0 to 8 digits or characters
	OutputActions  Actions
	InputSize      uint8 // 0 to 8 digits or characters
	InputActions   Actions
}

// PublicKeyTypes is a bit set of the ways to get the device's public key.
type PublicKeyTypes uint8

// PublicKeyOOB is the only bit of PublicKeyTypes: out of band.
const PublicKeyOOB PublicKeyTypes = 1 << 0

// OOBTypes is a bit set of the out-of-band data of the device.
type OOBTypes uint8

// The bits of OOBTypes.
const (
	StaticOOBAvailable OOBTypes = 1 << 0
	OOBRequired        OOBTypes = 1 << 1 // the device cannot be provisioned without OOB
)

// maxOOBSize is the largest output or input size.
const maxOOBSize = 8

// Start is the provisioner's choice (section 5.4.1.3), one octet per field.
type Start struct {
	Algorithm    Algorithm
	OOBPublicKey bool // the device's public key is known out of band
	Method       AuthMethod
	Action       Action // of output or input OOB
	Size         uint8  // of output or input OOB, 1 to 8; otherwise 0
}

// PublicKey carries a public key, X then Y (section 5.4.1.4).
type PublicKey struct{ Key crypto.PublicKey }

// InputComplete says that the user has entered the value (section 5.4.1.5).
type InputComplete struct{}

// Confirmation commits to a random number (section 5.4.1.6). Value has 16 or 32
// octets, depending on the algorithm.
type Confirmation struct{ Value []byte }

// Random reveals the random number of the confirmation (section 5.4.1.7). Value
// has 16 or 32 octets, depending on the algorithm.
type Random struct{ Value []byte }

// Data is the encrypted provisioning data and its MIC (section 5.4.1.8).
type Data struct{ Sealed [sealedSize]byte }

// Complete says that the device is now a node (section 5.4.1.9).
type Complete struct{}

// FailedPDU says why the device ended the session (section 5.4.1.10).
type FailedPDU struct{ Code ErrorCode }

func (p Invite) append(dst []byte) []byte { return append(dst, typeInvite, p.Attention) }

func (p Capabilities) append(dst []byte) []byte {
	dst = append(dst, typeCapabilities, p.Elements)
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.Algorithms))
	dst = append(dst, byte(p.PublicKeyTypes), byte(p.OOBTypes), p.OutputSize)
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.OutputActions))
	dst = append(dst, p.InputSize)
	return binary.BigEndian.AppendUint16(dst, uint16(p.InputActions))
}

func (p Start) append(dst []byte) []byte {
	var oobKey byte
	if p.OOBPublicKey {
		oobKey = 1
	}
	return append(dst, typeStart, byte(p.Algorithm), oobKey, byte(p.Method), byte(p.Action), p.Size)
}

func (p PublicKey) append(dst []byte) []byte { return append(append(dst, typePublicKey), p.Key[:]...) }

func (InputComplete) append(dst []byte) []byte {
	return append(dst, typeInputComplete)
}

func (p Confirmation) append(dst []byte) []byte {
	return append(append(dst, typeConfirmation), p.Value...)
}
func (p Random) append(dst []byte) []byte    { return append(append(dst, typeRandom), p.Value...) }
func (p Data) append(dst []byte) []byte      { return append(append(dst, typeData), p.Sealed[:]...) }
func (Complete) append(dst []byte) []byte    { return append(dst, typeComplete) }
func (p FailedPDU) append(dst []byte) []byte { return append(dst, typeFailed, byte(p.Code)) }

// Decode decodes a provisioning PDU. The Value of a Confirmation or Random is a
// slice of octets. The error wraps ErrType or ErrFormat.
func Decode(octets []byte) (PDU, error) {
	if len(octets) == 0 {
		return nil, fmt.Errorf("%w, got nothing", ErrFormat)
	}
	kind, parameters := octets[0], octets[1:]
	wanted, known := parameterSize(kind, len(parameters))
	if !known {
		return nil, fmt.Errorf("%w, got 0x%02x", ErrType, kind)
	}
	if len(parameters) != wanted && !isLonger(kind, parameters) {
		return nil, fmt.Errorf("%w: expected %d octets of parameters of type 0x%02x, got %d", ErrFormat, wanted, kind, len(parameters))
	}
	switch kind {
	case typeInvite:
		return Invite{Attention: parameters[0]}, nil
	case typeCapabilities:
		return decodeCapabilities(parameters)
	case typeStart:
		return decodeStart(parameters)
	case typePublicKey:
		return PublicKey{Key: crypto.PublicKey(parameters)}, nil
	case typeInputComplete:
		return InputComplete{}, nil
	case typeConfirmation:
		return Confirmation{Value: parameters}, nil
	case typeRandom:
		return Random{Value: parameters}, nil
	case typeData:
		return Data{Sealed: [sealedSize]byte(parameters)}, nil
	case typeComplete:
		return Complete{}, nil
	case typeFailed:
		return FailedPDU{Code: ErrorCode(parameters[0])}, nil
	default:
		return decodeRecords(kind, parameters), nil
	}
}

// parameterSize is the number of octets of parameters of a type; got decides
// where the algorithm allows several.
func parameterSize(kind byte, got int) (size int, known bool) {
	switch kind {
	case typeInvite, typeFailed:
		return 1, true
	case typeCapabilities:
		return 11, true
	case typeStart:
		return 5, true
	case typePublicKey:
		return len(crypto.PublicKey{}), true
	case typeInputComplete, typeComplete:
		return 0, true
	case typeConfirmation, typeRandom:
		if got == HMAC.size() {
			return HMAC.size(), true
		}
		return CMAC.size(), true
	case typeData:
		return sealedSize, true
	case typeRecordRequest:
		return requestSize, true
	case typeRecord:
		return recordHeader, true
	case typeRecordsGet:
		return 0, true
	case typeRecordsList:
		return listHeader, true
	default:
		return 0, false
	}
}

// decodeCapabilities decodes the 11 octets of Capabilities.
func decodeCapabilities(b []byte) (PDU, error) {
	c := Capabilities{
		Elements:       b[0],
		Algorithms:     Algorithms(binary.BigEndian.Uint16(b[1:])),
		PublicKeyTypes: PublicKeyTypes(b[3]),
		OOBTypes:       OOBTypes(b[4]),
		OutputSize:     b[5],
		OutputActions:  Actions(binary.BigEndian.Uint16(b[6:])),
		InputSize:      b[8],
		InputActions:   Actions(binary.BigEndian.Uint16(b[9:])),
	}
	switch {
	case c.Elements == 0:
		return nil, fmt.Errorf("%w: capabilities with at least one element, got none", ErrFormat)
	case c.OutputSize > maxOOBSize || c.InputSize > maxOOBSize:
		return nil, fmt.Errorf("%w: capabilities with an output and an input size of at most 8, got %d and %d", ErrFormat, c.OutputSize, c.InputSize)
	}
	return c, nil
}

// decodeStart decodes the 5 octets of Start and rejects what the specification
// prohibits or reserves. Whether the device supports the choice is checked by
// the device.
func decodeStart(b []byte) (PDU, error) {
	s := Start{
		Algorithm:    Algorithm(b[0]),
		OOBPublicKey: b[1] == 1,
		Method:       AuthMethod(b[2]),
		Action:       Action(b[3]),
		Size:         b[4],
	}
	if !AllAlgorithms.Has(s.Algorithm) || b[1] > 1 {
		return nil, fmt.Errorf("%w: start with %v, public key type 0x%02x", ErrFormat, s.Algorithm, b[1])
	}
	var ok bool
	switch s.Method {
	case NoOOB, StaticOOB:
		ok = s.Action == 0 && s.Size == 0
	case OutputOOB:
		ok = s.Action <= OutputAlphanumeric && s.Size >= 1 && s.Size <= maxOOBSize
	case InputOOB:
		ok = s.Action <= InputAlphanumeric && s.Size >= 1 && s.Size <= maxOOBSize
	}
	if !ok {
		return nil, fmt.Errorf("%w: start with %v, action 0x%02x, size 0x%02x", ErrFormat, s.Method, uint8(s.Action), s.Size)
	}
	return s, nil
}
