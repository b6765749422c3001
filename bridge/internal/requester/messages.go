// Package requester sends access messages to devices and writes the debug log of
// messages in both directions, in the words of the specification. Nothing is
// decoded unless the debug log is on, and keys are never shown.
package requester

import (
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

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
)

// Messages builds the registry of all messages, for their names and fields.
func Messages() (*access.Registry, error) {
	return access.NewRegistry(catalog.Messages(), generic.Messages(), light.Messages(), sensor.Messages(),
		clock.Messages(), scene.Messages(), scheduler.Messages(), blob.Messages(), firmware.Messages())
}

// Describe adds an access message to a line of the log: its name, and its fields
// as far as they can be read, or else its parameters as they are. Keys are never
// shown: JSON hides them, and what should hold one but cannot be read is left out.
func Describe(e *zerolog.Event, messages *access.Registry, op mesh.Opcode, params []byte) {
	e.Stringer("opcode", op)
	if kind, known := messages.ByOpcode(op); known {
		e.Str("access_message", kind.Name)
	}
	fields, err := Fields(messages, op, params)
	switch {
	case err == nil:
		e.RawJSON("fields", fields)
	case CarriesKey(op):
		e.Int("octets", len(params))
	default:
		e.Hex("hex", params)
	}
}

// Fields is the fields of a message as JSON, without keys.
func Fields(messages *access.Registry, op mesh.Opcode, params []byte) ([]byte, error) {
	m, err := messages.DecodeParams(op, params)
	if err != nil {
		return nil, err
	}
	return access.ToJSON(m)
}

// CarriesKey reports whether a NetKey or an AppKey is among the parameters.
func CarriesKey(op mesh.Opcode) bool {
	switch op {
	case configuration.OpAppKeyAdd, configuration.OpAppKeyUpdate,
		configuration.OpNetKeyAdd, configuration.OpNetKeyUpdate:
		return true
	default:
		return false
	}
}

// KeyName is the kind of key that a message is encrypted with.
func KeyName(device bool) string {
	if device {
		return "device"
	}
	return "app"
}

// LogReceived writes an access message to the debug log; without a device the
// element is one that the bridge does not know.
func LogReceived(log *zerolog.Logger, messages *access.Registry, from registry.Element, m node.MessageReceived) {
	e := log.Debug()
	if !e.Enabled() {
		return
	}
	if from.Device != nil {
		e.Str("device", from.Record.Name)
	}
	e.Stringer("src", m.Src).Stringer("dst", m.Dst)
	if from.Device != nil {
		e.Int("element", from.Index)
	}
	Describe(e, messages, m.Opcode, m.Params)
	e.Str("key", KeyName(m.DeviceKey)).Uint8("ttl", uint8(m.TTL))
	if m.RSSI != node.UnknownRSSI { // over a connection nobody measures it
		e.Int8("rssi", m.RSSI)
	}
	e.Msg("received")
}
