package bridge

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// failure is why a request was not done: a word that programs can go by, and
// words for people.
type failure struct {
	code string
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

// answer gives the outcome of a request; data is shown with both outcomes.
type answer func(data any, err error)

// response is the payload of a response topic.
type response struct {
	Status      string          `json:"status"`
	Data        any             `json:"data"`
	Error       string          `json:"error,omitempty"`
	Code        string          `json:"code,omitempty"`
	Transaction json.RawMessage `json:"transaction,omitempty"`
}

// request handles bridge/request/WHAT.
func (s *Service) request(what string, payload []byte) {
	var transaction struct {
		Transaction json.RawMessage `json:"transaction"`
	}
	// A payload that is no object has no transaction; what it should have been
	// says the request's own reading of it.
	_ = json.Unmarshal(payload, &transaction)
	reply := func(data any, err error) {
		s.reply(what, transaction.Transaction, data, err)
	}
	switch what {
	case "scan":
		s.requestScan(payload, reply)
	case "device/provision":
		s.requestProvision(payload, reply)
	case "device/rename":
		s.requestRename(payload, reply)
	case "device/remove":
		s.requestRemove(payload, reply)
	case "device/interview":
		s.requestInterview(payload, reply)
	default:
		reply(nil, fail("unknown_request", "there is no request %q; expected scan, device/provision, device/rename, "+
			"device/remove or device/interview", what))
	}
}

// reply publishes the outcome of a request.
func (s *Service) reply(what string, transaction json.RawMessage, data any, err error) {
	r := response{Status: "ok", Data: data, Transaction: transaction}
	if r.Data == nil {
		r.Data = struct{}{}
	}
	if err != nil {
		r.Status, r.Error, r.Code = "error", err.Error(), codeOf(err)
		s.log.Warn().Str("request", what).Str("code", r.Code).Err(err).Msg("a request was not done")
	}
	payload, err := json.Marshal(r)
	if err != nil {
		s.complain("the response to %s could not be written: %v", what, err)
		return
	}
	const atLeastOnce = 1
	s.publisher.Event(s.cfg.Topics.Response(what), payload, atLeastOnce)
}

// codeOf is the word for an error that programs can go by.
func codeOf(err error) string {
	var own *failure
	var provisioning *provision.Failure
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &provisioning):
		return string(provisioning.Code)
	case errors.Is(err, node.ErrNoResponse):
		return "no_response"
	case errors.Is(err, node.ErrProvisioning), errors.Is(err, node.ErrTooManySessions):
		return "busy"
	case errors.Is(err, node.ErrNoAddresses):
		return "no_addresses"
	case errors.Is(err, context.Canceled), errors.Is(err, node.ErrStopped):
		return "stopped"
	default:
		return "failed"
	}
}

// decode reads the payload of a request strictly: a key that the request does
// not have is a mistake of who wrote it. An empty payload is an empty object.
func decode(payload []byte, v any) error {
	if len(bytes.TrimSpace(payload)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return &failure{"bad_json", fmt.Errorf("the payload cannot be read: %w", err)}
	}
	if d.More() {
		return fail("bad_json", "the payload cannot be read: more than one JSON value")
	}
	return nil
}

// common is in the payload of every request.
type common struct {
	Transaction json.RawMessage `json:"transaction"`
}

// requestScan forgets the unprovisioned devices and reports every one that is
// heard from now on, as an event too.
func (s *Service) requestScan(payload []byte, reply answer) {
	const longest, standard = 3600.0, 60.0
	in := struct {
		common
		Time float64 `json:"time"` // seconds
	}{Time: standard}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	if in.Time < 0 || in.Time > longest {
		reply(nil, fail("bad_value", "time: expected 0 to %g seconds, got %g", longest, in.Time))
		return
	}
	s.scanUntil = time.Now().Add(time.Duration(in.Time * float64(time.Second)))
	clear(s.found)
	s.lists["unprovisioned"], s.lists["info"] = true, true
	reply(map[string]any{"time": in.Time}, nil)
}

// ProvisionOptions says how to take a device in.
type ProvisionOptions struct {
	UUID mesh.UUID
	Name string // friendly name; made of the UUID when empty
	// StaticOOB authenticates the device with a value that it has too; nil
	// provisions it without authentication.
	StaticOOB provision.AuthValue
	Attention uint8 // seconds for which the device shows itself
}

func (s *Service) requestProvision(payload []byte, reply answer) {
	var in struct {
		common
		UUID      mesh.UUID `json:"uuid"`
		Name      string    `json:"name"`
		Attention uint8     `json:"attention"`
		OOB       struct {
			Static string `json:"static"` // hexadecimal digits
		} `json:"oob"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	o := ProvisionOptions{UUID: in.UUID, Name: in.Name, Attention: in.Attention}
	if in.OOB.Static != "" {
		value, err := hex.DecodeString(in.OOB.Static)
		const longest = 32
		if err != nil || len(value) == 0 || len(value) > longest {
			reply(nil, fail("bad_value", "oob.static: expected 1 to %d octets as hexadecimal digits", longest))
			return
		}
		o.StaticOOB = value
	}
	s.provision(o, reply)
}

func (s *Service) requestRename(payload []byte, reply answer) {
	var in struct {
		common
		From string `json:"from"`
		To   string `json:"to"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	m, err := s.named("from", in.From)
	if err != nil {
		reply(nil, err)
		return
	}
	from := m.record.Name
	if err := s.checkName(in.To, m); err != nil {
		reply(nil, err)
		return
	}
	if from != in.To {
		s.rename(m, in.To)
	}
	reply(map[string]any{"from": from, "to": in.To}, nil)
}

func (s *Service) requestRemove(payload []byte, reply answer) {
	var in struct {
		common
		ID    string `json:"id"`
		Force bool   `json:"force"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	m, err := s.named("id", in.ID)
	if err != nil {
		reply(nil, err)
		return
	}
	s.remove(m, in.Force, reply)
}

func (s *Service) requestInterview(payload []byte, reply answer) {
	var in struct {
		common
		ID string `json:"id"`
	}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	m, err := s.named("id", in.ID)
	if err != nil {
		reply(nil, err)
		return
	}
	if m.busy {
		reply(nil, fail("busy", "%s is being interviewed or removed already", m.record.Name))
		return
	}
	s.interview(m, reply)
}

// named finds the device that a request is about.
func (s *Service) named(key, id string) (*managed, error) {
	if id == "" {
		return nil, fail("bad_value", "%s: expected the name, UUID or address of a device", key)
	}
	if m := s.find(id); m != nil {
		return m, nil
	}
	return nil, fail("unknown_device", "%s: no device is called %q; see %s", key, id, s.cfg.Topics.Bridge("devices"))
}

// checkName says whether a device may be called that; m is the device, or nil
// for a new one.
func (s *Service) checkName(name string, m *managed) error {
	if err := topic.CheckName(name); err != nil {
		return &failure{"bad_name", err}
	}
	if other := s.byName[name]; other != nil && other != m {
		return fail("name_taken", "another device is called %q already", name)
	}
	return nil
}
