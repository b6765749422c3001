package bridge

import (
	"encoding/json"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Requests describes the requests that a bridge answers, for documentation and
// front ends. Its handlers belong to no bridge and must not be used.
func Requests() (*request.Table, error) {
	return requestsOf(newParts(&part.Host{}, &Config{}, nil, nil).table)
}

// requestsOf collects the requests of the parts. A name that two parts answer to is
// an error.
func requestsOf(table []part.Part) (*request.Table, error) {
	var all []request.Definition
	for _, p := range table {
		all = append(all, p.Requests()...)
	}
	return request.NewTable(all...)
}

// maxWaiting is how many responses and other things may wait for the store before
// requests are refused, so that a store which does not return does not fill the memory.
const maxWaiting = 1024

// request handles bridge/request/NAME. Every request is answered on
// bridge/response/NAME, now or when it is done.
func (s *Service) request(name string, payload []byte) {
	logRequest(&s.host.Log, s.requests, name, payload)
	if s.host.Writer.Waiting() >= maxWaiting {
		transaction, err := request.TransactionOf(payload)
		if err != nil {
			transaction = nil // it is too long to be sent back
		}
		busy := fault.New("busy", "the store takes too long: %d responses wait for it; try again later", maxWaiting)
		s.publishResponse(name, outlet{s}.response(name, transaction, nil, busy))
		return
	}
	s.requests.Handle(name, payload, outlet{s})
}

// logRequest writes a request to the debug log, without secrets.
func logRequest(log *zerolog.Logger, requests *request.Table, name string, payload []byte) {
	e := log.Debug()
	if !e.Enabled() {
		return
	}
	e.Str("request", fault.Clip(name)).Int("octets", len(payload))
	if shown := requests.Redact(name, payload); shown != nil {
		e.RawJSON("payload", shown)
	}
	e.Msg("request")
}

// outlet is where the outcomes of requests go.
type outlet struct{ *Service }

var _ request.Outlet = outlet{}

// Reply implements request.Outlet. It publishes the outcome of a request once
// everything that the request has changed is in the store, or says that it is not.
func (s outlet) Reply(name string, transaction json.RawMessage, data any, failed error) {
	payload := s.response(name, transaction, data, failed)
	s.host.Writer.Stored(func(unstored error) {
		if unstored != nil && failed == nil {
			err := fault.New("not_stored", "what this changed is in effect, but not in the store, which is tried again until it works: %w", unstored)
			payload = s.response(name, transaction, data, err)
		}
		s.publishResponse(name, payload)
	})
}

// publishResponse publishes the response to a request; nil for one that could not be
// written.
func (s *Service) publishResponse(name string, payload []byte) {
	if payload != nil {
		s.host.Publisher.Event(s.cfg.Topics.Response(name), payload, publish.AtLeastOnce)
	}
}

// response writes the response to a request, and a failure to the log.
func (s outlet) response(name string, transaction json.RawMessage, data any, failed error) []byte {
	r := document.Response{Status: "ok", Data: data, Transaction: transaction}
	if r.Data == nil {
		r.Data = struct{}{}
	}
	if fault.Unanswered(failed) {
		failed = s.host.Explain(failed)
	}
	if failed != nil {
		r.Status, r.Error, r.Code = "error", fault.Text(failed), fault.Code(failed)
		level := zerolog.WarnLevel
		if fault.Stopped(failed) {
			level = zerolog.DebugLevel // who stops the service knows
		}
		if s.host.Publisher.Allow("request "+r.Code, name+": "+r.Error) {
			s.host.Log.WithLevel(level).Str("request", fault.Clip(name)).Str("code", r.Code).Str("error", r.Error).Msg("a request has failed")
		}
	}
	payload, err := json.Marshal(r)
	if err != nil {
		s.host.Publisher.Warn("", "the response to %s could not be written: %v", name, err)
		return nil
	}
	return payload
}

// Progress implements request.Outlet.
func (s outlet) Progress(r request.Report) { s.host.Publisher.Notify(r) }

// Twice implements request.Outlet.
func (s outlet) Twice(name string) {
	s.host.Publisher.Warn("", "the request %s was answered twice; the second answer was dropped", name)
}
