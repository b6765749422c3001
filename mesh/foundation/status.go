package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Status is the result of a configuration request (section 4.3.9, the table of
// status codes).
type Status uint8

// The status codes.
const (
	Success                        Status = 0x00
	InvalidAddress                 Status = 0x01
	InvalidModel                   Status = 0x02
	InvalidAppKeyIndex             Status = 0x03
	InvalidNetKeyIndex             Status = 0x04
	InsufficientResources          Status = 0x05
	KeyIndexAlreadyStored          Status = 0x06
	InvalidPublishParameters       Status = 0x07
	NotASubscribeModel             Status = 0x08
	StorageFailure                 Status = 0x09
	FeatureNotSupported            Status = 0x0A
	CannotUpdate                   Status = 0x0B
	CannotRemove                   Status = 0x0C
	CannotBind                     Status = 0x0D
	TemporarilyUnableToChangeState Status = 0x0E
	CannotSet                      Status = 0x0F
	UnspecifiedError               Status = 0x10
	InvalidBinding                 Status = 0x11
	InvalidPathEntry               Status = 0x12
	CannotGet                      Status = 0x13
	ObsoleteInformation            Status = 0x14
	InvalidBearer                  Status = 0x15
)

var statusWords = []string{
	Success:                        "success",
	InvalidAddress:                 "invalid address",
	InvalidModel:                   "invalid model",
	InvalidAppKeyIndex:             "invalid AppKey index",
	InvalidNetKeyIndex:             "invalid NetKey index",
	InsufficientResources:          "insufficient resources",
	KeyIndexAlreadyStored:          "key index already stored",
	InvalidPublishParameters:       "invalid publish parameters",
	NotASubscribeModel:             "not a subscribe model",
	StorageFailure:                 "storage failure",
	FeatureNotSupported:            "feature not supported",
	CannotUpdate:                   "cannot update",
	CannotRemove:                   "cannot remove",
	CannotBind:                     "cannot bind",
	TemporarilyUnableToChangeState: "temporarily unable to change state",
	CannotSet:                      "cannot set",
	UnspecifiedError:               "unspecified error",
	InvalidBinding:                 "invalid binding",
	InvalidPathEntry:               "invalid path entry",
	CannotGet:                      "cannot get",
	ObsoleteInformation:            "obsolete information",
	InvalidBearer:                  "invalid bearer",
}

// String returns the name of the status.
func (s Status) String() string { return access.InWords(uint8(s), statusWords) }

// Err returns nil for Success, else an error with the name of the status.
func (s Status) Err() error {
	if s == Success {
		return nil
	}
	return StatusError{Status: s}
}

// StatusError is a Status other than Success as an error.
type StatusError struct{ Status Status }

// Error returns the text with the name of the status.
func (e StatusError) Error() string {
	return "foundation: the node answered: " + e.Status.String()
}

// Fields visits the status code.
func (s *Status) Fields(c *access.Codec) { c.Enum("status", (*uint8)(s), statusWords) }
