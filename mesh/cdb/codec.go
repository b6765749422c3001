package cdb

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// need reports whether a field may be missing.
type need bool

const (
	required need = true
	optional need = false
)

// codec visits the fields of one object: it takes them from in, or puts them
// into out. Problems are collected and not returned one by one, so that a
// person who repairs a file sees all of them.
type codec struct {
	path     string
	in       map[string]any
	out      *object
	problems *[]Problem
}

// object is a JSON object that keeps the order of its fields.
type object struct {
	names  []string
	values []any
}

func (o *object) put(name string, value any) {
	o.names, o.values = append(o.names, name), append(o.values, value)
}

// MarshalJSON writes the fields in their order.
func (o *object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, name := range o.names {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.Marshal(o.values[i])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, strconv.Quote(name)...), ':'), value...)
	}
	return append(out, '}'), nil
}

// reading reports whether the codec reads.
func (c *codec) reading() bool { return c.out == nil }

func (c *codec) at(name string) string {
	if c.path == "" {
		return name
	}
	return c.path + "." + name
}

// complain records what is wrong with a field. Its value may be long or a key,
// so only its kind and a short text are shown.
func (c *codec) complain(name, expected string, got any) {
	if len(*c.problems) < maxProblems {
		*c.problems = append(*c.problems, Problem{Field: c.at(name), Text: "expected " + expected + ", got " + show(got)})
	}
}

// show formats a value of a file so that it fits on a line.
func show(v any) string {
	const longest = 40
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		if len(v) > longest {
			return fmt.Sprintf("%q and %d characters more", v[:longest], len(v)-longest)
		}
		return strconv.Quote(v)
	case json.Number:
		return clip(v.String(), longest)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a list"
	case hidden:
		return string(v)
	default:
		return "an object"
	}
}

// hidden is shown unchanged: it describes a value that must not be shown.
type hidden string

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}

// take returns a field to read.
func (c *codec) take(name string, n need, expected string) (any, bool) {
	v, ok := c.in[name]
	if !ok || v == nil {
		if n == required {
			c.complain(name, expected, nil)
		}
		return nil, false
	}
	return v, true
}

// scalar visits a field with its own form: write returns the JSON value and
// whether there is one, read takes it and reports whether it is valid.
func (c *codec) scalar(name string, n need, expected string, write func() (any, bool), read func(any) bool) {
	if !c.reading() {
		if v, ok := write(); ok {
			c.out.put(name, v)
		}
		return
	}
	if v, ok := c.take(name, n, expected); ok && !read(v) {
		c.complain(name, expected, v)
	}
}

func (c *codec) text(name string, n need, p *string) {
	c.scalar(name, n, "text", func() (any, bool) { return *p, n == required || *p != "" }, func(v any) (ok bool) {
		*p, ok = v.(string)
		return ok
	})
}

func (c *codec) boolean(name string, p *bool) {
	c.scalar(name, optional, "true or false", func() (any, bool) { return *p, true }, func(v any) (ok bool) {
		*p, ok = v.(bool)
		return ok
	})
}

// flag is a boolean that may be unknown.
func (c *codec) flag(name string, p **bool) {
	c.scalar(name, optional, "true or false", func() (any, bool) { return *p, *p != nil }, func(v any) bool {
		b, ok := v.(bool)
		*p = &b
		return ok
	})
}

// integer reads a JSON number without a fraction, within limits.
func integer(v any, low, high int64) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil && low <= i && i <= high
}

// number visits a number within limits.
func number[T ~uint8 | ~uint16 | ~uint32 | ~int](c *codec, name string, n need, low, high int64, p *T) {
	expected := fmt.Sprintf("a number from %d to %d", low, high)
	c.scalar(name, n, expected, func() (any, bool) { return int64(*p), true }, func(v any) bool {
		i, ok := integer(v, low, high)
		if ok {
			*p = T(i)
		}
		return ok
	})
}

// maybe is a number that may be unknown.
func maybe[T ~uint8 | ~uint16 | ~uint32 | ~int](c *codec, name string, low, high int64, p **T) {
	if c.reading() {
		if _, ok := c.in[name]; !ok {
			return
		}
		*p = new(T)
	} else if *p == nil {
		return
	}
	number(c, name, optional, low, high, *p)
}

func (c *codec) keyIndex(name string, p *mesh.KeyIndex) {
	c.scalar(name, required, expectKeyIndex, func() (any, bool) { return uint16(*p), true }, func(v any) (ok bool) {
		*p, ok = keyIndex(v)
		return ok
	})
}

const expectKeyIndex = "a key index from 0 to 4095"

func keyIndex(v any) (mesh.KeyIndex, bool) {
	i, ok := integer(v, 0, int64(mesh.MaxKeyIndex))
	return mesh.KeyIndex(i), ok
}

// word visits 16 bits as four hexadecimal digits.
func word[T ~uint16](c *codec, name string, n need, p *T) {
	c.scalar(name, n, "four hexadecimal digits", func() (any, bool) { return digits(*p), true }, func(v any) (ok bool) {
		*p, ok = parseWord[T](v)
		return ok
	})
}

// maybeWord is a word that may be unknown.
func maybeWord[T ~uint16](c *codec, name string, p **T) {
	if c.reading() {
		if _, ok := c.in[name]; !ok {
			return
		}
		*p = new(T)
	} else if *p == nil {
		return
	}
	word(c, name, optional, *p)
}

func digits[T ~uint16](v T) string { return fmt.Sprintf("%04X", uint16(v)) }

func parseWord[T ~uint16](v any) (T, bool) {
	s, ok := v.(string)
	if !ok || len(s) != 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 16, 16)
	return T(n), err == nil
}

// key visits a key that must be present.
func (c *codec) key(name string, p *crypto.Key) {
	k := p
	c.maybeKey(name, required, &k)
}

// maybeKey is a key that may be missing. Errors never contain a key.
func (c *codec) maybeKey(name string, n need, p **crypto.Key) {
	const expected = "a key of 32 hexadecimal digits"
	if !c.reading() {
		if *p != nil {
			c.out.put(name, strings.ToUpper(hex.EncodeToString((*p).Reveal())))
		}
		return
	}
	v, ok := c.take(name, n, expected)
	if !ok {
		return
	}
	s, ok := v.(string)
	if !ok {
		c.complain(name, expected, hidden("no text"))
		return
	}
	k, err := crypto.ParseKey(s)
	if err != nil {
		c.complain(name, expected, hidden(fmt.Sprintf("%d other characters", len(s))))
		return
	}
	if *p == nil {
		*p = &k
	} else {
		**p = k
	}
}

// uuid visits a UUID with dashes, as in version 1.0.1. UUIDs without dashes are
// read too.
func (c *codec) uuid(name string, p *mesh.UUID) {
	c.scalar(name, required, "a UUID", func() (any, bool) { return dashed(*p), true }, func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		u, err := mesh.ParseUUID(s)
		*p = u
		return err == nil && !u.IsZero()
	})
}

func dashed(u mesh.UUID) string {
	s := strings.ToUpper(u.String())
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// time visits a time in the format of RFC 3339.
func (c *codec) time(name string, n need, p *time.Time) {
	c.scalar(name, n, "a time such as 2026-01-31T12:00:00Z",
		func() (any, bool) { return p.UTC().Format(time.RFC3339), n == required || !p.IsZero() },
		func(v any) bool {
			s, ok := v.(string)
			if !ok {
				return false
			}
			t, err := time.Parse(time.RFC3339, s)
			*p = t
			return err == nil
		})
}

// choice visits a field with one word for each of its values.
func choice[T comparable](c *codec, name string, n need, words []string, values []T, p *T) {
	expected := "one of " + strings.Join(words, ", ")
	c.scalar(name, n, expected, func() (any, bool) {
		for i, v := range values {
			if v == *p {
				return words[i], true
			}
		}
		return nil, false
	}, func(v any) bool {
		for i, w := range words {
			if v == w {
				*p = values[i]
				return true
			}
		}
		return false
	})
}

// list visits a list of objects.
func list[T any](c *codec, name string, n need, p *[]T, fields func(*codec, *T)) {
	if !c.reading() {
		if n == optional && len(*p) == 0 {
			return
		}
		all := make([]any, 0, len(*p))
		for i := range *p {
			out := &object{}
			fields(&codec{out: out}, &(*p)[i])
			all = append(all, out)
		}
		c.out.put(name, all)
		return
	}
	items := c.items(name, n)
	for i, item := range items {
		inner := codec{path: fmt.Sprintf("%s[%d]", c.at(name), i), problems: c.problems}
		var ok bool
		if inner.in, ok = item.(map[string]any); !ok {
			c.complain(fmt.Sprintf("%s[%d]", name, i), "an object", item)
			continue
		}
		var value T
		fields(&inner, &value)
		*p = append(*p, value)
	}
}

// items returns the list to read. Its length is limited: a node has at most
// some thousand of anything.
func (c *codec) items(name string, n need) []any {
	const most = 1 << 16
	v, ok := c.take(name, n, "a list")
	if !ok {
		return nil
	}
	items, ok := v.([]any)
	switch {
	case !ok:
		c.complain(name, "a list", v)
	case len(items) > most:
		c.complain(name, fmt.Sprintf("at most %d entries", most), hidden(strconv.Itoa(len(items))))
		return nil
	}
	return items
}

// values visits a list of scalars.
func values[T any](c *codec, name string, n need, expected string, p *[]T, write func(T) any, read func(any) (T, bool)) {
	if !c.reading() {
		all := make([]any, 0, len(*p))
		for _, v := range *p {
			all = append(all, write(v))
		}
		if n == required || len(all) > 0 {
			c.out.put(name, all)
		}
		return
	}
	for i, item := range c.items(name, n) {
		v, ok := read(item)
		if !ok {
			c.complain(fmt.Sprintf("%s[%d]", name, i), expected, item)
			continue
		}
		*p = append(*p, v)
	}
}

// inner visits an object that may be missing.
func inner[T any](c *codec, name string, p **T, fields func(*codec, *T)) {
	if !c.reading() {
		if *p != nil {
			out := &object{}
			fields(&codec{out: out}, *p)
			c.out.put(name, out)
		}
		return
	}
	v, ok := c.take(name, optional, "an object")
	if !ok {
		return
	}
	in, ok := v.(map[string]any)
	if !ok {
		c.complain(name, "an object", v)
		return
	}
	*p = new(T)
	fields(&codec{path: c.at(name), in: in, problems: c.problems}, *p)
}
