package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

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

// request handles bridge/request/WHAT. Every request is answered on
// bridge/response/WHAT, now or when it is done.
func (s *Service) request(what string, payload []byte) {
	s.debugRequest(what, payload)
	transaction, err := transactionOf(payload)
	if err != nil {
		s.reply(what, nil, nil, err)
		return
	}
	reply := func(data any, err error) { s.reply(what, transaction, data, err) }
	known := s.requests()
	handle, ok := known[what]
	if !ok {
		reply(nil, fail("unknown_request", "there is no request %q; expected one of %s", clip(what),
			strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		return
	}
	handle(payload, reply)
}

// requests is what can be asked for, by the last part of the topic.
func (s *Service) requests() map[string]func(payload []byte, reply answer) {
	return map[string]func(payload []byte, reply answer){
		"scan":             s.requestScan,
		"device/provision": s.requestProvision,
		"device/oob":       s.requestOOB,
		"device/refresh":   s.requestRefresh,

		"device/provision_cancel": s.requestProvisionCancel,

		"device/rename":    s.requestRename,
		"device/remove":    s.requestRemove,
		"device/interview": s.requestInterview,
		"network/export":   s.requestExport,
		"network/backup":   s.requestBackup,
		"mesh/send":        s.requestMessage,

		"network/iv_update":   s.requestIVUpdate,
		"network/key_refresh": s.requestKeyRefresh,
		"subnet/add":          s.requestSubnetAdd,
		"subnet/remove":       s.requestSubnetRemove,
		"appkey/add":          s.requestAppKeyAdd,
		"appkey/remove":       s.requestAppKeyRemove,
		"heartbeat/set":       s.requestHeartbeat,

		"device/ota_update/check":  s.requestUpdateCheck,
		"device/ota_update/update": s.requestUpdate,
		"device/ota_update/abort":  s.requestUpdateAbort,
		"device/ota_update/clear":  s.requestUpdateClear,
	}
}

// reply publishes the outcome of a request.
func (s *Service) reply(what string, transaction json.RawMessage, data any, failed error) {
	r := response{Status: "ok", Data: data, Transaction: transaction}
	if r.Data == nil {
		r.Data = struct{}{}
	}
	if failed != nil {
		r.Status, r.Error, r.Code = "error", clip(failed.Error()), codeOf(failed)
		level := zerolog.WarnLevel
		if stopped(failed) {
			level = zerolog.DebugLevel // who stops the service knows
		}
		s.log.WithLevel(level).Str("request", clip(what)).Str("code", r.Code).Str("error", r.Error).Msg("a request was not done")
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
	var refused foundation.StatusError
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &provisioning):
		return string(provisioning.Code)
	case errors.Is(err, errRemoved):
		return "removed"
	case errors.As(err, &refused):
		return "refused" // by the node
	case unanswered(err):
		return "no_response"
	case errors.Is(err, node.ErrProvisioning), errors.Is(err, node.ErrServerBusy), errors.Is(err, node.ErrTooManySessions), errors.Is(err, node.ErrQueueFull):
		return "busy"
	case errors.Is(err, provision.ErrValue):
		return "bad_value"
	case errors.Is(err, node.ErrNoProvisioning), errors.Is(err, provision.ErrNotAwaited):
		return "not_provisioning"
	case errors.Is(err, node.ErrNotSighted):
		return "not_sighted"
	case errors.Is(err, node.ErrNoAddresses):
		return "no_addresses"
	case stopped(err):
		return "stopped"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "failed"
	}
}

// stopped reports whether something ended because the service does.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, node.ErrStopped)
}

// requestScan forgets the unprovisioned devices and reports every one that is
// heard from now on, as an event too. A time of 0 ends the events.
func (s *Service) requestScan(payload []byte, reply answer) {
	const longest, standard = 3600.0, 60.0
	in := struct {
		common
		Time   float64  `json:"time"`   // seconds
		Remote []string `json:"remote"` // devices whose Remote Provisioning Servers scan too
		UUID   string   `json:"uuid"`   // of the one device that they tell more of
	}{Time: standard}
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	if in.Time < 0 || in.Time > longest {
		reply(nil, fail("bad_value", "time: expected 0 to %g seconds, got %g", longest, in.Time))
		return
	}
	servers, err := s.remoteServers(in.Remote)
	if err != nil {
		reply(nil, err)
		return
	}
	if in.UUID != "" {
		s.describeRemotely(in.UUID, servers, in.Time, reply)
		return
	}
	s.scanUntil = time.Time{}
	if in.Time > 0 {
		s.scanUntil = time.Now().Add(time.Duration(in.Time * float64(time.Second)))
	}
	clear(s.found)
	s.lists["unprovisioned"], s.lists["info"] = true, true
	if len(servers) > 0 {
		s.scanRemotely(servers, in.Time, reply)
		return
	}
	reply(map[string]any{"time": in.Time}, nil)
}

func (s *Service) requestProvision(payload []byte, reply answer) {
	var in provisionRequest
	if err := decode(payload, &in); err != nil {
		reply(nil, err)
		return
	}
	o, err := s.provisionOptions(&in)
	if err != nil {
		reply(nil, err)
		return
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
	if err := s.checkName("to", in.To, m.record.UUID); err != nil {
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
		ID         string `json:"id"`
		Force      bool   `json:"force"`
		KeyRefresh bool   `json:"key_refresh"`
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
	s.remove(m, removal{Force: in.Force, KeyRefresh: in.KeyRefresh}, reply)
}

func (s *Service) requestInterview(payload []byte, reply answer) {
	m, err := s.requestedDevice(payload)
	if err != nil {
		reply(nil, err)
		return
	}
	if err := s.idle(m); err != nil {
		reply(nil, err)
		return
	}
	s.interview(m, reply)
}

// requestedDevice is the device that a request is about which has nothing else in
// it.
func (s *Service) requestedDevice(payload []byte) (*managed, error) {
	var in struct {
		common
		ID string `json:"id"`
	}
	if err := decode(payload, &in); err != nil {
		return nil, err
	}
	return s.named("id", in.ID)
}

// idle says what else is done with a device at the moment.
func (s *Service) idle(m *managed) error {
	if m.busy {
		return fail("busy", "%s is being interviewed or removed already", m.record.Name)
	}
	if _, ok := s.provisioning[m.record.UUID]; ok {
		return fail("busy", "%s is being provisioned again", m.record.Name)
	}
	return nil
}

// named finds the device that a request is about.
func (s *Service) named(key, id string) (*managed, error) {
	if id == "" {
		return nil, fail("bad_value", "%s: expected the name, UUID or address of a device", key)
	}
	if m := s.find(id); m != nil {
		return m, nil
	}
	return nil, fail("unknown_device", "%s: no device is called %q; see %s", key, clip(id), s.cfg.Topics.Bridge("devices"))
}

// checkName says whether the device of a UUID, which need not be known yet, may
// be called that; key is where the name stands in the request.
func (s *Service) checkName(key, name string, uuid mesh.UUID) error {
	if err := topic.CheckName(name); err != nil {
		return fail("bad_name", "%s: %w", key, err)
	}
	if m := s.find(name); m != nil && m.record.UUID != uuid {
		return fail("name_taken", "%s: another device goes by %q already", key, name)
	}
	for other, reserved := range s.provisioning {
		if reserved == name && other != uuid {
			return fail("name_taken", "%s: a device that is being provisioned is to be called %q", key, name)
		}
	}
	return nil
}
