package transport

import (
	"errors"
	"fmt"
	"io/fs"

	"go.bug.st/serial"
)

// openSerial opens a controller with H4 over a serial port, for example a
// development board with the Zephyr hci_uart firmware, or hci_usb over CDC. H4
// requires hardware flow control (volume 4 part A, section 4); a USB port works
// without.
func openSerial(s Spec) (Transport, error) {
	hardwareFlow, release, err := flowControl(s)
	if err != nil {
		return nil, err
	}
	defer release()
	port, err := serial.Open(s.target, &serial.Mode{BaudRate: s.serial.baud, DataBits: 8})
	if err != nil {
		return nil, serialError(s, err)
	}
	if err := hardwareFlow(); err != nil {
		_ = port.Close()
		return nil, serialError(s, err)
	}
	// The buffers may hold the rest of a packet from an earlier program. If the
	// port cannot flush, the framing detects it.
	_ = port.ResetInputBuffer()
	_ = port.ResetOutputBuffer()
	return NewStream(port), nil
}

func serialError(s Spec, err error) error {
	var p *serial.PortError
	if errors.Is(err, fs.ErrNotExist) {
		return missingPort(s, err)
	}
	if !errors.As(err, &p) {
		return fmt.Errorf("transport: opening %s: %w", s, err)
	}
	switch p.Code() {
	case serial.PortBusy:
		return fmt.Errorf("transport: %s is open in another program (ModemManager also opens new ports); stop that program: %w: %w", s, ErrBusy, err)
	case serial.PortNotFound:
		return missingPort(s, err)
	case serial.PermissionDenied:
		return fmt.Errorf("transport: %s cannot be opened by this user; add the user to the group of the device (dialout or uucp) and log in again: %w: %w", s, ErrPermission, err)
	case serial.InvalidSpeed:
		return fmt.Errorf("transport: the port does not support %d baud; choose another ?baud=: %w: %w", s.serial.baud, ErrUnsupported, err)
	case serial.InvalidSerialPort:
		return fmt.Errorf("transport: %s is not a serial port: %w: %w", s.target, ErrNoAdapter, err)
	default:
		return fmt.Errorf("transport: opening %s: %w", s, err)
	}
}

func missingPort(s Spec, err error) error {
	return fmt.Errorf("transport: expected a serial port at %s, the system has %s: %w: %w", s.target, portList(), ErrNoAdapter, err)
}

func portList() string {
	ports, err := serial.GetPortsList()
	if err != nil || len(ports) == 0 {
		return "none"
	}
	return fmt.Sprint(ports)
}
