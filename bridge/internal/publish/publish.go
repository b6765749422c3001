// Package publish is the bridge's way out to the broker.
//
//	Event    ─▶ a topic, once
//	Notify   ─▶ B/bridge/event      {"type":...,"data":{...}}
//	Warn     ─▶ B/bridge/logging    and the log
//	Retain   ─▶ a retained topic of a device, once the ledger has it (ledger.go)
//	Changed  ─▶ marks a list of the bridge, which is published later
package publish

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

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
	changed map[string]bool
}

// New makes a publisher. It is used once Attach has given it an outbox.
func New(topics topic.Topics, log zerolog.Logger) *Publisher {
	return &Publisher{topics: topics, log: log, changed: map[string]bool{}}
}

// Attach gives the publisher its outbox.
func (p *Publisher) Attach(out Outbox) { p.out = out }

// List publishes a retained topic of the bridge itself, such as bridge/info.
func (p *Publisher) List(name string, document any) {
	data, err := json.Marshal(document)
	if err != nil {
		p.Warn("", "bridge/%s could not be written: %v", name, err)
		return
	}
	p.out.Publish(p.topics.Bridge(name), data, true)
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
// device that it is about, or empty.
func (p *Publisher) Warn(device, format string, args ...any) {
	p.logging(p.log.Warn(), "warning", device, fault.Clip(fmt.Sprintf(format, args...)))
}

// Alert is Warn for what makes the bridge useless while it lasts.
func (p *Publisher) Alert(format string, args ...any) {
	p.logging(p.log.Error(), "error", "", fault.Clip(fmt.Sprintf(format, args...)))
}

// Inform logs, here and in bridge/logging, that what Alert told is over.
func (p *Publisher) Inform(format string, args ...any) {
	p.logging(p.log.Info(), "info", "", fault.Clip(fmt.Sprintf(format, args...)))
}

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

// Changed marks lists of the bridge that have to be published again.
func (p *Publisher) Changed(lists ...string) {
	for _, list := range lists {
		p.changed[list] = true
	}
}

// TakeChanged returns the marked lists in their order, and unmarks them.
func (p *Publisher) TakeChanged() []string {
	if len(p.changed) == 0 {
		return nil
	}
	lists := slices.Sorted(maps.Keys(p.changed))
	clear(p.changed)
	return lists
}
