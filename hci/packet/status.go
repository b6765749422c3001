package packet

import (
	"errors"
	"fmt"
)

// Status is a controller's error code (Core, volume 1 part F). Unless it is
// StatusSuccess it is an error, so that callers can use errors.Is and
// errors.As.
type Status uint8

// The status codes that callers branch on or that tests send.
const (
	StatusSuccess              Status = 0x00
	StatusUnknownCommand       Status = 0x01
	StatusUnknownConnection    Status = 0x02
	StatusHardwareFailure      Status = 0x03
	StatusMemoryExceeded       Status = 0x07
	StatusConnectionTimeout    Status = 0x08
	StatusConnectionLimit      Status = 0x09
	StatusConnectionExists     Status = 0x0b
	StatusCommandDisallowed    Status = 0x0c
	StatusUnsupportedFeature   Status = 0x11
	StatusInvalidParameters    Status = 0x12
	StatusRemoteUser           Status = 0x13
	StatusRemoteResources      Status = 0x14
	StatusRemotePowerOff       Status = 0x15
	StatusLocalHost            Status = 0x16
	StatusUnspecified          Status = 0x1f
	StatusControllerBusy       Status = 0x3a
	StatusAdvertisingTimeout   Status = 0x3c
	StatusNotEstablished       Status = 0x3e
	StatusUnknownAdvertisingID Status = 0x42
	StatusLimitReached         Status = 0x43
	StatusPacketTooLong        Status = 0x45
)

// Err returns nil for success and the status otherwise.
func (s Status) Err() error {
	if s == StatusSuccess {
		return nil
	}
	return s
}

// Refused returns the status in the error of a command that the controller
// refused; false for other errors and for nil.
func Refused(err error) (Status, bool) {
	var s Status
	ok := errors.As(err, &s)
	return s, ok
}

// Error returns the description and the number.
func (s Status) Error() string { return s.String() }

// String returns the description from the specification and the number.
func (s Status) String() string {
	if words := s.words(); words != "" {
		return fmt.Sprintf("%s (0x%02x)", words, uint8(s))
	}
	return fmt.Sprintf("unknown status 0x%02x", uint8(s))
}

func (s Status) words() string {
	switch s {
	case 0x00:
		return "success"
	case 0x01:
		return "unknown HCI command"
	case 0x02:
		return "unknown connection identifier"
	case 0x03:
		return "hardware failure"
	case 0x05:
		return "authentication failure"
	case 0x06:
		return "PIN or key missing"
	case 0x07:
		return "memory capacity exceeded"
	case 0x08:
		return "connection timeout"
	case 0x09:
		return "connection limit exceeded"
	case 0x0b:
		return "connection already exists"
	case 0x0c:
		return "command disallowed"
	case 0x0d:
		return "rejected for limited resources"
	case 0x0e:
		return "rejected for security reasons"
	case 0x0f:
		return "rejected for unacceptable BD_ADDR"
	case 0x10:
		return "connection accept timeout exceeded"
	case 0x11:
		return "unsupported feature or parameter value"
	case 0x12:
		return "invalid HCI command parameters"
	case 0x13:
		return "remote user terminated connection"
	case 0x14:
		return "remote device terminated connection: low resources"
	case 0x15:
		return "remote device terminated connection: power off"
	case 0x16:
		return "connection terminated by local host"
	case 0x17:
		return "repeated attempts"
	case 0x18:
		return "pairing not allowed"
	case 0x1a:
		return "unsupported remote feature"
	case 0x1f:
		return "unspecified error"
	case 0x20:
		return "unsupported LL parameter value"
	case 0x22:
		return "LL response timeout"
	case 0x28:
		return "instant passed"
	case 0x2a:
		return "different transaction collision"
	case 0x30:
		return "parameter out of mandatory range"
	case 0x38:
		return "host busy: pairing"
	case 0x3a:
		return "controller busy"
	case 0x3b:
		return "unacceptable connection parameters"
	case 0x3c:
		return "advertising timeout"
	case 0x3d:
		return "connection terminated: MIC failure"
	case 0x3e:
		return "connection failed to be established"
	case 0x40:
		return "coarse clock adjustment rejected"
	case 0x42:
		return "unknown advertising identifier"
	case 0x43:
		return "limit reached"
	case 0x44:
		return "operation cancelled by host"
	case 0x45:
		return "packet too long"
	default:
		return ""
	}
}
