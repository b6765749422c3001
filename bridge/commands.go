package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// commands is what waits to be sent to one device. A slider sends faster than
// a mesh: while a command is on its way the ones that follow melt into one, in
// which the last value of each attribute stands.
type commands struct {
	sending bool
	order   []string // elements with something waiting, in the order of arrival
	waiting map[string]*command
}

// command is attributes for one element of a device.
type command struct {
	attributes   map[string]json.RawMessage
	transactions []json.RawMessage // of those who want to know the outcome
	query        bool
	names        []string // attributes to ask for, with query
}

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
	if m.Topic == s.cfg.HomeAssistant.StatusTopic && s.cfg.HomeAssistant.Enabled {
		s.homeAssistant(m)
		return
	}
	parsed, err := s.cfg.Topics.Parse(m.Topic, func(name string) bool { return s.find(name) != nil })
	if m.Retained && (err != nil || parsed.Kind.Incoming()) {
		// It was written some time ago, for a state of things that is gone.
		s.ignored++
		s.log.Info().Str("topic", m.Topic).Msg("a retained command was ignored; publish commands without retain")
		return
	}
	switch {
	case errors.Is(err, topic.ErrUnknown):
		s.complain("no device is called %q, which %s is for; see %s", parsed.Name, m.Topic, s.cfg.Topics.Bridge("devices"))
		return
	case err != nil:
		s.complain("the topic %s cannot be understood: %v", m.Topic, err)
		return
	}
	switch parsed.Kind {
	case topic.Request:
		s.request(parsed.What, m.Payload)
	case topic.Set:
		s.set(s.find(parsed.Name), parsed, m.Payload)
	case topic.Get:
		s.get(s.find(parsed.Name), parsed, m.Payload)
	default:
		// One of our own, which a broad subscription of the broker brought back.
	}
}

// set takes a command for a device.
func (s *Service) set(m *managed, parsed topic.Parsed, payload []byte) {
	attributes, err := readAttributes(parsed.Attribute, payload)
	if err != nil {
		s.refuse(m, nil, "bad_json", err)
		return
	}
	transaction := attributes["transaction"]
	delete(attributes, "transaction")
	if m.translator == nil {
		s.refuse(m, transaction, "not_interviewed",
			fmt.Errorf("%s has not been interviewed yet; see %s", m.record.Name, s.cfg.Topics.Request("device/interview")))
		return
	}
	// A command that cannot be carried out is refused now, before it melts
	// with others.
	if _, err := m.translator.Command(parsed.Element, attributes); err != nil {
		s.refuse(m, transaction, "bad_attribute", err)
		return
	}
	c := m.commands.at(parsed.Element)
	c.attributes = translate.Merge(c.attributes, attributes)
	if transaction != nil {
		c.transactions = append(c.transactions, transaction)
	}
	s.sendNext(m)
}

// get takes a query for a device: the names of attributes, or nothing for all
// of them.
func (s *Service) get(m *managed, parsed topic.Parsed, payload []byte) {
	var attributes map[string]json.RawMessage
	if len(payload) > 0 {
		var err error
		if attributes, err = readAttributes("", payload); err != nil {
			s.refuse(m, nil, "bad_json", err)
			return
		}
	}
	transaction := attributes["transaction"]
	delete(attributes, "transaction")
	names := make([]string, 0, len(attributes))
	for name := range attributes {
		names = append(names, name)
	}
	if m.translator == nil {
		s.refuse(m, transaction, "not_interviewed", fmt.Errorf("%s has not been interviewed yet", m.record.Name))
		return
	}
	if _, err := m.translator.Query(parsed.Element, names); err != nil {
		s.refuse(m, transaction, "bad_attribute", err)
		return
	}
	s.query(m, parsed.Element, names, transaction)
}

func (s *Service) query(m *managed, element string, names []string, transaction json.RawMessage) {
	c := m.commands.at(element)
	c.query = true
	c.names = append(c.names, names...)
	if len(names) == 0 {
		c.names = nil
	}
	if transaction != nil {
		c.transactions = append(c.transactions, transaction)
	}
	s.sendNext(m)
}

// readAttributes reads the payload of a command: an object of attributes, or
// the bare value of the one attribute in the topic.
func readAttributes(attribute string, payload []byte) (map[string]json.RawMessage, error) {
	if attribute != "" {
		value := json.RawMessage(payload)
		if !json.Valid(payload) {
			// ON is as good as "ON".
			text, err := json.Marshal(string(payload))
			if err != nil {
				return nil, fmt.Errorf("expected a value for %s: %w", attribute, err)
			}
			value = text
		}
		return map[string]json.RawMessage{attribute: value}, nil
	}
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(payload, &attributes); err != nil {
		return nil, fmt.Errorf(`expected a JSON object such as {"state":"ON"}: %w`, err)
	}
	if attributes == nil {
		return nil, errors.New(`expected a JSON object such as {"state":"ON"}, got null`)
	}
	return attributes, nil
}

// at is the command that waits for an element, an empty one if there is none.
func (c *commands) at(element string) *command {
	if c.waiting == nil {
		c.waiting = map[string]*command{}
	}
	w := c.waiting[element]
	if w == nil {
		w = &command{}
		c.waiting[element] = w
		c.order = append(c.order, element)
	}
	return w
}

// next takes the command that waits longest.
func (c *commands) next() (string, *command) {
	if len(c.order) == 0 {
		return "", nil
	}
	element := c.order[0]
	c.order = c.order[1:]
	w := c.waiting[element]
	delete(c.waiting, element)
	return element, w
}

// sendNext begins to send what waits, unless something is on its way. While a
// device is interviewed its commands wait.
func (s *Service) sendNext(m *managed) {
	if m.commands.sending || m.busy || m.translator == nil {
		return
	}
	element, c := m.commands.next()
	if c == nil {
		return
	}
	requests, err := m.requests(element, c)
	if err != nil {
		s.finish(m, c, node.Response{}, err)
		s.sendNext(m)
		return
	}
	m.commands.sending = true
	s.work(func(ctx context.Context) {
		var last node.Response
		var err error
		attempts := 0
		started := time.Now()
		for _, r := range requests {
			if last, err = s.cfg.Mesh.Request(ctx, r); err != nil {
				break
			}
			attempts = max(attempts, last.Attempts)
		}
		last.Attempts = max(attempts, last.Attempts)
		last.RTT = time.Since(started)
		s.post(func() {
			m.commands.sending = false
			s.finish(m, c, last, err)
			s.sendNext(m)
		})
	})
}

// requests makes messages of a command.
func (m *managed) requests(element string, c *command) ([]node.Request, error) {
	var actions []translate.Action
	if len(c.attributes) > 0 {
		more, err := m.translator.Command(element, c.attributes)
		if err != nil {
			return nil, err
		}
		actions = more
	}
	if c.query {
		more, err := m.translator.Query(element, c.names)
		if err != nil {
			return nil, err
		}
		actions = append(actions, more...)
	}
	requests := make([]node.Request, 0, len(actions))
	for _, a := range actions {
		payload, err := access.Append(nil, a.Message)
		if err != nil {
			return nil, err
		}
		requests = append(requests, node.Request{
			Dst:     m.record.Address + mesh.Address(a.Element),
			NetKey:  netKey,
			Key:     transport.Key{App: appKey},
			TTL:     mesh.DefaultTTL,
			Payload: payload,
			Respond: a.Respond,
		})
	}
	return requests, nil
}

// finish tells what came of a command. What the device is like now it has
// reported itself by then; if it did not answer, its last report is published
// again, so that nobody takes the wish for the state.
func (s *Service) finish(m *managed, c *command, r node.Response, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, node.ErrStopped) {
		return
	}
	out := outcome{Status: "ok", Attempts: r.Attempts}
	rtt := r.RTT.Milliseconds()
	out.RTT = &rtt
	switch {
	case errors.Is(err, node.ErrNoResponse), errors.Is(err, node.ErrNotSent):
		out.Status, out.Code, out.Error, out.RTT = "timeout", "no_response", err.Error(), nil
		s.log.Warn().Str("device", m.record.Name).Err(err).Msg("a command was not answered")
		s.noAnswer(m)
		s.publishState(m)
	case err != nil:
		out.Status, out.Code, out.Error, out.RTT = "error", "failed", err.Error(), nil
		s.complain("a command for %s failed: %v", m.record.Name, err)
		s.publishState(m)
	}
	for _, transaction := range c.transactions {
		out.Transaction = transaction
		s.respond(m, out)
	}
}

// refuse answers a command that was not understood.
func (s *Service) refuse(m *managed, transaction json.RawMessage, code string, err error) {
	s.complain("a command for %s was refused: %v", m.record.Name, err)
	s.respond(m, outcome{Transaction: transaction, Status: "error", Code: code, Error: err.Error()})
}

func (s *Service) respond(m *managed, o outcome) {
	data, err := json.Marshal(o)
	if err != nil {
		return // a transaction is what was parsed as JSON
	}
	const once = 0
	s.publisher.Event(s.cfg.Topics.SetResponse(m.record.Name), data, once)
}
