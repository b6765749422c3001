// Package heartbeats publishes and counts the heartbeats of a node (Mesh Protocol
// 1.1, section 3.6.7), and tells how far away other nodes are. The state machines
// are those of mesh/heartbeat.
package heartbeats

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Sender sends transport control messages.
type Sender interface{ SendControl(m *transport.ControlOut) }

// LowPower knows the Friend of this node, unassigned for none.
type LowPower interface{ Friend() mesh.Address }

// Heartbeats is the part of a node that sends and counts heartbeats.
type Heartbeats struct {
	part.None
	host         part.Host
	sender       Sender
	lowPower     LowPower
	monitor      bool // every heartbeat is reported
	begun        bool
	publication  heartbeat.Publication
	subscription heartbeat.Subscription
}

// Compile-time checks of what others use it as.
var (
	_ part.Part                   = (*Heartbeats)(nil)
	_ configuration.HeartbeatHost = (*Heartbeats)(nil)
)

// New makes the part. With monitor it reports every heartbeat that it receives.
func New(h part.Host, s Sender, l LowPower, monitor bool) *Heartbeats {
	return &Heartbeats{host: h, sender: s, lowPower: l, monitor: monitor}
}

// Inputs implements part.Part.
func (h *Heartbeats) Inputs() part.Inputs { return part.Control }

// Input implements part.Part: it counts a heartbeat.
func (h *Heartbeats) Input(in *part.Input) bool {
	m := in.Control
	if m.Segmented || m.Opcode != heartbeat.Opcode {
		return false
	}
	beat, err := heartbeat.Parse(m.Params)
	if err != nil {
		h.host.CountMalformed()
		return true
	}
	hops, ok := beat.Hops(m.TTL)
	if !ok {
		h.host.CountMalformed()
		return true
	}
	h.subscription.Receive(h.host.Now(), m.Src, m.Dst, hops)
	if h.monitor {
		h.host.Report(part.HeartbeatReceived{Src: m.Src, Dst: m.Dst, Hops: hops, Features: beat.Features, RSSI: m.Origin.RSSI})
	}
	return true
}

// ConfigurationChanged implements part.Part. It continues with what was configured
// before a restart, and tells of features that have changed.
func (h *Heartbeats) ConfigurationChanged() {
	n := h.host.State()
	if !n.IsProvisioned() {
		return
	}
	if !h.begun {
		h.begun = true
		p := n.HeartbeatPublication
		if p.CountLog != 0xFF {
			// How many of a limited number were sent is not known any more.
			p.CountLog = 0
		}
		h.publication.Set(h.host.Now(), p)
	}
	if p := n.HeartbeatPublication; p.Destination != mesh.Unassigned && n.Subnet(p.NetKey) == nil {
		h.PublishHeartbeats(state.HeartbeatPublication{}) // its key is gone
	}
	h.FeaturesChanged()
}

// LeftNetwork implements part.Part.
func (h *Heartbeats) LeftNetwork() error {
	h.begun = false
	h.publication, h.subscription = heartbeat.Publication{}, heartbeat.Subscription{}
	return nil
}

// ListensTo reports whether the node counts heartbeats to an address.
func (h *Heartbeats) ListensTo(dst mesh.Address) bool {
	return h.subscription.Listens(h.host.Now(), dst)
}

// FeaturesChanged sends a heartbeat when a feature that the publication names has
// been switched.
func (h *Heartbeats) FeaturesChanged() {
	if h.publication.Changed(h.features()) {
		h.send()
	}
}

// features are those in use (section 3.6.7.2).
func (h *Heartbeats) features() uint16 {
	n := h.host.State()
	var f configuration.Features
	for feature, on := range map[configuration.Features]bool{
		configuration.FeatureRelay:    n.Relay == state.Enabled,
		configuration.FeatureProxy:    n.Proxy == state.Enabled,
		configuration.FeatureFriend:   n.Friend == state.Enabled,
		configuration.FeatureLowPower: h.lowPower.Friend() != mesh.Unassigned,
	} {
		if on {
			f |= feature
		}
	}
	return uint16(f)
}

// Tick implements part.Part.
func (h *Heartbeats) Tick() {
	if h.publication.Due(h.host.Now()) {
		h.send()
	}
}

// NextDeadline implements part.Part.
func (h *Heartbeats) NextDeadline() time.Time { return h.publication.NextDeadline() }

func (h *Heartbeats) send() {
	p := h.publication.HeartbeatPublication
	m := heartbeat.Message{InitTTL: p.TTL, Features: h.features()}
	h.sender.SendControl(&transport.ControlOut{
		Src: h.host.State().Address, Dst: p.Destination, NetKey: p.NetKey, TTL: p.TTL,
		Opcode: heartbeat.Opcode, Params: m.Append(nil),
	})
}

// PublishHeartbeats implements configuration.HeartbeatHost.
func (h *Heartbeats) PublishHeartbeats(p state.HeartbeatPublication) {
	h.host.Edit(func(n *state.Node) { n.HeartbeatPublication = p })
	h.publication.Set(h.host.Now(), p)
}

// HeartbeatsLeft implements configuration.HeartbeatHost.
func (h *Heartbeats) HeartbeatsLeft() uint8 { return h.publication.CountLog() }

// SubscribeHeartbeats implements configuration.HeartbeatHost.
func (h *Heartbeats) SubscribeHeartbeats(source, destination mesh.Address, periodLog uint8) {
	h.subscription.Set(h.host.Now(), source, destination, periodLog)
}

// HeartbeatsCounted implements configuration.HeartbeatHost.
func (h *Heartbeats) HeartbeatsCounted() heartbeat.Status {
	return h.subscription.Status(h.host.Now())
}
