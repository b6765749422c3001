package property

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Errors of Decode and Encode.
var (
	ErrUnknown = errors.New("property: not in the table")
	ErrLength  = errors.New("property: unexpected length")
	ErrValue   = errors.New("property: value cannot be encoded")
)

// Value is the content of one part of a value.
type Value struct {
	Name string // of the part, "" for the only one
	Kind Kind
	Unit string
	// Resolution is the step between two values, in Unit.
	Resolution float64

	Known  bool    // false: the device does not know the value, or sent a prohibited one
	OrMore bool    // the device only knows that the value is Number or more
	Number float64 // in Unit; 0 or 1 for a Boolean; infinite or NaN only if not Known
	Text   string  // of a Text
}

// Decode decodes the parts of the value of a property. Errors wrap ErrUnknown
// or ErrLength; the value can then only be shown as raw octets.
func Decode(id ID, raw []byte) ([]Value, error) {
	p, ok := Lookup(id)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	return p.Decode(raw)
}

// Encode encodes the value of a property from its parts, of which only Known,
// OrMore, Number and Text are used. Errors wrap ErrUnknown or ErrValue.
func Encode(id ID, values ...Value) ([]byte, error) {
	p, ok := Lookup(id)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	return p.Append(nil, values...)
}

// Number makes a known value for Encode.
func Number(n float64) Value { return Value{Known: true, Number: n} }

// Decode decodes the parts of a value. The length of raw selects the form; the
// error for an unknown length wraps ErrLength.
func (p Property) Decode(raw []byte) ([]Value, error) {
	for _, form := range p.Forms {
		if len(form) == 1 && form[0].Kind == Text && len(raw) <= form[0].Size || len(raw) == form.Size() {
			return form.decode(raw), nil
		}
	}
	return nil, fmt.Errorf("%w: %s %s: expected %d octets, got %d", ErrLength, p.ID, p.Name, p.Forms[0].Size(), len(raw))
}

// Append appends a value in the first form of the property to dst.
func (p Property) Append(dst []byte, values ...Value) ([]byte, error) {
	form := p.Forms[0]
	if len(values) != len(form) {
		return dst, fmt.Errorf("%w: %s %s: expected %d parts, got %d", ErrValue, p.ID, p.Name, len(form), len(values))
	}
	out := dst
	for i, part := range form {
		var err error
		if out, err = part.append(out, values[i]); err != nil {
			return dst, fmt.Errorf("%s %s: %w", p.ID, p.Name, err)
		}
	}
	return out, nil
}

func (f Form) decode(raw []byte) []Value {
	values := make([]Value, len(f))
	for i, part := range f {
		n := min(part.Size, len(raw))
		values[i] = part.decode(raw[:n])
		raw = raw[n:]
	}
	return values
}

func (p Part) decode(b []byte) Value {
	v := Value{Name: p.Name, Kind: p.Kind, Unit: p.Unit, Resolution: p.Resolution()}
	switch p.Kind {
	case Text:
		text := strings.TrimRight(string(b), "\x00 ")
		v.Known = utf8.ValidString(text)
		v.Text = strings.ToValidUTF8(text, "\uFFFD")
		return v
	case Float:
		v.Number = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		v.Known = !math.IsNaN(v.Number) && !math.IsInf(v.Number, 0)
		return v
	}
	raw := integer(b, p.Kind == Signed)
	for _, s := range p.Specials {
		if s.Raw == raw {
			v.OrMore = s.Meaning == OrMore
			v.Known = v.OrMore
			if v.OrMore {
				v.Number = float64(raw) * p.Multiplier / p.Divisor
			}
			return v
		}
	}
	if raw < p.Lowest || raw > p.Highest {
		return v
	}
	v.Known = true
	switch {
	case p.Kind == TimeExponential && raw == 0:
	case p.Kind == TimeExponential:
		v.Number = math.Pow(timeBase, float64(raw-timeBias))
	default:
		v.Number = float64(raw) * p.Multiplier / p.Divisor
	}
	return v
}

const (
	timeBase = 1.1
	timeBias = 64
)

func (p Part) append(dst []byte, v Value) ([]byte, error) {
	switch {
	case p.Kind == Text && (len(v.Text) > p.Size || !utf8.ValidString(v.Text)):
		return dst, fmt.Errorf("%w: expected at most %d octets of UTF-8, got %d", ErrValue, p.Size, len(v.Text))
	case p.Kind == Text:
		dst = append(dst, v.Text...)
		return append(dst, make([]byte, p.Size-len(v.Text))...), nil
	case p.Kind == Float && !v.Known:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(math.NaN()))), nil
	case p.Kind == Float:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.Number))), nil
	}
	raw, err := p.raw(v)
	if err != nil {
		return dst, err
	}
	for i := range p.Size {
		dst = append(dst, uint8(raw>>(8*i)))
	}
	return dst, nil
}

// raw is the number that represents v.
func (p Part) raw(v Value) (int64, error) {
	meaning := NotKnown
	if v.Known && v.OrMore {
		meaning = OrMore
	}
	if !v.Known || v.OrMore {
		for _, s := range p.Specials {
			if s.Meaning == meaning {
				return s.Raw, nil
			}
		}
		return 0, fmt.Errorf("%w: expected a known number, %q cannot represent an unknown one", ErrValue, p.Name)
	}
	var raw float64
	switch {
	case p.Kind == TimeExponential && v.Number <= 0:
		raw = v.Number
	case p.Kind == TimeExponential:
		raw = max(1, math.Round(math.Log(v.Number)/math.Log(timeBase))+timeBias)
	default:
		raw = math.Round(v.Number * p.Divisor / p.Multiplier)
	}
	if !(raw >= float64(p.Lowest) && raw <= float64(p.Highest)) {
		return 0, fmt.Errorf("%w: expected a value within the limits, got %v %s", ErrValue, v.Number, p.Unit)
	}
	return int64(raw), nil
}

func integer(b []byte, signed bool) int64 {
	var n uint64
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	if unused := 64 - 8*len(b); signed {
		return int64(n<<unused) >> unused
	}
	return int64(n)
}
