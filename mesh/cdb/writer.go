package cdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Writer writes a database node by node, with all keys. The result is the same as
// that of Database.JSON.
type Writer struct {
	w       io.Writer
	fields  *object // everything but the nodes
	checker *checker
	rest    int // index of the first field behind the nodes
	nodes   int
	err     error
}

// NewWriter begins to write a database. head is the database without its nodes.
// Errors are Problems, or those of w.
func NewWriter(w io.Writer, head *Database) (*Writer, error) {
	d := *head
	d.Nodes = nil
	c := newChecker(&d)
	if len(c.problems) > 0 {
		return nil, Problems(c.problems)
	}
	out := &Writer{w: w, fields: &object{}, checker: c}
	d.fields(&codec{out: out.fields})
	for i, name := range out.fields.names {
		if name == "nodes" {
			out.put("%s\n  %q: [", separator(i), name)
			out.rest = i + 1
			return out, out.err
		}
		out.field(i)
	}
	return nil, errors.New("cdb: expected a field for the nodes") // a mistake in the fields
}

// Add writes the next node.
func (w *Writer) Add(n *Node) error {
	if w.err != nil {
		return w.err
	}
	if w.checker.node(n); len(w.checker.problems) > 0 {
		w.err = Problems(w.checker.problems)
		return w.err
	}
	out := &object{}
	nodeFields(&codec{out: out}, n)
	comma := ","
	if w.nodes == 0 {
		comma = ""
	}
	w.nodes++
	w.put("%s\n    %s", comma, w.indented(out, "    "))
	return w.err
}

// Close writes the end. It does not close the writer below.
func (w *Writer) Close() error {
	if w.nodes > 0 {
		w.put("\n  ")
	}
	w.put("]")
	for i := w.rest; i < len(w.fields.names); i++ {
		w.field(i)
	}
	w.put("\n}\n")
	return w.err
}

func separator(i int) string {
	if i == 0 {
		return "{"
	}
	return ","
}

// field writes one field of the database.
func (w *Writer) field(i int) {
	w.put("%s\n  %q: %s", separator(i), w.fields.names[i], w.indented(w.fields.values[i], "  "))
}

func (w *Writer) indented(v any, prefix string) []byte {
	compact, err := json.Marshal(v)
	var b bytes.Buffer
	if err == nil {
		err = json.Indent(&b, compact, prefix, "  ")
	}
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("cdb: %w", err)
	}
	return b.Bytes()
}

func (w *Writer) put(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.w, format, args...)
	}
}
