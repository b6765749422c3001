package request

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// Table holds the requests of all parts. It does not change.
type Table struct {
	byName map[string]*Definition
	names  []string // sorted
}

// NewTable makes a table. It reports every definition that is wrong or there
// twice.
func NewTable(definitions ...Definition) (*Table, error) {
	t := &Table{byName: map[string]*Definition{}}
	var wrong []string
	for i := range definitions {
		d := &definitions[i]
		switch {
		case d.err != nil:
			wrong = append(wrong, d.err.Error())
			continue
		case t.byName[d.Name] != nil:
			wrong = append(wrong, fmt.Sprintf("request: %q is defined twice", d.Name))
			continue
		}
		t.byName[d.Name] = d
	}
	if wrong != nil {
		return nil, fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	t.names = slices.Sorted(maps.Keys(t.byName))
	return t, nil
}

// Names lists the requests.
func (t *Table) Names() []string { return slices.Clone(t.names) }

// Lookup finds a request.
func (t *Table) Lookup(name string) (*Definition, bool) {
	d, ok := t.byName[name]
	return d, ok
}

// maxName is how much of the name of an unknown request is repeated, in octets.
const maxName = 500

// Handle takes a payload for the request of a name. The outlet gets exactly one
// reply, before or after Handle has returned.
func (t *Table) Handle(name string, payload []byte, o Outlet) {
	d, ok := t.byName[name]
	if !ok {
		o.Reply(name, echo(payload), nil, refuse(Unknown, "there is no request %q; expected one of %s",
			excerpt.Of(name, maxName), strings.Join(t.names, ", ")))
		return
	}
	if err := schema.Strict(payload); err != nil {
		o.Reply(name, echo(payload), nil, decoding(err))
		return
	}
	transaction, err := TransactionOf(payload)
	if err != nil {
		o.Reply(name, nil, nil, err)
		return
	}
	d.handle(name, transaction, payload, o)
}

// echo is the transaction of a payload that was refused; nil if it cannot be sent back.
func echo(payload []byte) json.RawMessage {
	if !utf8.Valid(payload) || len(payload) > schema.MaxPayload {
		return nil
	}
	transaction, err := TransactionOf(payload)
	if err != nil || schema.Strict(transaction) != nil {
		return nil
	}
	return transaction
}

// Redact returns what a log may show of a payload, as JSON; nil for nothing.
func (t *Table) Redact(name string, payload []byte) json.RawMessage {
	if d, ok := t.byName[name]; ok {
		return d.Redact(payload)
	}
	return nil
}

// Markdown describes all requests, one section each. Codes explains the codes of
// errors; one that is not in it is an error.
func (t *Table) Markdown(codes map[string]string) (string, error) {
	var b strings.Builder
	for _, name := range t.names {
		d := t.byName[name]
		fmt.Fprintf(&b, "### %s\n\n%s.", d.Name, d.Summary)
		b.WriteString(" " + d.when() + "\n")
		if d.Details != "" {
			b.WriteString("\n" + d.Details + "\n")
		}
		if table := d.input.Markdown(); table != "" {
			b.WriteString("\nRequest:\n\n" + table)
		}
		if table := d.output.Markdown(); table != "" {
			b.WriteString("\n`data` of the response:\n\n" + table)
		}
		if len(d.Errors) > 0 {
			b.WriteString("\nErrors:\n\n| code | meaning |\n|---|---|\n")
			for _, code := range slices.Sorted(slices.Values(d.Errors)) {
				meaning, ok := codes[code]
				if !ok {
					return "", fmt.Errorf("request: %s: the error %q is not explained: add it to the codes in package document", d.Name, code)
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", code, meaning)
			}
		}
		d.Example.write(&b, d.Name)
		b.WriteString("\n")
	}
	return b.String(), nil
}

// write shows an example as blocks of JSON. The comments, which readers do not see,
// say how they are tried.
func (e *Example) write(b *strings.Builder, name string) {
	if e.In == "" {
		return
	}
	block := func(comment, text string) {
		fmt.Fprintf(b, "\n<!-- %s -->\n```json\n%s\n```\n", comment, text)
	}
	const base = "btmesh2mqtt/bridge/"
	b.WriteString("\nExample:\n")
	how := "publish: " + base + "request/" + name
	answer := "shows: " + base + "response/" + name
	switch {
	case e.NotRun != "":
		how, answer = "not run: "+e.NotRun, "not run: "+e.NotRun
	case e.Error != "":
		how, answer = how+" error "+e.Error, "not run: it needs more than the demo has"
	}
	block(how, e.In)
	if e.Out != "" {
		b.WriteString("\nThe answer:\n")
		block(answer, `{"status":"ok","data":`+e.Out+`}`)
	}
}

// when says how long a request takes and what is heard of it meanwhile.
func (d *Definition) when() string {
	text := "The answer comes at once."
	if d.Duration > 0 {
		text = fmt.Sprintf("The answer usually comes within %s.", words(d.Duration.Seconds()))
	}
	events := slices.Clone(d.Events)
	if d.Progress {
		events = append(events, EventProgress)
	}
	if len(events) > 0 {
		text += " Meanwhile there are events of type `" + strings.Join(events, "`, `") + "`."
	}
	return text
}

// words writes a number of seconds for people.
func words(seconds float64) string {
	const minute, hour = 60, 3600
	unit, n := "second", seconds
	switch {
	case seconds >= 2*hour:
		unit, n = "hour", seconds/hour
	case seconds >= 2*minute:
		unit, n = "minute", seconds/minute
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%g %s", n, unit)
}
