package bridge

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

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

// command is attributes for one element of a device, and what is asked of it.
type command struct {
	attributes   map[string]json.RawMessage
	transactions []json.RawMessage // of those who want to know the outcome
	query        bool
	names        []string // attributes to ask for, with query; none for all
}

// Bounds of what waits for one device.
const (
	mostElements     = 64   // the same element can be named in several ways
	mostTransactions = 1000 // in one command
)

// check says whether there is room for a command for an element.
func (c *commands) check(element string) error {
	if c.waiting[element] == nil && len(c.order) >= mostElements {
		return fail("busy", "commands for %d elements of the device wait already", mostElements)
	}
	return nil
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

// takeAll takes all commands that wait.
func (c *commands) takeAll() []*command {
	var all []*command
	for _, w := c.next(); w != nil; _, w = c.next() {
		all = append(all, w)
	}
	return all
}

// ask adds attributes to ask for. Who has asked for all of them has asked for
// these as well.
func (c *command) ask(names []string) {
	switch {
	case len(names) == 0:
		c.names = nil
	case !c.query || len(c.names) > 0:
		c.names = append(c.names, names...)
		slices.Sort(c.names)
		c.names = slices.Compact(c.names)
	}
	c.query = true
}

// expect notes who wants to know the outcome of a command. Too many cannot be
// remembered: the oldest is told so.
func (s *Service) expect(m *managed, c *command, transaction json.RawMessage) {
	if transaction == nil {
		return
	}
	if len(c.transactions) >= mostTransactions {
		s.respond(m.record.Name, outcome{
			Transaction: c.transactions[0], Status: "error", Code: "superseded",
			Error: "bridge: too many commands came after it before it could be sent",
		})
		c.transactions = slices.Delete(c.transactions, 0, 1)
	}
	c.transactions = append(c.transactions, transaction)
}

// sendNext begins to send what waits, unless something is on its way. While a
// device is interviewed its commands wait.
func (s *Service) sendNext(m *managed) {
	for !m.commands.sending && !m.busy && m.translator != nil && s.has(m) && !s.stopping {
		element, c := m.commands.next()
		if c == nil {
			return
		}
		sending, err := m.prepare(element, c)
		if err != nil || len(sending.Messages) == 0 {
			s.finish(m, c, node.Response{}, err)
			continue
		}
		m.commands.sending = true
		to, requests := s.requester(m), m.requests(sending)
		s.work(func(ctx context.Context) {
			last, err := send(ctx, to, requests)
			s.post(func() {
				m.commands.sending = false
				if sending.End(err == nil) {
					s.dirty[m.record.UUID] = true
				}
				s.finish(m, c, last, err)
				s.sendNext(m)
			})
		})
	}
}

// send sends requests one after the other, up to the first that fails. Of the
// response only Attempts, the most of any, and RTT, of all together, count.
func send(ctx context.Context, to *requester, requests []node.Request) (node.Response, error) {
	var sum node.Response
	started := time.Now()
	for _, r := range requests {
		one, err := to.Request(ctx, r)
		sum.Attempts = max(sum.Attempts, one.Attempts)
		if err != nil {
			return sum, err
		}
	}
	sum.RTT = time.Since(started)
	return sum, nil
}

// prepare makes messages of a command that is about to be sent.
func (m *managed) prepare(element string, c *command) (*translate.Sending, error) {
	var steps []translate.Step
	if len(c.attributes) > 0 {
		more, err := m.translator.Plan(element, c.attributes)
		if err != nil {
			return nil, fail("bad_attribute", "%w", err)
		}
		steps = more
	}
	if c.query {
		more, err := m.translator.Query(element, c.names)
		if err != nil {
			return nil, fail("bad_attribute", "%w", err)
		}
		steps = append(steps, more...)
	}
	return m.translator.Send(steps)
}

// requests addresses messages to the device.
func (m *managed) requests(s *translate.Sending) []node.Request {
	requests := make([]node.Request, 0, len(s.Messages))
	for _, one := range s.Messages {
		requests = append(requests, node.Request{
			Dst:     m.record.Address + mesh.Address(one.Element),
			NetKey:  m.record.NetKey,
			Key:     transport.Key{App: m.record.AppKey},
			TTL:     mesh.DefaultTTL,
			Payload: one.Payload,
			Respond: one.Respond,
			Accept:  one.Accept,
		})
	}
	return requests
}

// failed is the outcome of a command that was not carried out.
func failed(err error) outcome {
	return outcome{Status: "error", Code: codeOf(err), Error: clip(err.Error())}
}

// finish tells what came of a command. What the device is like now it has
// reported itself by then; if it did not answer, its last report is published
// again, so that nobody takes the wish for the state.
func (s *Service) finish(m *managed, c *command, r node.Response, err error) {
	switch {
	case !s.has(m):
		s.conclude(m, c, failed(errRemoved))
	case err == nil:
		rtt := r.RTT.Milliseconds()
		s.conclude(m, c, outcome{Status: "ok", Attempts: r.Attempts, RTT: &rtt})
	case stopped(err):
		s.conclude(m, c, failed(node.ErrStopped))
	case unanswered(err):
		s.log.Warn().Str("device", m.record.Name).Err(err).Msg("a command was not answered")
		s.conclude(m, c, outcome{Status: "timeout", Code: "no_response", Error: clip(err.Error()), Attempts: r.Attempts})
		s.publishState(m)
		s.noAnswer(m)
	default:
		s.complainOf(m.record.Name, "a command for %s failed: %v", m.record.Name, err)
		s.conclude(m, c, failed(err))
		s.publishState(m)
	}
}

// conclude answers everybody who waits for the outcome of a command.
func (s *Service) conclude(m *managed, c *command, o outcome) {
	for _, transaction := range c.transactions {
		o.Transaction = transaction
		s.respond(m.record.Name, o)
	}
}
