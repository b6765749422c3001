package access

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// has reports whether the object being read has a member.
func (c *Codec) has(name string) bool {
	_, ok := c.peek(name)
	return ok
}

// peek returns a member, or the item itself if name is empty.
func (c *Codec) peek(name string) (json.RawMessage, bool) {
	if c.err != nil {
		return nil, false
	}
	if name == "" {
		return c.scope.raw, true
	}
	c.enter()
	raw, ok := c.scope.fields[name]
	return raw, ok && c.err == nil && len(raw) > 0
}

// take is peek for a required member, and marks it as visited.
func (c *Codec) take(name string) (json.RawMessage, bool) {
	raw, ok := c.peek(name)
	if !ok {
		if c.err == nil {
			c.err = fmt.Errorf("%w: %s is missing", ErrJSON, name)
		}
		return nil, false
	}
	if name == "" {
		c.scope.scalar = true
	} else {
		delete(c.scope.fields, name)
	}
	return raw, true
}

// enter begins an object: it parses the one that is read, or opens the one that
// is written.
func (c *Codec) enter() {
	if c.scope.opened || c.err != nil {
		return
	}
	c.scope.opened = true
	if c.mode == writeJSON {
		c.buf = append(c.buf, '{')
		return
	}
	if err := json.Unmarshal(c.scope.raw, &c.scope.fields); err != nil || c.scope.fields == nil {
		c.unsuitable("message", "an object", c.scope.raw)
	}
}

// leave ends an object or an item. Everything that was read must have been
// visited.
func (c *Codec) leave() {
	if c.scope.scalar || c.err != nil {
		return
	}
	c.enter()
	if c.mode == writeJSON {
		c.buf = append(c.buf, '}')
		return
	}
	if len(c.scope.fields) > 0 {
		c.err = fmt.Errorf("%w: unknown field %q", ErrJSON, slices.Min(slices.Collect(maps.Keys(c.scope.fields))))
	}
}

// inside reads one element of the document with visit.
func (c *Codec) inside(raw json.RawMessage, visit func()) {
	outer := c.scope
	c.scope = scope{raw: raw}
	visit()
	c.leave()
	c.scope = outer
}

// nested visits a member that is an object.
func (c *Codec) nested(name string, visit func()) {
	if c.err != nil {
		return
	}
	if c.mode == readJSON {
		if raw, ok := c.take(name); ok {
			c.inside(raw, visit)
		}
		return
	}
	c.key(name)
	c.element(0, visit)
}

// element writes item number i of a list with visit.
func (c *Codec) element(i int, visit func()) {
	if c.err != nil {
		return
	}
	if i > 0 {
		c.buf = append(c.buf, ',')
	}
	outer := c.scope
	c.scope = scope{}
	visit()
	c.leave()
	c.scope = outer
}

// key writes the name of a member; if name is empty, the item follows.
func (c *Codec) key(name string) {
	if name == "" {
		c.scope.scalar = true
		return
	}
	c.enter()
	if c.scope.member {
		c.buf = append(c.buf, ',')
	}
	c.scope.member = true
	c.buf = strconv.AppendQuote(c.buf, name)
	c.buf = append(c.buf, ':')
}

// isNull takes a member if it is null.
func (c *Codec) isNull(name string) bool {
	raw, ok := c.peek(name)
	if !ok || string(raw) != "null" {
		return false
	}
	c.take(name)
	return true
}

func (c *Codec) writeNull(name string) {
	c.key(name)
	c.buf = append(c.buf, "null"...)
}

func (c *Codec) openArray(name string) {
	c.key(name)
	c.buf = append(c.buf, '[')
}

func (c *Codec) closeArray() { c.buf = append(c.buf, ']') }

func (c *Codec) writeUnsigned(name string, v uint64) {
	c.key(name)
	c.buf = strconv.AppendUint(c.buf, v, 10)
}

func (c *Codec) writeSigned(name string, v int64) {
	c.key(name)
	c.buf = strconv.AppendInt(c.buf, v, 10)
}

func (c *Codec) writeString(name, text string) {
	if c.err != nil {
		return
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		c.err = fmt.Errorf("%w: %s: %w", ErrJSON, name, err)
		return
	}
	c.key(name)
	c.buf = append(c.buf, quoted...)
}

func (c *Codec) writeHex(name string, v []byte) {
	c.key(name)
	c.buf = append(c.buf, '"')
	c.buf = hex.AppendEncode(c.buf, v)
	c.buf = append(c.buf, '"')
}
