package access

import "fmt"

// Object visits the fields of a part that has a name of its own in JSON; on
// the air its fields follow the ones before.
func (c *Codec) Object(name string, part Part) {
	if c.Octets() {
		part.Fields(c)
		return
	}
	c.nested(name, func() { part.Fields(c) })
}

// List visits items up to the end of the message. An item is visited as an
// object, or, when it visits one field without a name, as that field. Items
// are read into the memory that v has.
func List[T any](c *Codec, name string, v *[]T, item func(v *T, c *Codec)) {
	list(c, name, v, -1, item)
}

// ListOf is List with exactly n items; JSON may have any number, which the
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

// grow adds an item, one with memory from an earlier use when there is one.
func grow[T any](s []T) []T {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	var zero T
	return append(s, zero)
}
