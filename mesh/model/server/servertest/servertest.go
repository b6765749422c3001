// Package servertest is a test bench for models: it takes the place of their
// node, with time that only the test advances.
package servertest

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Bench contains models and records what they send.
type Bench struct {
	testing.TB
	Time   time.Time
	Models []access.Model
	// Wakes counts how often a model was woken.
	Wakes int
	// Sent is what models sent to nodes without a request.
	Sent []Sent
	// Published is what was published since the last Publications.
	Published []Publication
}

// Publication is a message that a model published.
type Publication struct {
	At      time.Time
	Model   mesh.ModelID
	Message access.Message
}

// Sent is a message that a model sent with access.Sender.
type Sent struct {
	At      time.Time
	To      access.Recipient
	Message access.Message
}

// New makes a bench for the models of one element.
func New(t testing.TB, models ...access.Model) *Bench {
	return &Bench{TB: t, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Models: models}
}

// context is the access.Context of one call.
type context struct {
	bench *Bench
	model access.Model
	reply access.Message
}

func (c *context) Now() time.Time { return c.bench.Time }

func (c *context) Reply(m access.Message) {
	c.bench.Helper()
	if c.reply != nil && c.reply != m {
		c.bench.Errorf("model %s answered twice: %+v and %+v", c.model.ID(), c.reply, m)
	}
	c.bench.sendable(m)
	c.reply = m
}

func (c *context) Send(to access.Recipient, m access.Message) {
	c.bench.Helper()
	c.bench.sendable(m)
	c.bench.Sent = append(c.bench.Sent, Sent{At: c.bench.Time, To: to, Message: m})
}

func (c *context) Publish(m access.Message) bool {
	c.bench.Helper()
	c.bench.sendable(m)
	c.bench.Published = append(c.bench.Published, Publication{At: c.bench.Time, Model: c.model.ID(), Message: m})
	return true
}

// sendable fails if a message cannot be encoded.
func (b *Bench) sendable(m access.Message) {
	b.Helper()
	if _, err := access.Append(nil, m); err != nil {
		b.Errorf("%T %+v cannot be sent: %v", m, m, err)
	}
}

// Source is the source address that Send uses.
const Source mesh.Address = 0x0100

// Send passes a message to the model that accepts it and returns the answer,
// nil for none. If models on several elements accept the same message, use To.
func (b *Bench) Send(m access.Message) access.Message {
	b.Helper()
	for _, model := range b.Models {
		for _, op := range model.Opcodes() {
			if op == m.Opcode() {
				return b.To(model, Source, m)
			}
		}
	}
	b.Fatalf("no model accepts %T", m)
	return nil
}

// To passes a message from src to a model and returns the answer.
func (b *Bench) To(model access.Model, src mesh.Address, m access.Message) access.Message {
	b.Helper()
	octets, err := access.Append(nil, m)
	if err != nil {
		b.Fatalf("%T: %v", m, err)
	}
	op, params, err := access.ParseOpcode(octets)
	if err != nil {
		b.Fatalf("%T: %v", m, err)
	}
	c := &context{bench: b, model: model}
	model.Receive(c, &access.Incoming{Src: src, Dst: 0x0001, Opcode: op, Params: params})
	b.wake()
	return c.reply
}

// Raw passes received octets to a model.
func (b *Bench) Raw(model access.Model, op mesh.Opcode, params []byte) access.Message {
	b.Helper()
	c := &context{bench: b, model: model}
	model.Receive(c, &access.Incoming{Src: Source, Dst: 0x0001, Opcode: op, Params: params})
	b.wake()
	return c.reply
}

// Context runs f in the context of a model.
func (b *Bench) Context(model access.Model, f func(access.Context)) {
	b.Helper()
	f(&context{bench: b, model: model})
	b.wake()
}

// Pass lets time pass, and wakes the models at their deadlines.
func (b *Bench) Pass(d time.Duration) {
	b.Helper()
	for end := b.Time.Add(d); ; {
		next := b.deadline()
		if next.IsZero() || next.After(end) {
			b.Time = end
			return
		}
		if next.After(b.Time) {
			b.Time = next
		}
		b.wake()
	}
}

func (b *Bench) deadline() time.Time {
	var next time.Time
	for _, m := range b.Models {
		if w, ok := m.(access.Waker); ok {
			if d := w.NextDeadline(); !d.IsZero() && (next.IsZero() || d.Before(next)) {
				next = d
			}
		}
	}
	return next
}

// wake wakes the models that are due now in order, as a node does.
func (b *Bench) wake() {
	b.Helper()
	for range 10 {
		woken := false
		for _, m := range b.Models {
			w, ok := m.(access.Waker)
			if !ok {
				continue
			}
			if d := w.NextDeadline(); !d.IsZero() && !d.After(b.Time) {
				b.Wakes++
				woken = true
				w.Wake(&context{bench: b, model: m})
			}
		}
		if !woken {
			return
		}
	}
	b.Fatal("a model asks to be woken endlessly")
}

// Publications returns what was published and clears the record.
func (b *Bench) Publications() []Publication {
	p := b.Published
	b.Published = nil
	return p
}

// Periodic makes a model publish for its period.
func (b *Bench) Periodic(model access.Model) {
	b.Helper()
	if p, ok := model.(access.Publisher); ok {
		p.PublishPeriodically(&context{bench: b, model: model})
	}
}
