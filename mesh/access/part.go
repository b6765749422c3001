package access

import "fmt"

// Part is data with a layout that is not a message itself, such as a page of
// the composition data.
type Part interface{ Fields(c *Codec) }

// DecodePart reads octets into p and overwrites its content. Errors wrap
// ErrTruncated, ErrTrailing or ErrProhibited; p is then unusable.
func DecodePart(data []byte, p Part) error {
	c := &Codec{mode: readOctets, buf: data}
	p.Fields(c)
	c.aligned()
	if c.err == nil && len(c.buf) > 0 {
		c.err = fmt.Errorf("%w: %d more than expected", ErrTrailing, len(c.buf))
	}
	return c.err
}

// AppendPart appends the octets of p to dst. On an error, which wraps
// ErrProhibited, it returns dst unchanged.
func AppendPart(dst []byte, p Part) ([]byte, error) {
	c := &Codec{mode: writeOctets, buf: dst}
	p.Fields(c)
	c.aligned()
	if c.err != nil {
		return dst, c.err
	}
	return c.buf, nil
}
