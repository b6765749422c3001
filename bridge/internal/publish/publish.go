// Package publish is the bridge's way out to the broker.
//
//	Event    ─▶ a topic, once
//	Notify   ─▶ B/bridge/event      {"type":...,"data":{...}}
//	Warn     ─▶ B/bridge/logging    and the log
//	Retain   ─▶ a retained topic of a device, once the ledger has it (ledger.go)
//	Changed  ─▶ marks a list of the bridge, which is published later
package publish

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Qualities of service of MQTT.
const (
	AtMostOnce  = 0
	AtLeastOnce = 1
)

// Outbox takes what is to be published; *mqtt.Session is one. Its methods do not
// wait.
type Outbox interface {
	Publish(topic string, payload []byte, retained bool)
	Event(topic string, payload []byte, qos byte)
	Clear(topic string)
}

// Publisher belongs to the bridge's loop.
type Publisher struct {
	out     Outbox
	topics  topic.Topics
	log     zerolog.Logger
	changed map[string]bool              // lists; true for those to be published even if they are as they were
	last    map[string][sha256.Size]byte // by list
	observe func(topic string, payload []byte)
	floods  throttle
}

// New makes a publisher. It is used once Attach has given it an outbox.
func New(topics topic.Topics, log zerolog.Logger) *Publisher {
	return &Publisher{topics: topics, log: log, changed: map[string]bool{}, last: map[string][sha256.Size]byte{}}
}

// Attach gives the publisher its outbox.
func (p *Publisher) Attach(out Outbox) { p.out = out }

// List publishes a retained topic of the bridge itself, such as bridge/info, unless it is
// as it was published last; again publishes it even then. It returns the length of the
// document in octets.
func (p *Publisher) List(name string, document any, again bool) (octets int) {
	data, err := json.Marshal(document)
	if err != nil {
		p.Warn("", "bridge/%s could not be written: %v", name, err)
		return 0
	}
	if sum := sha256.Sum256(data); again || p.last[name] != sum {
		p.last[name] = sum
		p.Retain(p.topics.Bridge(name), data)
	}
	return len(data)
}

// Retain publishes a retained value; without a payload it clears the topic.
func (p *Publisher) Retain(topic string, payload []byte) {
	if p.observe != nil {
		p.observe(topic, payload)
	}
	if len(payload) == 0 {
		p.out.Clear(topic)
		return
	}
	p.out.Publish(topic, payload, true)
}

// Observe has f called for every retained value before it is published, and with no
// payload before a topic is cleared.
func (p *Publisher) Observe(f func(topic string, payload []byte)) { p.observe = f }

// Subscribe adds a subscription, if the outbox can do that.
func (p *Publisher) Subscribe(filter string, qos byte) {
	if s, ok := p.out.(interface{ Subscribe(filter string, qos byte) }); ok {
		s.Subscribe(filter, qos)
	}
}

// Event publishes a value that is not retained.
func (p *Publisher) Event(topic string, payload []byte, qos byte) { p.out.Event(topic, payload, qos) }

// JSON is Event with a document; what says what it is, for the warning when it
// cannot be written.
func (p *Publisher) JSON(topic string, document any, qos byte, device, what string) {
	data, err := json.Marshal(document)
	if err != nil {
		p.Warn(device, "%s could not be written: %v", what, err)
		return
	}
	p.out.Event(topic, data, qos)
}

// Notify publishes something that happened to bridge/event.
func (p *Publisher) Notify(data document.EventData) {
	payload, err := json.Marshal(document.NewEvent(data))
	if err != nil {
		p.Warn("", "the event %s could not be written: %v", data.EventType(), err)
		return
	}
	p.out.Event(p.topics.Bridge("event"), payload, AtMostOnce)
}

// Warn logs a warning, here and in bridge/logging. device is the name of the
// device that it is about, or empty. Of many warnings with one format within a
// minute the first are written and the others counted.
func (p *Publisher) Warn(device, format string, args ...any) {
	text := fault.Clip(fmt.Sprintf(format, args...))
	if p.floods.allow(format, text, time.Now()) {
		p.warn(device, text)
	}
}

// Allow reports whether something of a kind is to be logged, by the rule of Warn.
// There must be few kinds.
func (p *Publisher) Allow(kind, text string) bool {
	return p.floods.allow(kind, fault.Clip(text), time.Now())
}

// Second sums up the warnings that were held back. Call it every second.
func (p *Publisher) Second() {
	for _, f := range p.floods.end(time.Now()) {
		p.warn("", fault.Clip(fmt.Sprintf("%d further warnings of one kind within a minute were not logged; the last: %s", f.held, f.last)))
	}
}

// Alert is Warn for what makes the bridge useless while it lasts.
func (p *Publisher) Alert(format string, args ...any) {
	p.logging(p.log.Error(), "error", "", fault.Clip(fmt.Sprintf(format, args...)))
}

// Inform logs, here and in bridge/logging, that what Alert told is over.
func (p *Publisher) Inform(format string, args ...any) {
	p.logging(p.log.Info(), "info", "", fault.Clip(fmt.Sprintf(format, args...)))
}

func (p *Publisher) warn(device, text string) { p.logging(p.log.Warn(), "warning", device, text) }

func (p *Publisher) logging(e *zerolog.Event, level, device, text string) {
	if device != "" {
		e.Str("device", device)
	}
	e.Msg(text)
	payload, err := json.Marshal(document.Logging{Level: level, Message: text, Namespace: "bridge"})
	if err != nil {
		return // strings can always be written
	}
	p.out.Event(p.topics.Bridge("logging"), payload, AtMostOnce)
}

// Changed marks lists of the bridge that may have changed.
func (p *Publisher) Changed(lists ...string) {
	for _, list := range lists {
		if !p.changed[list] { // it keeps the mark of Again
			p.changed[list] = false
		}
	}
}

// Again marks lists of the bridge that have to be published again at once, even if they
// are as they were: the broker may have another value.
func (p *Publisher) Again(lists ...string) {
	for _, list := range lists {
		p.changed[list] = true
	}
}

// Mark is a list that was marked.
type Mark struct {
	List  string
	Again bool // it was marked by Again
}

// TakeChanged returns the marked lists, and unmarks them.
func (p *Publisher) TakeChanged() []Mark {
	if len(p.changed) == 0 {
		return nil
	}
	marks := make([]Mark, 0, len(p.changed))
	for list, again := range p.changed {
		marks = append(marks, Mark{list, again})
	}
	clear(p.changed)
	return marks
}
