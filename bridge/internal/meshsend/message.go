// Package meshsend is the request mesh/send: any access message of any model, by its
// name and fields or by its octets, for everything that has no request of its own.
//
// A message may contain a key, because the sender of the request knows it. The key is
// never repeated, neither in the response nor in the log.
package meshsend

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Part sends any access message on request. Make it with New.
type Part struct {
	part.None
	h       *part.Host
	waiting map[mesh.Address]int // messages without an outcome, by device or group
	refused uint64               // since the start, because too many waited
}

// maxWaiting is how many messages to one device or group may wait. More are refused at
// once: a sender that does not wait for responses would wait minutes for them anyway.
const maxWaiting = 64

// New makes the part.
func New(h *part.Host) *Part { return &Part{h: h, waiting: map[mesh.Address]int{}} }

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(sendMeta(), p.request)}
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) { h.Requests.Refused += p.refused }

// noResponse is the value of response for a message without an answer.
const noResponse = "none"

// request sends a message and answers with what came back.
func (p *Part) request(c *request.Call[sendOut], in sendIn) {
	q, out, err := p.message(&in)
	if err == nil {
		err = p.h.RadioDown()
	}
	if err != nil {
		c.Fail(err)
		return
	}
	address := out.Dst
	if out.Element != nil {
		address -= mesh.Address(*out.Element)
	}
	if n := p.waiting[address]; n >= maxWaiting {
		p.refused++
		c.Fail(fault.New("busy", "%d messages to %s wait already; wait for responses before sending more", n, cmp.Or(out.Device, address.String())))
		return
	}
	p.waiting[address]++
	q.Flow, q.Ignorable = requester.FlowSend, true
	to := p.h.Requests.At(out.Device, address)
	if d := p.h.Devices.At(out.Dst).Device; d != nil {
		to.Offline = d.Offline
	}
	p.h.Loop.Go(func(ctx context.Context) {
		if in.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(in.Timeout*float64(time.Second)))
			defer cancel()
		}
		// Missing answers do not affect the availability here: the node may not know
		// the message.
		response, err := to.Request(ctx, q)
		p.h.Loop.Post(func() {
			if p.waiting[address]--; p.waiting[address] == 0 {
				delete(p.waiting, address)
			}
			out.Attempts = response.Attempts
			if err == nil && out.Acknowledged {
				rtt := response.RTT.Milliseconds()
				out.RTT, out.Response = &rtt, p.show(response)
			}
			c.Answer(out, p.h.Explain(messageFailure(&in, err)))
		})
	})
}

// messageFailure explains why there may be no answer.
func messageFailure(in *sendIn, err error) error {
	const reasons = "a node ignores what none of its models knows, and a key that the model is not bound to"
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New("timeout", "there was no answer within %g seconds; %s", in.Timeout, reasons)
	case fault.Unanswered(err):
		return fault.New("no_response", "%w; %s", err, reasons)
	default:
		return err
	}
}

// message makes the request to the node, and the first fields of the response.
func (p *Part) message(in *sendIn) (node.Request, *sendOut, error) {
	var q node.Request
	out := &sendOut{}
	var err error
	if q.Payload, err = p.messagePayload(in); err != nil {
		return q, nil, err
	}
	// A payload that was made here begins with an opcode.
	if out.Opcode, _, err = access.ParseOpcode(q.Payload); err != nil {
		return q, nil, err
	}
	if kind, known := p.h.Messages.ByOpcode(out.Opcode); known {
		out.Message = kind.Name
	}
	device, err := p.messageDestination(in, out)
	if err != nil {
		return q, nil, err
	}
	q.Dst, q.NetKey, q.TTL = out.Dst, mesh.PrimaryNetKey, mesh.DefaultTTL
	if device != nil {
		q.NetKey = device.Record.NetKey
	}
	if q.Key, err = p.messageKey(in, device); err != nil {
		return q, nil, err
	}
	if q.Respond, out.Acknowledged, err = p.messageRespond(in, out); err != nil {
		return q, nil, err
	}
	if in.TTL != nil {
		if q.TTL = mesh.TTL(*in.TTL); q.TTL == 1 {
			return q, nil, fault.New("bad_value", "ttl: expected 0, or 2 to 127, got %d", *in.TTL)
		}
	}
	q.Attempts = int(in.Attempts)
	return q, out, nil
}

// messagePayload is the opcode and the parameters.
func (p *Part) messagePayload(in *sendIn) ([]byte, error) {
	byName, byOctets := in.Message != "" || in.Fields != nil, in.Opcode != "" || in.Hex != ""
	switch {
	case byName && byOctets:
		return nil, fault.New("bad_value", `expected either "message" with "fields" or "opcode" with "hex", got some of both`)
	case byOctets:
		return octetsPayload(in)
	case in.Message == "":
		return nil, fault.New("bad_value", `expected "message", a name such as "Generic OnOff Get", or "opcode", such as "8201"`)
	}
	kind, err := p.namedMessage("message", in.Message)
	if err != nil {
		return nil, err
	}
	m := kind.New()
	if err := access.FromJSON(in.Fields, m); err != nil {
		return nil, fault.New("bad_fields", "fields of %s: %s%s", kind.Name, strings.TrimPrefix(err.Error(), access.ErrJSON.Error()+": "), likeThis(kind))
	}
	payload, err := access.Append(nil, m)
	switch {
	case errors.Is(err, access.ErrTooLong):
		return nil, fault.New("too_long", "%s: %w", kind.Name, err)
	case err != nil:
		return nil, fault.New("bad_fields", "fields of %s: %w", kind.Name, err)
	}
	return payload, nil
}

// likeThis shows the fields of a message in the error about wrong ones.
func likeThis(kind access.Kind) string {
	const longest = 300
	example, err := access.ToJSON(kind.New())
	if err != nil || len(example) > longest {
		return ""
	}
	return "; expected fields like " + string(example)
}

func octetsPayload(in *sendIn) ([]byte, error) {
	op, ok := parseOpcode(in.Opcode)
	payload, err := access.AppendOpcode(nil, op)
	if !ok || err != nil {
		return nil, fault.New("bad_value", "opcode: expected the octets of an opcode as two, four or six hexadecimal digits, such as 8201 or c105f1, got %s", mention(in.Opcode))
	}
	params, err := hex.DecodeString(in.Hex)
	if err != nil {
		return nil, fault.New("bad_value", "hex: expected the parameters as hexadecimal digits, two for each octet")
	}
	if n := len(payload) + len(params); n > access.MaxPayload {
		return nil, fault.New("too_long", "hex: expected at most %d octets with an opcode of %d, got %d: a message has %d",
			access.MaxPayload-len(payload), len(payload), len(params), access.MaxPayload)
	}
	return append(payload, params...), nil
}

// parseOpcode reads an opcode, with or without 0x before it.
func parseOpcode(text string) (mesh.Opcode, bool) {
	digits := strings.ToLower(text)
	digits = strings.TrimPrefix(digits, "0x")
	var op mesh.Opcode
	err := op.UnmarshalText([]byte(digits))
	return op, err == nil
}

// namedMessage finds a message by its name; key is where that stands in the
// request.
func (p *Part) namedMessage(key, name string) (access.Kind, error) {
	if kind, ok := p.h.Messages.ByName(name); ok {
		return kind, nil
	}
	const most = 3
	hint := ""
	if near := p.h.Messages.Near(name, most); len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return access.Kind{}, fault.New("unknown_message", "%s: there is no message %s; one without a name is sent with \"opcode\" and \"hex\"%s",
		key, mention(name), hint)
}

// mention repeats a text that could not be understood, unless it is long enough to
// contain a key, such as a whole message in the wrong field.
func mention(text string) string {
	const keyDigits = 32
	if len(text) >= keyDigits {
		return fmt.Sprintf("that is %d octets long", len(text))
	}
	return strconv.Quote(text)
}

// messageDestination returns the destination of a message and its device; nil for a
// group.
func (p *Part) messageDestination(in *sendIn, out *sendOut) (*registry.Device, error) {
	address, notAddress := mesh.ParseAddress(in.Dst)
	m := p.h.Devices.Find(in.Dst)
	switch {
	case m != nil:
		return m, messageElement(m, in, address, out)
	case in.Dst == "" || notAddress != nil || address.IsUnicast():
		_, err := p.h.Devices.Named("dst", in.Dst)
		return nil, err
	case address.IsVirtual():
		return nil, fault.New("bad_value", "dst: %s is a virtual address, which cannot be sent to without its label; expected a device or a group", address)
	case !address.IsGroup():
		return nil, fault.New("bad_value", "dst: expected a device or a group address (0xc000 to 0xffff), got %s", address)
	case in.Element != nil:
		return nil, fault.New("bad_value", "element: a group has no elements; leave it out")
	}
	out.Dst = address
	return nil, nil
}

// messageElement finds the element of a device: the one with the address, if the
// request has an address, or the one with the index.
func messageElement(d *registry.Device, in *sendIn, address mesh.Address, out *sendOut) error {
	element := 0
	if offset := int(address) - int(d.Record.Address); address.IsUnicast() && offset >= 0 && offset < d.Record.Elements() {
		element = offset
	}
	if in.Element != nil {
		if element > 0 && element != int(*in.Element) {
			return fault.New("bad_value", "element: %s is element %d of %s, got %d as well; give one of the two", address, element, d.Record.Name, *in.Element)
		}
		element = int(*in.Element)
	}
	if element >= d.Record.Elements() {
		return fault.New("bad_value", "element: %s has elements 0 to %d, got %d", d.Record.Name, d.Record.Elements()-1, element)
	}
	out.Device, out.Element = d.Record.Name, &element
	out.Dst = d.Record.Address + mesh.Address(element)
	return nil
}

// messageKey is the key that a message is sent with.
func (p *Part) messageKey(in *sendIn, device *registry.Device) (transport.Key, error) {
	switch in.Key {
	case "", requester.KeyName(false):
		return p.messageAppKey(in, device)
	case requester.KeyName(true):
		if device == nil {
			return transport.Key{}, fault.New("bad_value", "key: a group has no device key; send with an AppKey, or to each device")
		}
		if in.AppKey != nil {
			return transport.Key{}, fault.New("bad_value", "app_key: expected with the key \"app\" only")
		}
		return transport.Key{Device: device.Record.Address}, nil
	default: // the description allows no other
		return transport.Key{}, fault.New("bad_value", "key: expected \"app\" or \"device\", the kind of key, got another text")
	}
}

// messageAppKey is the AppKey of the request, or else that of the device, or the first
// one of the network.
func (p *Part) messageAppKey(in *sendIn, device *registry.Device) (transport.Key, error) {
	switch {
	case in.AppKey != nil:
		index := *in.AppKey
		if !slices.Contains(p.h.Own.Summary().AppKeys, index) {
			return transport.Key{}, fault.New("bad_value", "app_key: expected one of the AppKeys of the network, %v, got %d", p.h.Own.Summary().AppKeys, index)
		}
		return transport.Key{App: index}, nil
	case device != nil:
		return transport.Key{App: device.Record.AppKey}, nil
	case len(p.h.Own.Summary().AppKeys) > 0:
		return transport.Key{App: p.h.Own.Summary().AppKeys[0]}, nil
	default:
		return transport.Key{}, fault.New("no_app_key", "the network has no AppKey; add one with appkey/add")
	}
}

// messageRespond is the response to wait for.
func (p *Part) messageRespond(in *sendIn, out *sendOut) (op mesh.Opcode, acknowledged bool, err error) {
	group := out.Device == ""
	switch {
	case in.Response == noResponse:
		return 0, false, nil
	case group && in.Response != "":
		return 0, false, fault.New("bad_value", "response: what is sent to a group is not acknowledged; leave it out, answers come as messages of the devices")
	case group:
		return 0, false, nil
	case in.Response == "":
		kind, ok := p.h.Messages.ResponseTo(out.Opcode)
		return kind.Opcode, ok, nil
	}
	if op, ok := parseOpcode(in.Response); ok {
		if _, err := access.AppendOpcode(nil, op); err == nil {
			return op, true, nil
		}
	}
	kind, err := p.namedMessage("response", in.Response)
	return kind.Opcode, err == nil, err
}

// show describes the answer of a node.
func (p *Part) show(r node.Response) *shown {
	m := &shown{Source: r.Src, Opcode: r.Opcode}
	if kind, known := p.h.Messages.ByOpcode(r.Opcode); known {
		m.Message = kind.Name
	}
	if fields, err := requester.Fields(p.h.Messages, r.Opcode, r.Params); err == nil {
		m.Fields = fields
	}
	if !requester.CarriesKey(r.Opcode) {
		text := hex.EncodeToString(r.Params)
		m.Hex = &text
	}
	return m
}
