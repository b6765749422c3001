package bridge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
)

// response is the payload of a response topic.
type response struct {
	Status      string          `json:"status"`
	Data        any             `json:"data"`
	Error       string          `json:"error,omitempty"`
	Code        string          `json:"code,omitempty"`
	Transaction json.RawMessage `json:"transaction,omitempty"`
}

// requestsOf collects the requests of the parts by their names. A name that two
// parts answer to is an error.
func requestsOf(table []part.Part) (map[string]part.Request, error) {
	all := map[string]part.Request{}
	for _, p := range table {
		for _, r := range p.Requests() {
			if _, twice := all[r.Name]; twice {
				return nil, fmt.Errorf("bridge: expected one part that answers the request %s, got two", r.Name)
			}
			all[r.Name] = r
		}
	}
	return all, nil
}

// request handles bridge/request/WHAT. Every request is answered on
// bridge/response/WHAT, now or when it is done.
func (s *Service) request(what string, payload []byte) {
	logRequest(&s.host.Log, what, payload)
	transaction, err := part.Transaction(payload)
	if err != nil {
		s.reply(what, nil, nil, err)
		return
	}
	reply := func(data any, err error) { s.reply(what, transaction, data, err) }
	r, known := s.requests[what]
	if !known {
		reply(nil, fault.New("unknown_request", "there is no request %q; expected one of %s", fault.Clip(what),
			strings.Join(slices.Sorted(maps.Keys(s.requests)), ", ")))
		return
	}
	r.Handle(payload, reply)
}

// reply publishes the outcome of a request, once everything that the request has
// changed is in the store.
func (s *Service) reply(what string, transaction json.RawMessage, data any, failed error) {
	r := response{Status: "ok", Data: data, Transaction: transaction}
	if r.Data == nil {
		r.Data = struct{}{}
	}
	if failed != nil {
		r.Status, r.Error, r.Code = "error", fault.Clip(failed.Error()), fault.Code(failed)
		level := zerolog.WarnLevel
		if fault.Stopped(failed) {
			level = zerolog.DebugLevel // who stops the service knows
		}
		s.host.Log.WithLevel(level).Str("request", fault.Clip(what)).Str("code", r.Code).Str("error", r.Error).Msg("a request was not done")
	}
	payload, err := json.Marshal(r)
	if err != nil {
		s.host.Publisher.Warn("", "the response to %s could not be written: %v", what, err)
		return
	}
	s.host.Writer.After(func() {
		s.host.Publisher.Event(s.cfg.Topics.Response(what), payload, publish.AtLeastOnce)
	})
}

// logRequest writes a request to the debug log. Of its payload only the keys that
// are known and no secret are shown: a device may come with the value that
// authenticates it, wherever its sender put that by mistake.
func logRequest(log *zerolog.Logger, what string, payload []byte) {
	e := log.Debug()
	if !e.Enabled() {
		return
	}
	var fields, shown map[string]json.RawMessage
	_ = json.Unmarshal(payload, &fields) // the response says what it should have been
	for _, key := range []string{
		"uuid", "name", "id", "from", "to", "time", "force", "attention", "transaction",
		"key_refresh", "net_key", "app_key", "exclude", "finish", "test_mode", "via", "remote", "what",
	} {
		if value, ok := fields[key]; ok && len(value) <= fault.MaxText {
			if shown == nil {
				shown = map[string]json.RawMessage{}
			}
			shown[key] = value
		}
	}
	e.Str("request", fault.Clip(what)).Int("octets", len(payload))
	if text, err := json.Marshal(shown); err == nil && shown != nil {
		e.RawJSON("payload", text)
	}
	e.Msg("request")
}
