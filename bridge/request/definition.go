package request

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// Meta is what people and programs are told about a request.
type Meta struct {
	Name    string // last levels of the topic: words in lower case, "device/rename"
	Summary string // a sentence in the imperative without a full stop
	Details string // more about it, in Markdown; may be empty
	// Duration is how long the answer usually takes at most; 0 for an answer at
	// once.
	Duration time.Duration
	// Events are the types of events on B/bridge/event that tell what a request
	// does meanwhile, beside the general [EventProgress].
	Events []string
	// Errors are the codes that it can end with, beside those of any request. Each
	// must be explained in document.Codes.
	Errors  []string
	Example Example
}

// Example shows a request. A test of the documentation tries it in the demo, in the
// order of the names of the requests.
type Example struct {
	In     string // payload that the request takes
	Out    string // data of the response; may be empty
	Error  string // code that it ends with in the demo; empty when it succeeds
	NotRun string // why it cannot be tried in the demo; empty when it can
}

// Definition is a request: its description and its handler. It is made by
// [Define] or [DefineWithProgress].
type Definition struct {
	Meta
	// Progress says that the request publishes events of type [EventProgress].
	Progress bool

	input, output *schema.Type
	handle        func(name string, transaction json.RawMessage, payload []byte, o Outlet)
	err           error // of the description
}

// Define makes a request with the input In and the output Out, which are structs
// with the tags of package schema. Handle is called with a payload that was read
// and checked. It must not wait: what takes time goes elsewhere, and the call is
// answered when that is done.
//
// Mistakes in a description are reported by [NewTable].
func Define[In, Out any](m Meta, handle func(c *Call[Out], in In)) Definition {
	d := describe[In, Out](m)
	d.handle = func(name string, transaction json.RawMessage, payload []byte, o Outlet) {
		c := &Call[Out]{name: name, transaction: transaction, outlet: o}
		var in In
		if err := d.decode(payload, &in); err != nil {
			c.Fail(err)
			return
		}
		handle(c, in)
	}
	return d
}

// DefineWithProgress is [Define] for a request that tells how far it is.
func DefineWithProgress[In, Out any](m Meta, handle func(c *ProgressCall[Out], in In)) Definition {
	d := describe[In, Out](m)
	d.Progress = true
	d.handle = func(name string, transaction json.RawMessage, payload []byte, o Outlet) {
		c := &ProgressCall[Out]{Call[Out]{name: name, transaction: transaction, outlet: o}}
		var in In
		if err := d.decode(payload, &in); err != nil {
			c.Fail(err)
			return
		}
		handle(c, in)
	}
	return d
}

func describe[In, Out any](m Meta) Definition {
	d := Definition{Meta: m}
	if d.input, d.err = schema.For[In](schema.In); d.err == nil {
		d.output, d.err = schema.For[Out](schema.Out)
	}
	if d.err == nil {
		d.err = m.check()
	}
	if d.err != nil {
		d.err = fmt.Errorf("request: %q: %w", m.Name, d.err)
	}
	return d
}

// check says what is missing in a description.
func (m *Meta) check() error {
	name := regexp.MustCompile(`^[a-z0-9_]+(/[a-z0-9_]+)*$`)
	switch {
	case !name.MatchString(m.Name):
		return fmt.Errorf("name: expected words in lower case, separated by /")
	case m.Summary == "":
		return fmt.Errorf("summary: expected a sentence")
	case m.Duration < 0:
		return fmt.Errorf("duration: expected 0 or more, got %s", m.Duration)
	}
	for _, code := range m.Errors {
		if !name.MatchString(code) {
			return fmt.Errorf("errors: expected codes in lower case, got %q", code)
		}
	}
	return nil
}

// decode reads a payload strictly.
func (d *Definition) decode(payload []byte, in any) error {
	return decoding(d.input.Decode(payload, in, transactionKey))
}

// Check reads a payload and says what is wrong with it, without doing anything.
func (d *Definition) Check(payload []byte) error {
	return d.decode(payload, d.input.New())
}

// Redact returns what a log may show of a payload, as JSON; nil for nothing. That
// includes the transaction if it does not look like a key.
func (d *Definition) Redact(payload []byte) json.RawMessage {
	shown := d.input.Redact(payload)
	transaction, err := TransactionOf(payload)
	if err != nil || transaction == nil || schema.LooksLikeKey(string(transaction)) {
		return shown
	}
	fields := map[string]json.RawMessage{}
	if shown != nil && json.Unmarshal(shown, &fields) != nil {
		return shown // never: it is an object
	}
	fields[transactionKey] = transaction
	if all, err := json.Marshal(fields); err == nil {
		return all
	}
	return shown
}

// Secrets lists the fields of the input that no log shows.
func (d *Definition) Secrets() []string { return d.input.Secrets() }

// Input is the JSON Schema of the payload, with the transaction.
func (d *Definition) Input() *schema.JSON {
	s := d.input.Schema()
	s.Title, s.Description = d.Name, d.Summary
	if s.Properties == nil {
		s.Properties = map[string]*schema.JSON{}
	}
	s.Properties[transactionKey] = &schema.JSON{
		Description: fmt.Sprintf("any JSON of at most %d octets, sent back in the response", MaxTransaction),
	}
	s.PropertyOrder = append(slices.Clone(s.PropertyOrder), transactionKey)
	return s
}

// Output is the JSON Schema of data in a response without an error. With an
// error there may be less of it.
func (d *Definition) Output() *schema.JSON {
	s := d.output.Schema()
	s.Title = d.Name
	return s
}

// InputType describes the payload, without the transaction.
func (d *Definition) InputType() *schema.Type { return d.input }

// OutputType describes the data of a response without an error.
func (d *Definition) OutputType() *schema.Type { return d.output }

// CanFail reports whether a code is one of those that the request can end with.
func (d *Definition) CanFail(code string) bool {
	return slices.Contains(d.Errors, code) ||
		slices.Contains([]string{BadJSON, BadValue, BadTransaction, Failed, Stopped, StoreFailed, NotStored}, code)
}
