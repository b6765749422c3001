// Package command carries out what is written to the topics of a device.
//
//	B/NAME/set, B/NAME/get ─▶ check ─▶ merge ─▶ translate ─▶ node.Request
//	                                                           │
//	B/NAME/set/response ◀──────────── outcome ◀────────────────┘
//
// One command is on its way to a device at a time. Beside it the bridge asks devices for
// their state in the background (refresh.go).
package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// transactionKey is the key of a command that asks for its outcome.
const transactionKey = "transaction"

// States publishes the last state of a device again, and notes that it changed.
type States interface {
	PublishState(d *registry.Device)
	Changed(d *registry.Device)
}

// Availability notes that a device did not answer.
type Availability interface{ Unanswered(d *registry.Device) }

// Part sends commands, one at a time for each device. Make it with New.
type Part struct {
	part.None
	h            *part.Host
	states       States
	availability Availability
	queues       map[*registry.Device]*queue
}

// New makes the part.
func New(h *part.Host, s States, a Availability) *Part {
	return &Part{h: h, states: s, availability: a, queues: map[*registry.Device]*queue{}}
}

func (p *Part) queue(d *registry.Device) *queue {
	q := p.queues[d]
	if q == nil {
		q = &queue{}
		p.queues[d] = q
	}
	return q
}

// Removed implements part.Part. Waiting commands end with an error.
func (p *Part) Removed(d *registry.Device, _ bool) {
	p.concludeAll(d, fault.ErrRemoved)
	p.queue(d).refreshed(nil)
	delete(p.queues, d)
}

// Stop implements part.Part.
func (p *Part) Stop() {
	for d := range p.queues {
		p.concludeAll(d, node.ErrStopped)
	}
}

func (p *Part) concludeAll(d *registry.Device, err error) {
	for _, c := range p.queue(d).takeAll() {
		p.conclude(d, c, failed(err))
	}
}

// Log writes what came to a command topic of a device to the debug log.
func Log(log *zerolog.Logger, topic, device string, payload []byte) {
	if e := log.Debug(); e.Enabled() {
		e.Str("device", device).Str("topic", fault.Clip(topic)).Str("payload", fault.Clip(string(payload))).Msg("command")
	}
}

// Unknown refuses a command for a device that does not exist.
func (p *Part) Unknown(parsed topic.Parsed, payload []byte) {
	if !parsed.Kind.Incoming() {
		return
	}
	text := fmt.Sprintf("no device is called %q; see %s", fault.Clip(parsed.Name), p.h.Topics.Bridge("devices"))
	p.h.Publisher.Warn("", "a command was refused: %s", text)
	if transaction, err := request.TransactionOf(payload); transaction != nil && err == nil {
		p.respond(parsed.Name, document.CommandResponse{Transaction: transaction, Status: "error", Code: "unknown_device", Error: text})
	}
}

// Set takes a command for a device.
func (p *Part) Set(d *registry.Device, parsed topic.Parsed, payload []byte) {
	attributes, transaction, err := readAttributes(parsed.Attribute, payload)
	plan := func() ([]translate.Step, error) { return d.Translator.Plan(parsed.Element, attributes) }
	if !p.accept(d, parsed.Element, transaction, err, plan) {
		return
	}
	c := p.queue(d).at(parsed.Element)
	c.attributes = translate.Merge(c.attributes, attributes)
	p.expect(d, c, transaction)
	p.Resume(d)
}

// Get takes a query for a device: the names of attributes, or nothing for all
// of them.
func (p *Part) Get(d *registry.Device, parsed topic.Parsed, payload []byte) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	attributes, transaction, err := readAttributes("", payload)
	names := slices.Sorted(maps.Keys(attributes))
	plan := func() ([]translate.Step, error) { return d.Translator.Query(parsed.Element, names) }
	if p.accept(d, parsed.Element, transaction, err, plan) {
		c := p.queue(d).at(parsed.Element)
		c.ask(names)
		p.expect(d, c, transaction)
		p.Resume(d)
	}
}

// accept reports whether a command can be queued. One that cannot be carried out is
// refused now, before it is merged with others: err is an error of its payload, and
// plan tells whether it has a meaning for the device.
func (p *Part) accept(
	d *registry.Device, element string, transaction json.RawMessage, err error, plan func() ([]translate.Step, error),
) bool {
	if err == nil {
		err = d.Ready()
	}
	if err == nil {
		if _, wrong := plan(); wrong != nil {
			err = fault.New("bad_attribute", "%w", wrong)
		}
	}
	if err == nil {
		err = p.queue(d).check(element)
	}
	if err == nil {
		err = p.h.RadioDown()
	}
	if err != nil {
		p.refuse(d, transaction, err)
	}
	return err == nil
}

// readAttributes reads the payload of a command: an object of attributes, or the value
// of the attribute in the topic. The transaction is returned separately.
func readAttributes(attribute string, payload []byte) (map[string]json.RawMessage, json.RawMessage, error) {
	if err := schema.Strict(payload); err != nil {
		return nil, nil, fault.New("bad_json", "%w", err)
	}
	if attribute != "" {
		value := json.RawMessage(payload)
		if !json.Valid(payload) {
			// ON is as good as "ON".
			value, _ = json.Marshal(string(payload)) // a text can always be written
		}
		return map[string]json.RawMessage{attribute: value}, nil, nil
	}
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(payload, &attributes); err != nil {
		return nil, nil, fault.New("bad_json", `expected a JSON object such as {"state":"ON"}: %w`, schema.Explain(err))
	}
	if attributes == nil {
		return nil, nil, fault.New("bad_json", `expected a JSON object such as {"state":"ON"}, got null`)
	}
	transaction := attributes[transactionKey]
	delete(attributes, transactionKey)
	if string(transaction) == "null" {
		transaction = nil
	}
	if err := request.CheckTransaction(transaction); err != nil {
		return nil, nil, err
	}
	return attributes, transaction, nil
}

// refuse answers a command that was not understood.
func (p *Part) refuse(d *registry.Device, transaction json.RawMessage, err error) {
	p.h.Publisher.Warn(d.Record.Name, "a command for %s was refused: %v", d.Record.Name, err)
	o := failed(err)
	o.Transaction = transaction
	p.respond(d.Record.Name, o)
}

func (p *Part) respond(name string, o document.CommandResponse) {
	p.h.Publisher.JSON(p.h.Topics.SetResponse(name), o, publish.AtMostOnce, name, "the outcome of a command for "+name)
}
