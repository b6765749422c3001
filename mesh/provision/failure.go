package provision

import (
	"fmt"
	"strings"
)

// FailureCode says why a session failed. The codes do not change between
// versions.
type FailureCode string

// All ways in which a session can fail.
const (
	FailLinkTimeout        FailureCode = "link_timeout"          // no Link Ack in 60 s
	FailTransactionTimeout FailureCode = "transaction_timeout"   // a PDU was not acknowledged in 30 s
	FailProtocolTimeout    FailureCode = "protocol_timeout"      // no provisioning PDU in 60 s
	FailUndecided          FailureCode = "undecided"             // neither Accept nor Abort in 60 s
	FailOOBTimeout         FailureCode = "oob_timeout"           // nobody entered the value within 55 s
	FailLinkClosed         FailureCode = "link_closed"           // the peer closed the link
	FailSegments           FailureCode = "segments"              // the peer's segments contradict each other repeatedly
	FailPeer               FailureCode = "peer_failed"           // the device sent Provisioning Failed; see Failure.Error
	FailInvalidPDU         FailureCode = "invalid_pdu"           // a PDU of an unknown type
	FailInvalidFormat      FailureCode = "invalid_format"        // a PDU of wrong length or with prohibited values
	FailUnexpectedPDU      FailureCode = "unexpected_pdu"        // a PDU out of order
	FailCapabilities       FailureCode = "capabilities"          // the device offers nothing that is supported
	FailAuthMethod         FailureCode = "auth_method"           // the device does not support the requested authentication
	FailPublicKey          FailureCode = "public_key"            // not a point of P-256
	FailReflected          FailureCode = "reflected"             // the peer sent back this side's public key, confirmation or random
	FailConfirmation       FailureCode = "confirmation"          // the peer does not know the authentication value
	FailDecryption         FailureCode = "decryption"            // the provisioning data is not authentic
	FailData               FailureCode = "data"                  // the provisioning data is out of range
	FailAddress            FailureCode = "cannot_assign_address" // the addresses are not available
	FailRandomness         FailureCode = "randomness"            // the source of randomness failed
	FailRecords            FailureCode = "records"               // the device's provisioning records are missing or invalid
	FailCertificate        FailureCode = "certificate"           // the device's certificate is missing or not trusted
	FailAborted            FailureCode = "aborted"               // Abort was called
)

// Failure says how a session failed. It is an error.
type Failure struct {
	Code   FailureCode
	Reason string    // in words: what was expected, what arrived, what to do
	Sent   ErrorCode // sent by the device to the provisioner, 0 for none
	Peer   ErrorCode // received from the device, 0 for none
}

// Error returns the reason.
func (f *Failure) Error() string { return "provision: " + f.Reason }

func failure(code FailureCode, format string, args ...any) *Failure {
	// Errors of other functions of the package already begin with its name.
	return &Failure{Code: code, Reason: strings.TrimPrefix(fmt.Sprintf(format, args...), "provision: ")}
}

// ErrorCode is the parameter of Provisioning Failed (section 5.4.1.10, table
// of error codes).
type ErrorCode uint8

// The error codes of Provisioning Failed.
const (
	InvalidPDU         ErrorCode = 0x01
	InvalidFormat      ErrorCode = 0x02
	UnexpectedPDU      ErrorCode = 0x03
	ConfirmationFailed ErrorCode = 0x04
	OutOfResources     ErrorCode = 0x05
	DecryptionFailed   ErrorCode = 0x06
	UnexpectedError    ErrorCode = 0x07
	CannotAssign       ErrorCode = 0x08 // cannot assign addresses
	InvalidData        ErrorCode = 0x09
)

// String returns the name of the code in the specification.
func (c ErrorCode) String() string {
	switch c {
	case InvalidPDU:
		return "invalid PDU"
	case InvalidFormat:
		return "invalid format"
	case UnexpectedPDU:
		return "unexpected PDU"
	case ConfirmationFailed:
		return "confirmation failed"
	case OutOfResources:
		return "out of resources"
	case DecryptionFailed:
		return "decryption failed"
	case UnexpectedError:
		return "unexpected error"
	case CannotAssign:
		return "cannot assign addresses"
	case InvalidData:
		return "invalid data"
	default:
		return fmt.Sprintf("error code 0x%02x", uint8(c))
	}
}
