package node

import (
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/private"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// configHost is the node as the Configuration Server and the other foundation
// models see it (section 4.4). They call it while they handle a message, so in the
// middle of an input.
type configHost struct{ c *Core }

// Compile-time checks: the servers look for these by type assertion.
var (
	_ foundation.Host                  = configHost{}
	_ configuration.ResidentHost       = configHost{}
	_ configuration.FriendHost         = configHost{}
	_ configuration.HeartbeatHost      = configHost{}
	_ configuration.NodeIdentityHost   = configHost{}
	_ private.Advertiser               = configHost{}
	_ private.Solicited                = configHost{}
	_ opcodesaggregator.AggregatorHost = configHost{}
	_ configuration.RefreshHost        = configHost{}
)

// State implements foundation.Host.
func (h configHost) State() *state.Node { return h.c.host.state }

// Edit implements foundation.Host.
func (h configHost) Edit(change func(*state.Node) bool) { h.c.edit(change) }

// Reset implements foundation.Host. Nobody waits for its outcome, so an error is
// reported.
func (h configHost) Reset() error {
	err := h.c.leave()
	if err != nil {
		h.c.host.Report(part.Faulted{Err: fmt.Errorf("node: the node has left its network, but cannot be provisioned again before it is restarted: %w", err)})
	}
	return err
}

// Resident implements configuration.ResidentHost.
func (h configHost) Resident() bool { return h.c.options.Resident }

// NewKeyInUse implements configuration.ResidentHost.
func (h configHost) NewKeyInUse(index mesh.KeyIndex, by mesh.Address) bool {
	return h.c.parts.keys.NewKeyInUse(index, by)
}

// Refused implements configuration.ResidentHost.
func (h configHost) Refused(in *access.Incoming) {
	if in.Opcode == configuration.OpNodeReset {
		h.c.host.Report(part.ResetRefused{By: in.Src})
		return
	}
	h.c.host.Report(part.ConfigurationRefused{By: in.Src, Opcode: in.Opcode, Params: slices.Clone(in.Params)})
}

// KeysGiven implements configuration.ResidentHost.
func (h configHost) KeysGiven(in *access.Incoming) {
	h.c.host.Report(part.KeysGiven{By: in.Src, Opcode: in.Opcode})
}

// PollTimeout implements configuration.FriendHost.
func (h configHost) PollTimeout(a mesh.Address) time.Duration {
	return h.c.parts.friendships.Friend.PollTimeout(a)
}

// PublishHeartbeats implements configuration.HeartbeatHost.
func (h configHost) PublishHeartbeats(p state.HeartbeatPublication) {
	h.c.parts.heartbeats.PublishHeartbeats(p)
}

// HeartbeatsLeft implements configuration.HeartbeatHost.
func (h configHost) HeartbeatsLeft() uint8 { return h.c.parts.heartbeats.HeartbeatsLeft() }

// SubscribeHeartbeats implements configuration.HeartbeatHost.
func (h configHost) SubscribeHeartbeats(source, destination mesh.Address, periodLog uint8) {
	h.c.parts.heartbeats.SubscribeHeartbeats(source, destination, periodLog)
}

// HeartbeatsCounted implements configuration.HeartbeatHost.
func (h configHost) HeartbeatsCounted() heartbeat.Status {
	return h.c.parts.heartbeats.HeartbeatsCounted()
}

// NodeIdentity implements configuration.NodeIdentityHost.
func (h configHost) NodeIdentity(index mesh.KeyIndex) state.Feature {
	return h.c.parts.gatt.Server.NodeIdentity(index)
}

// SetNodeIdentity implements configuration.NodeIdentityHost.
func (h configHost) SetNodeIdentity(index mesh.KeyIndex, on bool) {
	h.c.parts.gatt.Server.SetNodeIdentity(index, on)
}

// PrivateNodeIdentity implements private.Advertiser.
func (h configHost) PrivateNodeIdentity(index mesh.KeyIndex) state.Feature {
	return h.c.parts.gatt.Server.PrivateNodeIdentity(index)
}

// SetPrivateNodeIdentity implements private.Advertiser.
func (h configHost) SetPrivateNodeIdentity(index mesh.KeyIndex, on bool) {
	h.c.parts.gatt.Server.SetPrivateNodeIdentity(index, on)
}

// ClearSolicitations implements private.Solicited.
func (h configHost) ClearSolicitations(first mesh.Address, count int) {
	h.c.parts.gatt.Server.ClearSolicitations(first, count)
}

// DispatchItem implements opcodesaggregator.AggregatorHost.
func (h configHost) DispatchItem(in *access.Incoming, element mesh.Address, op mesh.Opcode, params []byte) (access.Message, opcodesaggregator.StatusCode) {
	return h.c.parts.models.DispatchItem(in, element, op, params)
}

// NextElements implements configuration.RefreshHost.
func (h configHost) NextElements() []state.Element { return h.c.parts.models.NextElements() }
