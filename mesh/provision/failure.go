package provision

import (
	"fmt"
	"strings"
)

// FailureCode says why a session failed, in a word that does not change
// between versions.
type FailureCode string

// Every way in which a session can fail.
const (
	FailLinkTimeout        FailureCode = "link_timeout"          // no Link Ack in 60 s
	FailTransactionTimeout FailureCode = "transaction_timeout"   // a PDU was not acknowledged in 30 s
	FailProtocolTimeout    FailureCode = "protocol_timeout"      // no provisioning PDU in 60 s
	FailUndecided          FailureCode = "undecided"             // neither Accept nor Abort in 60 s
	FailOOBTimeout         FailureCode = "oob_timeout"           // nobody entered the value in 55 s
	FailLinkClosed         FailureCode = "link_closed"           // the peer closed the link
	FailSegments           FailureCode = "segments"              // the peer's segments keep contradicting each other
	FailPeer               FailureCode = "peer_failed"           // the device sent Provisioning Failed; see Failure.Error
	FailInvalidPDU         FailureCode = "invalid_pdu"           // a PDU of a type that is not known
	FailInvalidFormat      FailureCode = "invalid_format"        // a PDU of wrong length or with prohibited values
	FailUnexpectedPDU      FailureCode = "unexpected_pdu"        // a PDU out of order
	FailCapabilities       FailureCode = "capabilities"          // the device offers nothing that we can do
	FailAuthMethod         FailureCode = "auth_method"           // the device has not what we want to authenticate it with
	FailPublicKey          FailureCode = "public_key"            // not a point of P-256
	FailReflected          FailureCode = "reflected"             // the peer sent back our public key, confirmation or random
	FailConfirmation       FailureCode = "confirmation"          // the peer does not know the authentication value
	FailDecryption         FailureCode = "decryption"            // the provisioning data is not authentic
	FailData               FailureCode = "data"                  // the provisioning data is out of range
	FailAddress            FailureCode = "cannot_assign_address" // the addresses do not fit
	FailRandomness         FailureCode = "randomness"            // our source of randomness failed
	FailRecords            FailureCode = "records"               // the provisioning records of the device are missing or broken
	FailCertificate        FailureCode = "certificate"           // the certificate of the device is missing, or nothing to trust
	FailAborted            FailureCode = "aborted"               // Abort was called
)

// Failure is how a session failed. It is an error.
type Failure struct {
	Code   FailureCode
	Reason string    // in words: what was expected, what came, what to do
	Sent   ErrorCode // what the device told the provisioner, 0 for nothing
	Peer   ErrorCode // what the device told us, 0 for nothing
}

// Error says the reason.
func (f *Failure) Error() string { return "provision: " + f.Reason }

func failure(code FailureCode, format string, args ...any) *Failure {
	// What is passed on from another function of the package names it already.
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

// String names the code in the words of the specification.
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
