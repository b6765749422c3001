// Package heartbeat listens to the heartbeats of devices (Mesh Protocol 1.1.1,
// section 3.6.7) and lets devices send them to the bridge.
//
//	heartbeat/set ─▶ Config Heartbeat Publication Set ─▶ device
//	device ─▶ Heartbeat ─▶ bridge/health: hops, RSSI, count
package heartbeat

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Availability records that a device was heard.
type Availability interface {
	Heard(d *registry.Device)
	SetOnline(d *registry.Device, online bool)
}

// Part counts heartbeats and configures them. Make it with New.
type Part struct {
	part.None
	h            *part.Host
	availability Availability
	heard        map[*registry.Device]*document.Heartbeat
}

var _ part.HealthReporter = (*Part)(nil)

// New makes the part.
func New(h *part.Host, a Availability) *Part {
	return &Part{h: h, availability: a, heard: map[*registry.Device]*document.Heartbeat{}}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(setMeta(), p.set)}
}

// Removed implements part.Part.
func (p *Part) Removed(d *registry.Device, _ bool) { delete(p.heard, d) }

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	if e, ok := e.(node.HeartbeatReceived); ok {
		p.received(e)
	}
}

// received records a heartbeat.
func (p *Part) received(e node.HeartbeatReceived) {
	d := p.h.Devices.At(e.Src).Device
	if d == nil {
		return
	}
	b := p.heard[d]
	if b == nil {
		b = &document.Heartbeat{MinHops: e.Hops}
		p.heard[d] = b
	}
	b.Hops, b.MinHops, b.MaxHops = e.Hops, min(b.MinHops, e.Hops), max(b.MaxHops, e.Hops)
	b.Count++
	b.RSSI, b.LastSeen = document.Signal(e.RSSI), p.h.Loop.Now().UTC().Truncate(time.Second)
	b.Features = features(configuration.Features(e.Features))
	p.availability.Heard(d)
	p.availability.SetOnline(d, true)
}

func features(f configuration.Features) []string {
	names := []string{}
	for _, n := range []struct {
		feature configuration.Features
		name    string
	}{
		{configuration.FeatureRelay, "relay"},
		{configuration.FeatureProxy, "proxy"},
		{configuration.FeatureFriend, "friend"},
		{configuration.FeatureLowPower, "lpn"},
	} {
		if f&n.feature != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// Health implements part.HealthReporter: the devices that send heartbeats, by
// name.
func (p *Part) Health(h *document.Health) {
	if len(p.heard) == 0 {
		return
	}
	h.Heartbeats = make(map[string]*document.Heartbeat, len(p.heard))
	for d, b := range p.heard {
		h.Heartbeats[d.Record.Name] = b
	}
}

// set configures the heartbeats of a device; a period of 0 ends them.
func (p *Part) set(c *request.Call[setOut], in setIn) {
	d, err := p.h.Devices.Named("id", string(in.ID))
	if err == nil {
		err = p.h.Devices.Idle(d)
	}
	if err != nil {
		c.Fail(err)
		return
	}
	period := time.Duration(in.Period * float64(time.Second))
	peer, to := d.Peer(), p.h.Requester(d).As(node.ClassConfiguration)
	p.h.Loop.Go(func(ctx context.Context) {
		took, err := commission.SetHeartbeat(ctx, to, peer, p.h.Address, period, mesh.TTL(in.TTL))
		p.h.Loop.Post(func() {
			if err == nil && took == 0 {
				delete(p.heard, d)
				p.h.Publisher.Changed("health")
			}
			c.Answer(&setOut{ID: d.Record.Name, Period: took.Seconds(), TTL: in.TTL}, err)
		})
	})
}
