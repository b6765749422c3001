package access

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// maxJSON limits the size of a message in JSON. MaxPayload octets as a list of
// named numbers are far below it.
const maxJSON = 64 << 10

// scope is the position of a visit in a JSON document: an object, or an item of
// a list. The first visit decides whether an item is an object or one value.
type scope struct {
	raw    json.RawMessage            // reading: the document, until it is parsed
	fields map[string]json.RawMessage // reading: members not visited yet
	scalar bool                       // the item is one value
	opened bool                       // the object has been opened
	member bool                       // writing: a member has been written
}

// ToJSON appends the fields of m to dst as a JSON object, without keys.
func (c *Codec) ToJSON(dst []byte, m Message) ([]byte, error) {
	*c = Codec{mode: writeJSON, buf: dst}
	m.Fields(c)
	c.leave()
	out, err := c.buf, c.err
	*c = Codec{}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// FromJSON reads the fields of m from a JSON object. Errors wrap ErrJSON if a
// field is missing, unknown or of another type, or ErrProhibited. Only fields
// that are optional on the air may be missing. Empty data counts as an empty
// object.
func (c *Codec) FromJSON(data []byte, m Message) error {
	if len(data) > maxJSON {
		return fmt.Errorf("%w: expected at most %d octets, got %d", ErrJSON, maxJSON, len(data))
	}
	if data = bytes.TrimSpace(data); len(data) == 0 {
		data = []byte("{}")
	}
	*c = Codec{mode: readJSON, scope: scope{raw: data}}
	m.Fields(c)
	c.leave()
	err := c.err
	*c = Codec{}
	return err
}

// ToJSON returns the fields of m as a JSON object, without keys.
func ToJSON(m Message) ([]byte, error) { return new(Codec).ToJSON(nil, m) }

// FromJSON is Codec.FromJSON with a new Codec.
func FromJSON(data []byte, m Message) error { return new(Codec).FromJSON(data, m) }

// Decimal visits a number that only exists in JSON, for values that a message
// converts; null means not known.
func (c *Codec) Decimal(name string, v *float64, known *bool) {
	switch {
	case c.err != nil:
	case c.mode == readJSON:
		if *known = !c.isNull(name); !*known {
			*v = 0
			return
		}
		raw, ok := c.take(name)
		if !ok {
			return
		}
		n, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			c.unsuitable(name, "a number or null", raw)
			return
		}
		*v = n
	case c.mode == writeJSON && !*known:
		c.writeNull(name)
	case c.mode == writeJSON:
		c.key(name)
		c.buf = strconv.AppendFloat(c.buf, *v, 'f', -1, 64)
	default:
		c.err = fmt.Errorf("access: layout visits %s as octets, but it exists only in JSON", name)
	}
}

// String visits a text that only exists in JSON.
func (c *Codec) String(name string, v *string) {
	switch {
	case c.err != nil:
	case c.mode == readJSON:
		if text, ok := c.parseString(name); ok {
			*v = text
		}
	case c.mode == writeJSON:
		c.writeString(name, *v)
	default:
		c.err = fmt.Errorf("access: layout visits %s as octets, but it exists only in JSON", name)
	}
}

// Has reports whether the JSON that is read has a member called name.
func (c *Codec) Has(name string) bool { return c.mode == readJSON && c.has(name) }

func (c *Codec) boolJSON(name string, v *bool) {
	if c.err != nil {
		return
	}
	if c.mode == writeJSON {
		c.key(name)
		c.buf = strconv.AppendBool(c.buf, *v)
		return
	}
	raw, ok := c.take(name)
	if !ok {
		return
	}
	switch string(raw) {
	case "true", "1":
		*v = true
	case "false", "0":
		*v = false
	default:
		c.unsuitable(name, "true or false", raw)
	}
}

func (c *Codec) enumJSON(name string, v *uint8, width int, words []string) {
	if c.err != nil {
		return
	}
	if c.mode == writeJSON {
		if int(*v) < len(words) && words[*v] != "" {
			c.writeString(name, words[*v])
		} else {
			c.writeUnsigned(name, uint64(*v))
		}
		return
	}
	raw, ok := c.peek(name)
	if ok && len(raw) > 0 && raw[0] == '"' {
		text, _ := c.parseString(name)
		i := slices.Index(words, text)
		if c.err != nil {
			return
		}
		if i < 0 || text == "" {
			known := slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" })
			c.err = fmt.Errorf("%w: %s: expected one of %q, got %.40q", ErrJSON, name, known, text)
			return
		}
		*v = uint8(i)
		return
	}
	*v = uint8(c.parseUnsigned(name, width))
}

func (c *Codec) addressJSON(name string, v *mesh.Address) {
	if c.err != nil {
		return
	}
	if c.mode == writeJSON {
		c.writeString(name, v.String())
		return
	}
	if raw, ok := c.peek(name); ok && len(raw) > 0 && raw[0] != '"' {
		*v = mesh.Address(c.parseUnsigned(name, 16))
		return
	}
	if text, ok := c.parseString(name); ok {
		address, err := mesh.ParseAddress(text)
		c.fromText(name, err)
		*v = address
	}
}

func (c *Codec) modelJSON(name string, v *mesh.ModelID) {
	if c.err != nil {
		return
	}
	if c.mode == writeJSON {
		c.writeString(name, v.String())
		return
	}
	if text, ok := c.parseString(name); ok {
		model, err := mesh.ParseModelID(text)
		c.fromText(name, err)
		*v = model
	}
}

func (c *Codec) fromText(name string, err error) {
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("%w: %s: %w", ErrJSON, name, err)
	}
}

func (c *Codec) unsuitable(name, expected string, raw json.RawMessage) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s: expected %s, got %s", ErrJSON, name, expected, shape(raw))
	}
}

// shape describes a JSON value. It shows numbers but no strings, because a
// string may be a key.
func shape(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return "nothing"
	case raw[0] == '"':
		return "a string"
	case raw[0] == '[':
		return "a list"
	case raw[0] == '{':
		return "an object"
	default:
		return string(raw[:min(len(raw), 40)])
	}
}

func (c *Codec) parseUnsigned(name string, width int) uint64 {
	raw, ok := c.take(name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(string(raw), 10, width)
	if err != nil {
		c.unsuitable(name, fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<width-1), raw)
	}
	return n
}

func (c *Codec) parseSigned(name string, width int) int64 {
	raw, ok := c.take(name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(string(raw), 10, width)
	if err != nil {
		limit := int64(1) << (width - 1)
		c.unsuitable(name, fmt.Sprintf("a whole number from %d to %d", -limit, limit-1), raw)
	}
	return n
}

func (c *Codec) parseString(name string) (string, bool) {
	raw, ok := c.take(name)
	if !ok {
		return "", false
	}
	var text string
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		c.unsuitable(name, "a string", raw)
		return "", false
	}
	return text, true
}

func (c *Codec) parseHex(name string) ([]byte, bool) {
	text, ok := c.parseString(name)
	if !ok {
		return nil, false
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		c.err = fmt.Errorf("%w: %s: expected octets in hexadecimal: %w", ErrJSON, name, err)
		return nil, false
	}
	return b, true
}

func (c *Codec) parseArray(name string) []json.RawMessage {
	raw, ok := c.take(name)
	if !ok {
		return nil
	}
	var elements []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		c.unsuitable(name, "a list", raw)
	}
	return elements
}
