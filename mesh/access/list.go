package access

import "fmt"

// Object visits the fields of a part that is an object in JSON; on the air its
// fields follow the previous ones.
func (c *Codec) Object(name string, part Part) {
	if c.Octets() {
		part.Fields(c)
		return
	}
	c.nested(name, func() { part.Fields(c) })
}

// List visits items up to the end of the message. An item is visited as an
// object, or as a single value if it visits one field without a name. Items are
// read into the memory of v.
func List[T any](c *Codec, name string, v *[]T, item func(v *T, c *Codec)) {
	list(c, name, v, -1, item)
}

// ListOf is List with exactly n items. JSON may have any number, which the
// caller checks.
func ListOf[T any](c *Codec, name string, v *[]T, n int, item func(v *T, c *Codec)) {
	list(c, name, v, n, item)
}

func list[T any](c *Codec, name string, v *[]T, n int, item func(v *T, c *Codec)) {
	if c.err != nil {
		return
	}
	switch c.mode {
	case readOctets:
		*v = (*v)[:0]
		for i := 0; c.err == nil && (i < n || n < 0 && len(c.buf) > 0); i++ {
			before := len(c.buf)
			*v = grow(*v)
			item(&(*v)[i], c)
			if c.err == nil && len(c.buf) == before {
				c.err = fmt.Errorf("access: layout of %s has items without octets", name)
			}
		}
	case writeOctets:
		for i := range *v {
			item(&(*v)[i], c)
		}
	case readJSON:
		*v = (*v)[:0]
		for _, element := range c.parseArray(name) {
			*v = grow(*v)
			c.inside(element, func() { item(&(*v)[len(*v)-1], c) })
		}
	case writeJSON:
		c.openArray(name)
		for i := range *v {
			c.element(i, func() { item(&(*v)[i], c) })
		}
		c.closeArray()
	}
}

// grow adds an item, reusing the memory of an earlier one if possible.
func grow[T any](s []T) []T {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	var zero T
	return append(s, zero)
}
