package command

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// expect adds a transaction that gets the outcome of a command. Beyond the limit the
// oldest one gets an error.
func (p *Part) expect(d *registry.Device, c *command, transaction json.RawMessage) {
	if transaction == nil {
		return
	}
	if len(c.transactions) >= maxTransactions {
		p.respond(d.Record.Name, document.CommandResponse{
			Transaction: c.transactions[0], Status: "error", Code: "superseded",
			Error: "bridge: too many commands came after it before it could be sent",
		})
		c.transactions = slices.Delete(c.transactions, 0, 1)
	}
	c.transactions = append(c.transactions, transaction)
}

// Resume begins to send what waits, unless something is on its way. While a
// device is interviewed its commands wait.
func (p *Part) Resume(d *registry.Device) {
	if !p.h.Devices.Has(d) {
		return
	}
	q := p.queue(d)
	p.refresh(d, q)
	for !q.sending && !d.Busy && d.Translator != nil && !p.h.Loop.Stopping() {
		element, c := q.next()
		if c == nil {
			return
		}
		sending, err := prepare(d, element, c)
		if err != nil || len(sending.Messages) == 0 {
			p.finish(d, c, node.Response{}, err)
			continue
		}
		q.sending = true
		to, messages := p.h.Requester(d), requests(d, sending)
		p.h.Loop.Go(func(ctx context.Context) {
			last, err := send(ctx, to, messages)
			p.h.Loop.Post(func() {
				q.sending = false
				if sending.End(err == nil) {
					p.states.Changed(d)
				}
				p.finish(d, c, last, err)
				p.Resume(d)
			})
		})
	}
}

// send sends requests one after the other, up to the first that fails. Of the
// response only Attempts, the most of any, and RTT, of all together, count.
func send(ctx context.Context, to *requester.Requester, requests []node.Request) (node.Response, error) {
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
func prepare(d *registry.Device, element string, c *command) (*translate.Sending, error) {
	var steps []translate.Step
	if len(c.attributes) > 0 {
		more, err := d.Translator.Plan(element, c.attributes)
		if err != nil {
			return nil, fault.New("bad_attribute", "%w", err)
		}
		steps = more
	}
	if c.query {
		more, err := d.Translator.Query(element, c.names)
		if err != nil {
			return nil, fault.New("bad_attribute", "%w", err)
		}
		steps = append(steps, more...)
	}
	return d.Translator.Send(steps)
}

// requests addresses messages to the device.
func requests(d *registry.Device, s *translate.Sending) []node.Request {
	list := make([]node.Request, 0, len(s.Messages))
	for _, m := range s.Messages {
		list = append(list, node.Request{
			Dst:     d.Record.Address + mesh.Address(m.Element),
			NetKey:  d.Record.NetKey,
			Key:     transport.Key{App: d.Record.AppKey},
			TTL:     mesh.DefaultTTL,
			Payload: m.Payload,
			Respond: m.Respond,
			Accept:  m.Accept,
		})
	}
	return list
}

// failed is the outcome of a command that was not carried out.
func failed(err error) document.CommandResponse {
	return document.CommandResponse{Status: "error", Code: fault.Code(err), Error: fault.Text(err)}
}

// finish publishes the outcome of a command. A device that answered has reported its
// state by then. For one that did not, the last state is published again, so that no
// client shows the wanted state as the real one.
func (p *Part) finish(d *registry.Device, c *command, r node.Response, err error) {
	switch {
	case !p.h.Devices.Has(d):
		p.conclude(d, c, failed(fault.ErrRemoved))
	case err == nil:
		rtt := r.RTT.Milliseconds()
		p.conclude(d, c, document.CommandResponse{Status: "ok", Attempts: r.Attempts, RTT: &rtt})
	case fault.Stopped(err):
		p.conclude(d, c, failed(node.ErrStopped))
	case fault.Unanswered(err):
		p.h.Log.Warn().Str("device", d.Record.Name).Err(err).Msg("a command was not answered")
		explained := p.h.Explain(err)
		p.conclude(d, c, document.CommandResponse{Status: "timeout", Code: fault.Code(explained), Error: fault.Clip(explained.Error()), Attempts: r.Attempts})
		p.states.PublishState(d)
		p.availability.Unanswered(d)
	default:
		p.h.Publisher.Warn(d.Record.Name, "a command for %s failed: %v", d.Record.Name, err)
		p.conclude(d, c, failed(err))
		p.states.PublishState(d)
	}
}

// conclude gives the outcome of a command to all its transactions.
func (p *Part) conclude(d *registry.Device, c *command, o document.CommandResponse) {
	for _, transaction := range c.transactions {
		o.Transaction = transaction
		p.respond(d.Record.Name, o)
	}
}
