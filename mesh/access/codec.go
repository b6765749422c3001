package access

import (
	"errors"
	"fmt"
)

// Errors of a visit, for callers to branch on. The text names the field.
var (
	ErrTruncated  = errors.New("access: parameters end too early")
	ErrTrailing   = errors.New("access: octets after the last field")
	ErrProhibited = errors.New("access: prohibited value")
	ErrTooLong    = errors.New("access: message too long")
	ErrJSON       = errors.New("access: unsuitable JSON")
)

// Codec visits the fields of one message one after the other. The zero value is
// ready to use; reusing a Codec allocates nothing for octets. It belongs to one
// goroutine. After the first error, further visits do nothing.
type Codec struct {
	mode  mode
	buf   []byte // reading: octets that are left; writing: octets written
	bits  uint32 // bits of an octet that is not complete yet
	width uint   // number of bits in bits
	scope scope  // JSON: position in the document
	err   error
}

type mode uint8

const (
	readOctets mode = iota
	writeOctets
	readJSON
	writeJSON
)

// Decode reads the parameters of a message into m and overwrites its content.
// Errors wrap ErrTruncated, ErrTrailing or ErrProhibited; m is then unusable.
func (c *Codec) Decode(params []byte, m Message) error {
	*c = Codec{mode: readOctets, buf: params}
	m.Fields(c)
	c.aligned()
	if c.err == nil && len(c.buf) > 0 {
		c.err = fmt.Errorf("%w: expected no more parameters of opcode %s, got %d more octets", ErrTrailing, m.Opcode(), len(c.buf))
	}
	err := c.err
	c.buf = nil
	return err
}

// Append appends the opcode and the parameters of m to dst. On an error, which
// wraps ErrProhibited, ErrTooLong or ErrOpcode, it returns dst unchanged.
func (c *Codec) Append(dst []byte, m Message) ([]byte, error) {
	out, err := AppendOpcode(dst, m.Opcode())
	if err != nil {
		return dst, err
	}
	*c = Codec{mode: writeOctets, buf: out}
	m.Fields(c)
	c.aligned()
	if n := len(c.buf) - len(dst); c.err == nil && n > MaxPayload {
		c.err = fmt.Errorf("%w: opcode %s: expected at most %d octets, got %d", ErrTooLong, m.Opcode(), MaxPayload, n)
	}
	out, err = c.buf, c.err
	c.buf = nil
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Decode is Codec.Decode with a new Codec.
func Decode(params []byte, m Message) error { return new(Codec).Decode(params, m) }

// Append is Codec.Append with a new Codec.
func Append(dst []byte, m Message) ([]byte, error) { return new(Codec).Append(dst, m) }

// Octets reports whether the visit reads or writes octets rather than JSON. A
// message calls it if its JSON has another structure than its octets.
func (c *Codec) Octets() bool { return c.mode == readOctets || c.mode == writeOctets }

// Reading reports whether the visit sets the fields.
func (c *Codec) Reading() bool { return c.mode == readOctets || c.mode == readJSON }

// Err returns the first error of the visit.
func (c *Codec) Err() error { return c.err }

// Left returns the number of octets that have not been read yet. It is 0 in all
// other kinds of visits.
func (c *Codec) Left() int {
	if c.mode != readOctets || c.err != nil {
		return 0
	}
	return len(c.buf)
}

// Require ends the visit with ErrProhibited if ok is false. A message uses it
// for what the specification prohibits: such a message is neither sent nor
// acted on.
func (c *Codec) Require(ok bool, name, expected string) {
	if !ok && c.err == nil {
		c.err = fmt.Errorf("%w: %s: expected %s", ErrProhibited, name, expected)
	}
}

// Fail ends the visit with err.
func (c *Codec) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Optional visits whether the following fields are present, the first of which
// is called name, and returns the result. When reading octets, they are present
// if any octets are left.
func (c *Codec) Optional(name string, present *bool) bool {
	if c.err != nil {
		return false
	}
	switch c.mode {
	case readOctets:
		c.aligned()
		*present = len(c.buf) > 0
	case readJSON:
		*present = c.has(name)
	}
	return *present && c.err == nil
}

// unsigned visits a little-endian number of one to eight octets.
func (c *Codec) unsigned(name string, v uint64, octets int) uint64 {
	if c.err != nil {
		return v
	}
	switch c.mode {
	case readOctets:
		b := c.next(name, octets)
		v = 0
		for i := len(b) - 1; i >= 0; i-- {
			v = v<<8 | uint64(b[i])
		}
	case writeOctets:
		c.aligned()
		if octets < 8 && v>>(8*octets) != 0 {
			c.Require(false, name, fmt.Sprintf("a value of %d bits, not %d", 8*octets, v))
			return v
		}
		for i := range octets {
			c.buf = append(c.buf, uint8(v>>(8*i)))
		}
	case readJSON:
		v = c.parseUnsigned(name, 8*octets)
	case writeJSON:
		c.writeUnsigned(name, v)
	}
	return v
}

// signed visits a little-endian number in two's complement.
func (c *Codec) signed(name string, v int64, octets int) int64 {
	if c.err != nil {
		return v
	}
	switch c.mode {
	case readJSON:
		return c.parseSigned(name, 8*octets)
	case writeJSON:
		c.writeSigned(name, v)
		return v
	}
	unused := 64 - 8*octets
	raw := c.unsigned(name, uint64(v)<<unused>>unused, octets)
	return int64(raw<<unused) >> unused
}

// narrow visits the next width bits of one or more octets.
func (c *Codec) narrow(name string, v uint32, width uint) uint32 {
	if c.err != nil {
		return v
	}
	switch c.mode {
	case readOctets:
		for c.width < width {
			if len(c.buf) == 0 {
				c.err = fmt.Errorf("%w: expected %s, got no more octets", ErrTruncated, name)
				return v
			}
			c.bits |= uint32(c.buf[0]) << c.width
			c.width += 8
			c.buf = c.buf[1:]
		}
		v = c.bits & (1<<width - 1)
		c.bits >>= width
		c.width -= width
	case writeOctets:
		if v>>width != 0 {
			c.Require(false, name, fmt.Sprintf("a value of %d bits, not %d", width, v))
			return v
		}
		c.bits |= v << c.width
		for c.width += width; c.width >= 8; c.width -= 8 {
			c.buf = append(c.buf, uint8(c.bits))
			c.bits >>= 8
		}
	case readJSON:
		v = uint32(c.parseUnsigned(name, int(width)))
	case writeJSON:
		c.writeUnsigned(name, uint64(v))
	}
	return v
}

// next takes n octets of the parameters.
func (c *Codec) next(name string, n int) []byte {
	c.aligned()
	if c.err != nil {
		return nil
	}
	if n > len(c.buf) {
		c.err = fmt.Errorf("%w: expected %d octets of %s, got %d", ErrTruncated, n, name, len(c.buf))
		return nil
	}
	b := c.buf[:n]
	c.buf = c.buf[n:]
	return b
}

// aligned rejects a layout that ends within an octet.
func (c *Codec) aligned() {
	if c.width != 0 && c.err == nil {
		c.err = fmt.Errorf("access: layout leaves %d bits of an octet, describe them with Reserved", c.width)
	}
}
