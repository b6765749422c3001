package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// transactionKey is the key of a command that asks for its outcome.
const transactionKey = "transaction"

// outcome is the payload of set/response.
type outcome struct {
	Transaction json.RawMessage `json:"transaction,omitempty"`
	Status      string          `json:"status"` // ok, timeout, error
	Error       string          `json:"error,omitempty"`
	Code        string          `json:"code,omitempty"`
	Attempts    int             `json:"attempts,omitempty"`
	RTT         *int64          `json:"rtt_ms,omitempty"`
}

// handleMessage handles a message from the broker.
func (s *Service) handleMessage(m mqtt.Message) {
	if s.cfg.HomeAssistant.Enabled && m.Topic == s.cfg.HomeAssistant.StatusTopic {
		s.homeAssistant(m)
		return
	}
	parsed, err := s.cfg.Topics.Parse(m.Topic, func(name string) bool { return s.find(name) != nil })
	if m.Retained && (err != nil || parsed.Kind.Incoming()) {
		// It was written some time ago, for a state of things that is gone.
		s.ignored++
		s.log.Info().Str("topic", clip(m.Topic)).Msg("a retained command was ignored; publish commands without retain")
		return
	}
	switch {
	case errors.Is(err, topic.ErrUnknown):
		s.unknownDevice(parsed, m.Payload)
		return
	case err != nil:
		s.complain("the topic %s cannot be understood: %v", clip(m.Topic), err)
		return
	}
	switch parsed.Kind {
	case topic.Request:
		s.request(parsed.What, m.Payload)
	case topic.Set:
		s.debugCommand(m.Topic, parsed.Name, m.Payload)
		s.set(s.find(parsed.Name), parsed, m.Payload)
	case topic.Get:
		s.debugCommand(m.Topic, parsed.Name, m.Payload)
		s.get(s.find(parsed.Name), parsed, m.Payload)
	default:
		// One of our own, which a broad subscription of the broker brought back.
	}
}

// unknownDevice complains about a command for nobody, and tells who wants to
// know the outcome.
func (s *Service) unknownDevice(parsed topic.Parsed, payload []byte) {
	if !parsed.Kind.Incoming() {
		return
	}
	text := fmt.Sprintf("no device is called %q; see %s", clip(parsed.Name), s.cfg.Topics.Bridge("devices"))
	s.complain("a command was refused: %s", text)
	if transaction, err := transactionOf(payload); transaction != nil && err == nil {
		s.respond(parsed.Name, outcome{Transaction: transaction, Status: "error", Code: "unknown_device", Error: text})
	}
}

// set takes a command for a device.
func (s *Service) set(m *managed, parsed topic.Parsed, payload []byte) {
	attributes, transaction, err := readAttributes(parsed.Attribute, payload)
	if err == nil {
		err = m.ready()
	}
	if err == nil {
		// A command that cannot be carried out is refused now, before it is
		// merged with others.
		if _, wrong := m.translator.Plan(parsed.Element, attributes); wrong != nil {
			err = fail("bad_attribute", "%w", wrong)
		}
	}
	if err == nil {
		err = m.commands.check(parsed.Element)
	}
	if err != nil {
		s.refuse(m, transaction, err)
		return
	}
	c := m.commands.at(parsed.Element)
	c.attributes = translate.Merge(c.attributes, attributes)
	s.expect(m, c, transaction)
	s.sendNext(m)
}

// get takes a query for a device: the names of attributes, or nothing for all
// of them.
func (s *Service) get(m *managed, parsed topic.Parsed, payload []byte) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	attributes, transaction, err := readAttributes("", payload)
	names := make([]string, 0, len(attributes))
	for name := range attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	if err == nil {
		err = m.ready()
	}
	if err == nil {
		if _, wrong := m.translator.Query(parsed.Element, names); wrong != nil {
			err = fail("bad_attribute", "%w", wrong)
		}
	}
	if err == nil {
		err = m.commands.check(parsed.Element)
	}
	if err != nil {
		s.refuse(m, transaction, err)
		return
	}
	s.query(m, parsed.Element, names, transaction)
}

// query asks a device for attributes, for all of them when there are no names.
func (s *Service) query(m *managed, element string, names []string, transaction json.RawMessage) {
	c := m.commands.at(element)
	c.ask(names)
	s.expect(m, c, transaction)
	s.sendNext(m)
}

// ready says whether commands for the device can be understood.
func (m *managed) ready() error {
	if m.translator == nil {
		return fail("not_interviewed", "%s has not been interviewed yet; see bridge/request/device/interview", m.record.Name)
	}
	return nil
}

// readAttributes reads the payload of a command: an object of attributes, or
// the bare value of the one attribute in the topic. The transaction is none of
// the attributes.
func readAttributes(attribute string, payload []byte) (map[string]json.RawMessage, json.RawMessage, error) {
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
		return nil, nil, fail("bad_json", `expected a JSON object such as {"state":"ON"}: %w`, explain(err))
	}
	if attributes == nil {
		return nil, nil, fail("bad_json", `expected a JSON object such as {"state":"ON"}, got null`)
	}
	transaction := attributes[transactionKey]
	delete(attributes, transactionKey)
	if string(transaction) == "null" {
		transaction = nil
	}
	if err := checkTransaction(transaction); err != nil {
		return nil, nil, err
	}
	return attributes, transaction, nil
}

// refuse answers a command that was not understood.
func (s *Service) refuse(m *managed, transaction json.RawMessage, err error) {
	s.complainOf(m.record.Name, "a command for %s was refused: %v", m.record.Name, err)
	o := failed(err)
	o.Transaction = transaction
	s.respond(m.record.Name, o)
}

func (s *Service) respond(name string, o outcome) {
	data, err := json.Marshal(o)
	if err != nil {
		s.complainOf(name, "the outcome of a command for %s could not be written: %v", name, err)
		return
	}
	const atMostOnce = 0
	s.publisher.Event(s.cfg.Topics.SetResponse(name), data, atMostOnce)
}
