package packet

import (
	"encoding/binary"
	"fmt"
)

// EventCode is the code of an event (section 7.7).
type EventCode uint8

// The events that this project understands.
const (
	EventDisconnectionComplete EventCode = 0x05
	EventCommandComplete       EventCode = 0x0e
	EventCommandStatus         EventCode = 0x0f
	EventHardwareError         EventCode = 0x10
	EventCompletedPackets      EventCode = 0x13
	EventDataBufferOverflow    EventCode = 0x1a
	EventLEMeta                EventCode = 0x3e
	EventVendor                EventCode = 0xff
)

// String names the event.
func (c EventCode) String() string {
	switch c {
	case EventDisconnectionComplete:
		return "Disconnection Complete"
	case EventCommandComplete:
		return "Command Complete"
	case EventCommandStatus:
		return "Command Status"
	case EventHardwareError:
		return "Hardware Error"
	case EventCompletedPackets:
		return "Number Of Completed Packets"
	case EventDataBufferOverflow:
		return "Data Buffer Overflow"
	case EventLEMeta:
		return "LE Meta"
	case EventVendor:
		return "vendor event"
	default:
		return fmt.Sprintf("event 0x%02x", uint8(c))
	}
}

// Subevent is the subevent code of an LE Meta event (section 7.7.65).
type Subevent uint8

// The LE Meta events that this project understands.
const (
	SubeventConnectionComplete         Subevent = 0x01
	SubeventAdvertisingReport          Subevent = 0x02
	SubeventConnectionUpdateComplete   Subevent = 0x03
	SubeventDataLengthChange           Subevent = 0x07
	SubeventEnhancedConnectionComplete Subevent = 0x0a
	SubeventExtendedAdvertisingReport  Subevent = 0x0d
	SubeventAdvertisingSetTerminated   Subevent = 0x12
)

// String names the subevent.
func (s Subevent) String() string {
	switch s {
	case SubeventConnectionComplete:
		return "LE Connection Complete"
	case SubeventAdvertisingReport:
		return "LE Advertising Report"
	case SubeventConnectionUpdateComplete:
		return "LE Connection Update Complete"
	case SubeventDataLengthChange:
		return "LE Data Length Change"
	case SubeventEnhancedConnectionComplete:
		return "LE Enhanced Connection Complete"
	case SubeventExtendedAdvertisingReport:
		return "LE Extended Advertising Report"
	case SubeventAdvertisingSetTerminated:
		return "LE Advertising Set Terminated"
	default:
		return fmt.Sprintf("LE subevent 0x%02x", uint8(s))
	}
}

// Event is a view of one event packet.
type Event struct {
	Code   EventCode
	Params []byte // slice of the packet
}

// ParseEvent decodes the header of one H4 event packet.
func ParseEvent(p []byte) (Event, error) {
	params, err := body(p, TypeEvent)
	if err != nil {
		return Event{}, err
	}
	return Event{Code: EventCode(p[1]), Params: params}, nil
}

// expect checks the code and the minimum number of parameter octets.
func (e Event) expect(code EventCode, atLeast int) error {
	if e.Code != code {
		return fmt.Errorf("packet: expected %s, got %s: %w", code, e.Code, ErrMalformed)
	}
	if len(e.Params) < atLeast {
		return fmt.Errorf("packet: expected %s with at least %d octets of parameters, got %d: %w", code, atLeast, len(e.Params), ErrMalformed)
	}
	return nil
}

// CommandComplete is the answer to a command that has been executed (section
// 7.7.14).
type CommandComplete struct {
	Credits uint8  // Num_HCI_Command_Packets: how many commands may be sent now
	Opcode  Opcode // OpNone if only the credits are reported
	Return  []byte // return parameters with the status first; slice of the packet
}

// CommandComplete decodes the event.
func (e Event) CommandComplete() (CommandComplete, error) {
	if err := e.expect(EventCommandComplete, 3); err != nil {
		return CommandComplete{}, err
	}
	return CommandComplete{
		Credits: e.Params[0],
		Opcode:  Opcode(binary.LittleEndian.Uint16(e.Params[1:])),
		Return:  e.Params[3:],
	}, nil
}

// CommandStatus is the answer to a command that takes longer, or that the
// controller refused (section 7.7.15).
type CommandStatus struct {
	Status  Status
	Credits uint8
	Opcode  Opcode
}

// CommandStatus decodes the event.
func (e Event) CommandStatus() (CommandStatus, error) {
	if err := e.expect(EventCommandStatus, 4); err != nil {
		return CommandStatus{}, err
	}
	return CommandStatus{
		Status:  Status(e.Params[0]),
		Credits: e.Params[1],
		Opcode:  Opcode(binary.LittleEndian.Uint16(e.Params[2:])),
	}, nil
}

// HardwareError decodes the Hardware Error event: a code that the manufacturer
// defines (section 7.7.16).
func (e Event) HardwareError() (code uint8, err error) {
	if err := e.expect(EventHardwareError, 1); err != nil {
		return 0, err
	}
	return e.Params[0], nil
}

// Subevent returns the subevent code of an LE Meta event.
func (e Event) Subevent() (Subevent, error) {
	if err := e.expect(EventLEMeta, 1); err != nil {
		return 0, err
	}
	return Subevent(e.Params[0]), nil
}

// subevent checks the subevent code and the minimum number of octets that
// follow it, and returns these octets.
func (e Event) subevent(want Subevent, atLeast int) ([]byte, error) {
	got, err := e.Subevent()
	if err != nil {
		return nil, err
	}
	if got != want {
		return nil, fmt.Errorf("packet: expected %s, got %s: %w", want, got, ErrMalformed)
	}
	if len(e.Params)-1 < atLeast {
		return nil, fmt.Errorf("packet: expected %s with at least %d octets, got %d: %w", want, atLeast, len(e.Params)-1, ErrMalformed)
	}
	return e.Params[1:], nil
}

// SetTerminated reports that an advertising set has stopped by itself (section
// 7.7.65.18). Its status is StatusLimitReached after the requested number of
// events.
type SetTerminated struct {
	Status     Status
	Handle     uint8
	Connection uint16
	Events     uint8 // completed advertising events
}

// AdvertisingSetTerminated decodes the event.
func (e Event) AdvertisingSetTerminated() (SetTerminated, error) {
	p, err := e.subevent(SubeventAdvertisingSetTerminated, 5)
	if err != nil {
		return SetTerminated{}, err
	}
	return SetTerminated{
		Status:     Status(p[0]),
		Handle:     p[1],
		Connection: binary.LittleEndian.Uint16(p[2:]),
		Events:     p[4],
	}, nil
}
