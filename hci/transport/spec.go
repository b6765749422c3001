package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Spec is an adapter specification from the configuration.
//
//	hci0                                              Linux user channel, by name
//	00:1A:7D:DA:71:13                                 Linux user channel, by controller address
//	serial:/dev/ttyACM0?baud=1000000&flow=hardware    H4 over a serial port
//	tcp:host:port                                     H4 over TCP
//	unix:path                                         H4 over a Unix socket
//
// An address identifies its adapter even after the kernel has renumbered the
// adapters.
type Spec struct {
	kind    kind
	index   uint16         // kindIndex
	address packet.Address // kindAddress
	target  string         // path, or host:port
	serial  serialMode
}

type kind uint8

const (
	kindIndex kind = iota + 1
	kindAddress
	kindSerial
	kindTCP
	kindUnix
)

// serialMode holds the settings of a serial port.
type serialMode struct {
	baud     int
	hardware bool // RTS/CTS flow control
}

const (
	defaultBaud = 1_000_000
	maxBaud     = 12_000_000
)

// forms lists the valid forms for error messages.
const forms = "hci0, 00:1A:7D:DA:71:13, serial:/dev/ttyACM0?baud=1000000, tcp:host:port or unix:path"

// Parse parses an adapter specification. Its errors wrap ErrSpec.
func Parse(s string) (Spec, error) {
	scheme, rest, found := strings.Cut(s, ":")
	switch {
	case found && scheme == "serial":
		return parseSerial(s, rest)
	case found && scheme == "tcp":
		return parseTCP(s, rest)
	case found && scheme == "unix":
		if rest == "" {
			return Spec{}, specError(s, "a path after unix:, as in unix:/run/btproxy.sock")
		}
		return Spec{kind: kindUnix, target: rest}, nil
	}
	if a, err := packet.ParseAddress(s); err == nil {
		if a == (packet.Address{}) {
			return Spec{}, specError(s, "the address of a controller, not zeros")
		}
		return Spec{kind: kindAddress, address: a}, nil
	}
	if digits, ok := strings.CutPrefix(s, "hci"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		// the kernel uses 65535 for no device
		if err != nil || n == 0xffff || digits != strconv.FormatUint(n, 10) {
			return Spec{}, specError(s, "hci and a number, as in hci0")
		}
		return Spec{kind: kindIndex, index: uint16(n)}, nil
	}
	return Spec{}, specError(s, forms)
}

func specError(s, expected string) error {
	return fmt.Errorf("transport: expected %s, got %q: %w", expected, s, ErrSpec)
}

func parseSerial(s, rest string) (Spec, error) {
	path, query, _ := strings.Cut(rest, "?")
	if path == "" {
		return Spec{}, specError(s, "a device after serial:, as in serial:/dev/ttyACM0?baud=1000000")
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return Spec{}, specError(s, "options like ?baud=1000000&flow=hardware")
	}
	spec := Spec{kind: kindSerial, target: path, serial: serialMode{baud: defaultBaud}}
	for name, values := range options {
		value := values[len(values)-1]
		switch name {
		case "baud":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxBaud {
				return Spec{}, specError(s, fmt.Sprintf("baud of 1 to %d", maxBaud))
			}
			spec.serial.baud = n
		case "flow":
			if value != "hardware" && value != "none" {
				return Spec{}, specError(s, "flow=hardware or flow=none")
			}
			spec.serial.hardware = value == "hardware"
		default:
			return Spec{}, specError(s, fmt.Sprintf("the options baud and flow, not %q", name))
		}
	}
	return spec, nil
}

func parseTCP(s, rest string) (Spec, error) {
	host, port, err := net.SplitHostPort(rest)
	if err != nil || host == "" {
		return Spec{}, specError(s, "tcp:host:port, an IPv6 address in brackets")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Spec{}, specError(s, "a port of 1 to 65535 after tcp:host:")
	}
	return Spec{kind: kindTCP, target: rest}, nil
}

// String returns the specification in its shortest form.
func (s Spec) String() string {
	switch s.kind {
	case kindIndex:
		return fmt.Sprintf("hci%d", s.index)
	case kindAddress:
		return s.address.String()
	case kindSerial:
		flow := ""
		if s.serial.hardware {
			flow = "&flow=hardware"
		}
		return fmt.Sprintf("serial:%s?baud=%d%s", s.target, s.serial.baud, flow)
	case kindTCP:
		return "tcp:" + s.target
	case kindUnix:
		return "unix:" + s.target
	default:
		return "no adapter"
	}
}

// Open opens the adapter. The context limits the attempt to connect; it does
// not affect the open transport.
func (s Spec) Open(ctx context.Context) (Transport, error) {
	switch s.kind {
	case kindIndex, kindAddress:
		return openUserChannel(s)
	case kindSerial:
		return openSerial(s)
	case kindTCP:
		return dial(ctx, s, "tcp")
	case kindUnix:
		return dial(ctx, s, "unix")
	default:
		return nil, specError("", forms)
	}
}

// Open parses a specification and opens the adapter.
func Open(ctx context.Context, spec string) (Transport, error) {
	s, err := Parse(spec)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx)
}

// dialTime limits an attempt to connect. A host that does not answer at all
// would take minutes.
const dialTime = 5 * time.Second

func dial(ctx context.Context, s Spec, network string) (Transport, error) {
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, s.target)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, fmt.Errorf("transport: expected an H4 controller at %s, got: %w", s, err)
	}
	return NewStream(conn), nil
}
