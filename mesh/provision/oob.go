package provision

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Action is what the device or the user does in output or input OOB (section
// 5.4.1.2). Its meaning depends on the method.
type Action uint8

// The actions of OutputOOB: what the device does.
const (
	Blink              Action = 0
	Beep               Action = 1
	Vibrate            Action = 2
	OutputNumeric      Action = 3
	OutputAlphanumeric Action = 4
)

// The actions of InputOOB: what the user does on the device.
const (
	Push              Action = 0
	Twist             Action = 1
	InputNumeric      Action = 2
	InputAlphanumeric Action = 3
)

// Actions is a bit set of actions.
type Actions uint16

// ActionsOf returns the set of the given actions.
func ActionsOf(all ...Action) (s Actions) {
	for _, a := range all {
		s |= 1 << a
	}
	return s
}

// Has reports whether a is in the set.
func (s Actions) Has(a Action) bool { return a < 16 && s&(1<<a) != 0 }

// actionNames are the names of the actions of a method, by number.
func actionNames(m AuthMethod) []string {
	switch m {
	case OutputOOB:
		return []string{"blink", "beep", "vibrate", "numeric", "alphanumeric"}
	case InputOOB:
		return []string{"push", "twist", "numeric", "alphanumeric"}
	default:
		return nil
	}
}

// ActionName returns the name of an action of the method, as used in requests
// and events.
func (m AuthMethod) ActionName(a Action) string {
	if names := actionNames(m); int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("action 0x%02x", uint8(a))
}

// ParseAction is the reverse of ActionName. The error lists the possible names.
func (m AuthMethod) ParseAction(name string) (Action, error) {
	names := actionNames(m)
	for a, known := range names {
		if name == known {
			return Action(a), nil
		}
	}
	return 0, fmt.Errorf("provision: action of %v: expected one of %q, got %q", m, names, name)
}

// isText reports whether the value of an action is letters and digits rather
// than a number.
func (m AuthMethod) isText(a Action) bool {
	return m == OutputOOB && a == OutputAlphanumeric || m == InputOOB && a == InputAlphanumeric
}

// isCounted reports whether the value of an action is displayed or entered by
// counting. It is then at least 1, because zero cannot be displayed.
func (m AuthMethod) isCounted(a Action) bool {
	return m == OutputOOB && a <= Vibrate || m == InputOOB && a <= Twist
}

// Prompt is what a person has to do for output or input OOB.
type Prompt struct {
	Method AuthMethod
	Action Action
	Size   uint8 // digits or characters, 1 to 8
	// Value is what the device displays (on the device) or what has to be
	// entered on it (on the provisioner). It is empty if the value is
	// requested.
	Value string
}

// IsText reports whether the value is letters and digits; otherwise it is a
// number.
func (p *Prompt) IsText() bool { return p.Method.isText(p.Action) }

// String is the instruction for the user of the provisioner.
func (p *Prompt) String() string {
	switch {
	case p.Method == OutputOOB && p.IsText():
		return fmt.Sprintf("enter the %d letters and digits that the device displays", p.Size)
	case p.Method == OutputOOB && p.Action == OutputNumeric:
		return fmt.Sprintf("enter the number of up to %d digits that the device displays", p.Size)
	case p.Method == OutputOOB && p.Action == Blink:
		return "count how often the device blinks, and enter the number"
	case p.Method == OutputOOB && p.Action == Beep:
		return "count how often the device beeps, and enter the number"
	case p.Method == OutputOOB:
		return "count how often the device vibrates, and enter the number"
	case p.Action == Push:
		return fmt.Sprintf("push the button of the device %s times", p.Value)
	case p.Action == Twist:
		return fmt.Sprintf("twist the device %s times", p.Value)
	case p.IsText():
		return fmt.Sprintf("enter the letters and digits %s on the device", p.Value)
	default:
		return fmt.Sprintf("enter the number %s on the device", p.Value)
	}
}

// ErrValue is wrapped by the error of Input for an invalid value.
var ErrValue = errors.New("provision: invalid authentication value")

// check returns an error if a value is invalid.
func (p *Prompt) check(value string) error {
	if p.IsText() {
		if len(value) != int(p.Size) {
			return fmt.Errorf("%w: expected %d letters and digits, got %d octets", ErrValue, p.Size, len(value))
		}
		for _, r := range []byte(value) {
			if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
				return fmt.Errorf("%w: expected letters and digits only", ErrValue)
			}
		}
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || len(value) > maxOOBSize || n >= power(10, p.Size) {
		return fmt.Errorf("%w: expected a number of up to %d digits", ErrValue, p.Size)
	}
	if n == 0 && p.Method.isCounted(p.Action) {
		return fmt.Errorf("%w: expected 1 or more", ErrValue)
	}
	return nil
}

// draw makes a value (section 5.4.2.4): a number below 10^size, which is not
// zero if it is counted, or capital letters and digits.
func (p *Prompt) draw(random io.Reader) (string, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if p.IsText() {
		text := make([]byte, p.Size)
		for i := range text {
			n, err := below(random, uint64(len(letters)))
			if err != nil {
				return "", err
			}
			text[i] = letters[n]
		}
		return string(text), nil
	}
	least := uint64(0)
	if p.Method.isCounted(p.Action) {
		least = 1
	}
	n, err := below(random, power(10, p.Size)-least)
	if err != nil {
		return "", err
	}
	return strconv.FormatUint(n+least, 10), nil
}

// below draws a number from 0 to limit-1 with equal probabilities. It fails if
// random fails, or returns unusable values so often that it must be broken.
func below(random io.Reader, limit uint64) (uint64, error) {
	const tries = 64
	mask := uint64(1)<<bits.Len64(limit-1) - 1
	for range tries {
		var b [8]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("provision: authentication value: %w", err)
		}
		if n := binary.BigEndian.Uint64(b[:]) & mask; n < limit {
			return n, nil
		}
	}
	return 0, fmt.Errorf("provision: authentication value: no usable number in %d draws, check the source of randomness", tries)
}

func power(base uint64, exponent uint8) uint64 {
	n := uint64(1)
	for range exponent {
		n *= base
	}
	return n
}

// setPrompted encodes the value of output or input OOB (section 5.4.2.4): a
// number at the end, big-endian, a text at the beginning, zeros elsewhere.
func (s *secrets) setPrompted(p *Prompt, text string) {
	if p.IsText() {
		s.setAuth(AuthValue(text))
		return
	}
	n, _ := strconv.ParseUint(text, 10, 32) // already checked
	s.auth = value{}
	binary.BigEndian.PutUint32(s.auth[s.algorithm.size()-4:], uint32(n))
}

// promptOf returns the prompt that a Start PDU requires; nil for no OOB and
// static OOB.
func promptOf(method AuthMethod, action Action, size uint8) *Prompt {
	if method != OutputOOB && method != InputOOB {
		return nil
	}
	return &Prompt{Method: method, Action: action, Size: size}
}

// Auth is how the provisioner authenticates a device. There is no default that
// selects a weaker method: no OOB has to be requested explicitly.
type Auth struct {
	Method AuthMethod
	Value  AuthValue // of StaticOOB
	Action Action    // of OutputOOB and InputOOB
	Size   uint8     // of OutputOOB and InputOOB, digits or characters, 1 to 8
	// PublicKey is the device's public key if it is known out of band. The
	// device then does not send it, and nobody can replace it.
	PublicKey *crypto.PublicKey
}
