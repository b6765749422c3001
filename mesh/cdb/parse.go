package cdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Sizes in octets of the largest database that is read. A node with many models
// takes about 5,000.
const (
	MaxSize     = 64 << 20  // by Parse, which keeps it in memory
	MaxFileSize = 512 << 20 // by File
)

// Problem is one thing that is wrong with a database.
type Problem struct {
	Field string // as in nodes[3].elements[0].index; empty for the whole file
	Text  string
}

// Error returns the field and the text.
func (p Problem) Error() string {
	if p.Field == "" {
		return p.Text
	}
	return p.Field + ": " + p.Text
}

// Problems is everything that is wrong with a database.
type Problems []Problem

// Error lists the first problems, one per line, and counts the others.
func (p Problems) Error() string {
	const shown = 20
	var b strings.Builder
	b.WriteString("cdb: this is not a valid Mesh Configuration Database:")
	for i, problem := range p {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(p)-shown)
			break
		}
		b.WriteString("\n  " + problem.Error())
	}
	return b.String()
}

// maxProblems limits how many problems of a file are collected.
const maxProblems = 1000

// Parse reads and checks a database. Errors are Problems that name each field,
// or say that the file is not JSON. An enclosing object with the one field
// meshNetwork, as older apps write it, is accepted.
func Parse(data []byte) (*Database, error) {
	if len(data) > MaxSize {
		return nil, Problems{{Text: fmt.Sprintf("expected at most %d octets, got %d", MaxSize, len(data))}}
	}
	in, err := decode(data)
	if err != nil {
		return nil, Problems{{Text: err.Error()}}
	}
	if wrapped, ok := in["meshNetwork"].(map[string]any); ok && len(in) == 1 {
		in = wrapped
	}
	var problems []Problem
	d := &Database{}
	d.fields(&codec{in: in, problems: &problems})
	if len(problems) == 0 {
		problems = d.Check()
	}
	if len(problems) > 0 {
		return nil, Problems(problems)
	}
	return d, nil
}

// decode reads JSON into maps. Numbers keep their notation.
func decode(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var in map[string]any
	if err := decoder.Decode(&in); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("expected JSON, at octet %d: %w", syntax.Offset, err)
		}
		return nil, fmt.Errorf("expected a JSON object: %w", err)
	}
	if in == nil {
		return nil, errors.New("expected a JSON object, got null")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("expected one JSON object, got more after it")
	}
	return in, nil
}

// JSON writes the database including its keys. Protect the result like the keys
// themselves.
func (d *Database) JSON() ([]byte, error) {
	if problems := d.Check(); len(problems) > 0 {
		return nil, Problems(problems)
	}
	out := &object{}
	d.fields(&codec{out: out})
	compact, err := out.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("cdb: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("cdb: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// JSON writes the node including its key.
func (n *Node) JSON() ([]byte, error) {
	out := &object{}
	nodeFields(&codec{out: out}, n)
	data, err := out.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("cdb: %w", err)
	}
	return data, nil
}

// ParseNode reads what Node.JSON wrote. It does not apply the rules of Check.
func ParseNode(data []byte) (*Node, error) {
	in, err := decode(data)
	if err != nil {
		return nil, Problems{{Text: err.Error()}}
	}
	var problems []Problem
	n := &Node{}
	nodeFields(&codec{in: in, problems: &problems}, n)
	if len(problems) > 0 {
		return nil, Problems(problems)
	}
	return n, nil
}

// WithoutKeys returns a copy that may be shown: partial and without keys. Its
// JSON cannot be read again, because a NetKey needs its key.
func (d *Database) WithoutKeys() map[string]any {
	out := &object{}
	d.fields(&codec{out: out})
	return strip(out).(map[string]any)
}

// strip turns objects into maps and removes the keys.
func strip(v any) any {
	switch v := v.(type) {
	case *object:
		m := make(map[string]any, len(v.names))
		for i, name := range v.names {
			if name != "key" && name != "oldKey" && name != "deviceKey" {
				m[name] = strip(v.values[i])
			}
		}
		return m
	case []any:
		for i := range v {
			v[i] = strip(v[i])
		}
		return v
	default:
		return v
	}
}
