package provision

import (
	"fmt"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Methods is a bit set of authentication methods.
type Methods uint8

// MethodsOf returns the set of the given methods.
func MethodsOf(all ...AuthMethod) (s Methods) {
	for _, m := range all {
		s |= 1 << m
	}
	return s
}

// Has reports whether m is in the set.
func (s Methods) Has(m AuthMethod) bool { return s&(1<<m) != 0 }

// AllMethods is every method.
const AllMethods = Methods(1<<NoOOB | 1<<StaticOOB | 1<<OutputOOB | 1<<InputOOB)

// Policy says how a device may be authenticated, before its capabilities are
// known.
type Policy struct {
	Allowed Methods
	Static  AuthValue // known static value of the device; nil for none
	// PublicKey is the device's public key known out of band; nil for none.
	PublicKey *crypto.PublicKey
	// Action is the only allowed action of OutputOOB and InputOOB; nil for any.
	Action *Action
	// Size is the number of digits or characters, 1 to 8. 0 is a sensible
	// default: the maximum of the device, and one digit for values that are
	// counted.
	Size uint8
	// LeastEffort uses no OOB if the device allows it, and a stronger method
	// only if the device requires it.
	LeastEffort bool
}

// Choose selects the strongest method that both sides support, by the number of
// values an attacker would have to try: the static value (which is as strong as
// its creator intended), letters and digits, digits, counts. Between equal ones
// output is preferred, then the first action. A device that requires OOB never
// gets NoOOB. The error is a *Failure that says what the device offers.
func (p *Policy) Choose(c *Capabilities) (Auth, error) {
	required := c.OOBTypes&OOBRequired != 0
	plain := Auth{Method: NoOOB, PublicKey: p.PublicKey}
	if p.LeastEffort && !required && p.Allowed.Has(NoOOB) {
		return plain, nil
	}
	if p.Allowed.Has(StaticOOB) && p.Static != nil && c.OOBTypes&StaticOOBAvailable != 0 {
		return Auth{Method: StaticOOB, Value: p.Static, PublicKey: p.PublicKey}, nil
	}
	best, values := Auth{}, uint64(0)
	consider := func(m AuthMethod, offered Actions, most uint8) {
		for a := range Action(len(actionNames(m))) {
			if !p.Allowed.Has(m) || !offered.Has(a) || p.Action != nil && *p.Action != a {
				continue
			}
			size, base := most, uint64(10)
			switch {
			case p.Size != 0:
				size = p.Size
			case m.isCounted(a):
				size = 1
			}
			if m.isText(a) {
				base = 36
			}
			if n := power(base, min(size, maxOOBSize)); size <= most && n > values {
				best, values = Auth{Method: m, Action: a, Size: size, PublicKey: p.PublicKey}, n
			}
		}
	}
	consider(OutputOOB, c.OutputActions, c.OutputSize)
	consider(InputOOB, c.InputActions, c.InputSize)
	if values > 0 {
		return best, nil
	}
	if p.Allowed.Has(NoOOB) && !required {
		return plain, nil
	}
	return Auth{}, failure(FailAuthMethod, "expected a way to authenticate the device among %s, it offers %s; request a method that it offers, or pass the value printed on it", p, c)
}

// String lists what is allowed and known.
func (p *Policy) String() string {
	var words []string
	for m := NoOOB; m <= InputOOB; m++ {
		switch {
		case !p.Allowed.Has(m):
		case m == StaticOOB && p.Static == nil:
			words = append(words, m.String()+" (without a value)")
		case (m == OutputOOB || m == InputOOB) && p.Action != nil:
			words = append(words, fmt.Sprintf("%v (%s)", m, m.ActionName(*p.Action)))
		default:
			words = append(words, m.String())
		}
	}
	if p.Size != 0 {
		words = append(words, fmt.Sprintf("with %d digits or letters", p.Size))
	}
	return strings.Join(words, ", ")
}

// String lists the ways in which the device can be authenticated.
func (c *Capabilities) String() string {
	var words []string
	if c.OOBTypes&OOBRequired == 0 {
		words = append(words, NoOOB.String())
	}
	if c.OOBTypes&StaticOOBAvailable != 0 {
		words = append(words, StaticOOB.String())
	}
	list := func(m AuthMethod, offered Actions, size uint8) {
		var names []string
		for a := range Action(len(actionNames(m))) {
			if offered.Has(a) {
				names = append(names, m.ActionName(a))
			}
		}
		if len(names) > 0 {
			words = append(words, fmt.Sprintf("%v (%s; up to %d)", m, strings.Join(names, ", "), size))
		}
	}
	list(OutputOOB, c.OutputActions, c.OutputSize)
	list(InputOOB, c.InputActions, c.InputSize)
	if c.PublicKeyTypes&PublicKeyOOB != 0 {
		words = append(words, "its public key out of band")
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// refuses says why the device cannot be authenticated in this way; nil if it
// can.
func (c *Capabilities) refuses(a *Auth) error {
	if a.PublicKey != nil && c.PublicKeyTypes&PublicKeyOOB == 0 {
		return failure(FailAuthMethod, "expected a device whose public key is known out of band, this device sends a new one each time; omit the public key and the certificate")
	}
	prompted := func(offered Actions, most uint8) error {
		if !offered.Has(a.Action) || a.Size == 0 || a.Size > most {
			return failure(FailAuthMethod, "expected a device with %v (%s) and size %d, this device offers %s", a.Method, a.Method.ActionName(a.Action), a.Size, c)
		}
		return nil
	}
	switch a.Method {
	case NoOOB:
		if c.OOBTypes&OOBRequired != 0 {
			return failure(FailAuthMethod, "expected an authentication value, the device cannot be provisioned without one; it offers %s", c)
		}
		if len(a.Value) != 0 {
			return failure(FailAuthMethod, "expected no authentication value with %v", NoOOB)
		}
		return nil
	case StaticOOB:
		if c.OOBTypes&StaticOOBAvailable == 0 {
			return failure(FailAuthMethod, "expected a device with a static value, this device has none; it offers %s", c)
		}
		if len(a.Value) == 0 || len(a.Value) > len(value{}) {
			return failure(FailAuthMethod, "expected a static value of 1 to 32 octets, got %d", len(a.Value))
		}
		return nil
	case OutputOOB:
		return prompted(c.OutputActions, c.OutputSize)
	case InputOOB:
		return prompted(c.InputActions, c.InputSize)
	default:
		return failure(FailAuthMethod, "expected a known method, got %v", a.Method)
	}
}
