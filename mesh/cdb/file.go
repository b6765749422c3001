package cdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// File is a database that is read node by node.
type File struct {
	r       io.ReadSeeker
	wrapped bool // the database is the field meshNetwork of the object
	head    *Database
}

// Open reads and checks a whole database, and keeps everything but its nodes. It
// accepts what Parse accepts, and fails as Parse does. Errors of r are returned
// as they are.
func Open(r io.ReadSeeker) (*File, error) {
	f := &File{r: r, head: &Database{}}
	in, err := f.scan(nil)
	if err != nil {
		return nil, err
	}
	if inner, ok := in[wrapper].(map[string]any); ok && len(in) == 1 {
		in, f.wrapped = inner, true
	}
	var problems []Problem
	f.head.fields(&codec{in: in, problems: &problems})
	f.head.Nodes = nil
	c := newChecker(f.head)
	if err := f.nodes(&problems, func(n *Node) error { c.node(n); return nil }); err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		problems = c.problems
	}
	if len(problems) > 0 {
		return nil, Problems(problems)
	}
	return f, nil
}

// Head is the database without its nodes.
func (f *File) Head() *Database { return f.head }

// Nodes calls visit with each node, in the order of the file. It ends with the
// first error of visit.
func (f *File) Nodes(visit func(*Node) error) error {
	var problems []Problem
	if err := f.nodes(&problems, visit); err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("the file has changed: %w", Problems(problems))
	}
	return nil
}

func (f *File) nodes(problems *[]Problem, visit func(*Node) error) error {
	i := -1
	_, err := f.scan(func(item any) error {
		i++
		c := codec{path: "nodes[" + strconv.Itoa(i) + "]", problems: problems}
		var ok bool
		if c.in, ok = item.(map[string]any); !ok {
			outer := codec{problems: problems}
			outer.complain(c.path, "an object", item)
			return nil
		}
		before := len(*problems)
		n := &Node{}
		if nodeFields(&c, n); len(*problems) > before {
			return nil
		}
		return visit(n)
	})
	return err
}

// wrapper is the one field of the object in which older apps put the database.
const wrapper = "meshNetwork"

// maxNodes is how many nodes a file may have. There are 32767 addresses.
const maxNodes = 1 << 16

// scan reads the file once. It returns the fields of its object; the list of
// nodes is empty there, because each node is passed to visit, if there is one.
func (f *File) scan(visit func(item any) error) (map[string]any, error) {
	if _, err := f.r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	s := &scanner{visit: visit}
	limited := &io.LimitedReader{R: f.r, N: MaxFileSize + 1}
	s.decoder = json.NewDecoder(limited)
	s.decoder.UseNumber()
	in, err := s.file(f.wrapped)
	if limited.N <= 0 {
		return nil, Problems{{Text: fmt.Sprintf("expected at most %d octets, got more", int64(MaxFileSize))}}
	}
	return in, err
}

// scanner reads the tokens of a file.
type scanner struct {
	decoder *json.Decoder
	visit   func(item any) error
}

// file reads the object, and expects nothing after it.
func (s *scanner) file(wrapped bool) (map[string]any, error) {
	first, err := s.token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('{') {
		return nil, Problems{{Text: "expected a JSON object, got " + show(shape(first))}}
	}
	in, err := s.object(true, !wrapped)
	if err != nil {
		return nil, err
	}
	if _, err := s.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, Problems{{Text: "expected one JSON object, got more after it"}}
	}
	return in, nil
}

// object reads the fields after the opening brace. The nodes are visited if they
// are at the right place: in the outer object, or in the wrapper.
func (s *scanner) object(outer, here bool) (map[string]any, error) {
	in := map[string]any{}
	for s.decoder.More() {
		name, err := s.token()
		if err != nil {
			return nil, err
		}
		field, _ := name.(string) // a name is always text
		_, twice := in[field]
		switch {
		case field == "nodes" && twice:
			return nil, Problems{{Field: "nodes", Text: "expected the field once, got it again"}}
		case field == "nodes":
			in[field], err = s.nodes(here)
		case field == wrapper && outer:
			in[field], err = s.wrapped(!here)
		case known(field):
			in[field], err = s.value()
		default:
			in[field], err = nil, s.skip()
		}
		if err != nil {
			return nil, err
		}
	}
	_, err := s.token() // the closing brace
	return in, err
}

// known reports whether a field other than the nodes is read.
func known(field string) bool {
	switch field {
	case "version", "meshUUID", "meshName", "timestamp", "partial", "netKeys", "appKeys", "provisioners", "groups", "scenes", "networkExclusions":
		return true
	default:
		return false
	}
}

// wrapped reads the value of the wrapper.
func (s *scanner) wrapped(here bool) (any, error) {
	first, err := s.token()
	if err != nil || first != json.Delim('{') {
		return nil, errors.Join(err, s.rest(first))
	}
	return s.object(false, here)
}

// nodes reads the list of nodes, and returns an empty one, or what is there
// instead of a list.
func (s *scanner) nodes(visit bool) (any, error) {
	first, err := s.token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('[') {
		return shape(first), s.rest(first)
	}
	for i := 0; s.decoder.More(); i++ {
		if i == maxNodes {
			return nil, Problems{{Field: "nodes", Text: fmt.Sprintf("expected at most %d entries, got more", maxNodes)}}
		}
		if s.visit == nil || !visit {
			err = s.skip()
		} else if item, failed := s.value(); failed != nil {
			err = failed
		} else {
			err = s.visit(item)
		}
		if err != nil {
			return nil, err
		}
	}
	_, err = s.token() // the closing bracket
	return []any{}, err
}

// shape is a value for an error: an empty list or object instead of a delimiter.
func shape(t json.Token) any {
	switch t {
	case json.Delim('{'):
		return map[string]any{}
	case json.Delim('['):
		return []any{}
	default:
		return t
	}
}

func (s *scanner) value() (v any, err error) {
	if err := s.decoder.Decode(&v); err != nil {
		return nil, s.failed(err)
	}
	return v, nil
}

func (s *scanner) token() (json.Token, error) {
	t, err := s.decoder.Token()
	if err != nil {
		return nil, s.failed(err)
	}
	return t, nil
}

// skip reads a value that is not used.
func (s *scanner) skip() error {
	first, err := s.token()
	if err != nil {
		return err
	}
	return s.rest(first)
}

// rest reads the rest of a value that begins with a token.
func (s *scanner) rest(first json.Token) error {
	depth := 0
	for t := first; ; {
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		var err error
		if t, err = s.token(); err != nil {
			return err
		}
	}
}

// failed explains an error of the decoder. Errors of the file stay as they are.
func (s *scanner) failed(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Problems{{Text: fmt.Sprintf("expected JSON, at octet %d: %v", s.decoder.InputOffset(), err)}}
	default:
		return err
	}
}
