package bridge

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/catalog"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/clock"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scene"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scheduler"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// This file is the debug log: what was received from nodes and sent to them, in
// the words of the specification. Nothing is decoded unless somebody reads it.

// newMessages builds the registry of all messages, for their names and fields.
func newMessages() (*access.Registry, error) {
	return access.NewRegistry(catalog.Messages(), generic.Messages(), light.Messages(), sensor.Messages(),
		clock.Messages(), scene.Messages(), scheduler.Messages(), blob.Messages(), firmware.Messages())
}

// debugReceived logs an access message; u is the element that sent it, without
// a device when the bridge does not know it.
func (s *Service) debugReceived(u unit, in node.MessageReceived) {
	e := s.log.Debug()
	if !e.Enabled() {
		return
	}
	if u.managed != nil {
		e.Str("device", u.record.Name)
	}
	e.Stringer("src", in.Src).Stringer("dst", in.Dst)
	if u.managed != nil {
		e.Int("element", u.element)
	}
	describe(e, s.messages, in.Opcode, in.Params)
	e.Str("key", keyName(in.DeviceKey)).Uint8("ttl", uint8(in.TTL)).Int8("rssi", in.RSSI).Msg("received")
}

// describe adds an access message to a line of the log: its name, and its
// fields as far as they can be read, or else its parameters as they are. Keys
// are never shown: JSON hides them, and what should hold one but cannot be read
// is left out.
func describe(e *zerolog.Event, messages *access.Registry, op mesh.Opcode, params []byte) {
	e.Stringer("opcode", op)
	if kind, known := messages.ByOpcode(op); known {
		e.Str("access_message", kind.Name)
	}
	fields, err := fieldsOf(messages, op, params)
	switch {
	case err == nil:
		e.RawJSON("fields", fields)
	case carriesKey(op):
		e.Int("octets", len(params))
	default:
		e.Hex("hex", params)
	}
}

// carriesKey reports whether a NetKey or an AppKey is among the parameters.
func carriesKey(op mesh.Opcode) bool {
	switch op {
	case configuration.OpAppKeyAdd, configuration.OpAppKeyUpdate,
		configuration.OpNetKeyAdd, configuration.OpNetKeyUpdate:
		return true
	default:
		return false
	}
}

func keyName(device bool) string {
	if device {
		return "device"
	}
	return "app"
}

// requester sends messages to one device and logs what came of each.
type requester struct {
	mesh     Mesh
	messages *access.Registry
	log      zerolog.Logger
	device   string
	address  mesh.Address // of the first element
	netKey   mesh.KeyIndex
	appKey   mesh.KeyIndex
}

// requester makes one for a device as it is called now.
func (s *Service) requester(m *managed) *requester {
	return &requester{s.cfg.Mesh, s.messages, s.log, m.record.Name, m.record.Address, m.record.NetKey, m.record.AppKey}
}

// Request sends a message and waits for its outcome, as node.Node.Request does.
func (r *requester) Request(ctx context.Context, q node.Request) (node.Response, error) {
	began := time.Now()
	response, err := r.mesh.Request(ctx, q)
	e := r.log.Debug()
	if !e.Enabled() {
		return response, err
	}
	e.Str("device", r.device).Stringer("dst", q.Dst).Int("element", int(q.Dst)-int(r.address))
	if op, params, malformed := access.ParseOpcode(q.Payload); malformed == nil {
		describe(e, r.messages, op, params)
	}
	e.Str("key", keyName(q.Key.IsDevice())).Int("attempts", response.Attempts)
	rtt, outcome := response.RTT, "ok"
	if err != nil {
		rtt, outcome = time.Since(began), codeOf(err)
	}
	e.Int64("rtt_ms", rtt.Milliseconds()).Str("outcome", outcome).AnErr("error", err).Msg("sent")
	return response, err
}

// debugCommand logs what came to a command topic of a device.
func (s *Service) debugCommand(topic, device string, payload []byte) {
	if e := s.log.Debug(); e.Enabled() {
		e.Str("device", device).Str("topic", clip(topic)).Str("payload", clip(string(payload))).Msg("command")
	}
}

// debugRequest logs a request to the bridge. Of its payload only the keys that
// are known and no secret are shown: a device may come with the value that
// authenticates it, wherever its sender put that by mistake.
func (s *Service) debugRequest(what string, payload []byte) {
	e := s.log.Debug()
	if !e.Enabled() {
		return
	}
	var fields, shown map[string]json.RawMessage
	_ = json.Unmarshal(payload, &fields) // the response says what it should have been
	for _, key := range []string{
		"uuid", "name", "id", "from", "to", "time", "force", "attention", "transaction",
		"key_refresh", "net_key", "app_key", "exclude", "finish", "test_mode", "via", "remote", "what",
	} {
		if value, ok := fields[key]; ok && len(value) <= maxText {
			if shown == nil {
				shown = map[string]json.RawMessage{}
			}
			shown[key] = value
		}
	}
	e.Str("request", clip(what)).Int("octets", len(payload))
	if text, err := json.Marshal(shown); err == nil && shown != nil {
		e.RawJSON("payload", text)
	}
	e.Msg("request")
}

// debugStep logs a step of a provisioning.
func (s *Service) debugStep(in node.ProvisioningStep) {
	e := s.log.Debug()
	if name := s.provisioning[in.UUID]; name != "" {
		e.Str("device", name)
	}
	e.Stringer("uuid", in.UUID).Str("step", in.Step).Msg("provisioning")
}

// debugHeard logs an unprovisioned device that was not there before.
func (s *Service) debugHeard(in node.DeviceHeard) {
	e := s.log.Debug()
	if !e.Enabled() {
		return
	}
	e.Str("adapter", s.adapterID(in.Adapter)).Stringer("uuid", in.UUID).Int8("rssi", in.RSSI).Msg("an unprovisioned device was heard")
}
