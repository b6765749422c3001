// Package echo watches what becomes of the bridge's own topics at the broker.
//
//	bridge ── value ──▶ broker ── the same value ──▶ bridge     all is well
//	                           ── nothing ─────────▶            it cannot be written, or not be read back
//	somebody ─ value ─▶ broker ── another value ───▶ bridge     warn, and publish ours again
//
// An MQTT 3.1.1 broker acknowledges a message that its access rules forbid, and
// drops it. So the bridge subscribes to some of its own topics: the lists, the
// availability of devices, and state and discovery of one device. (All states
// would double the traffic.)
//
// Two bridges with one base topic would answer each other's corrections for ever.
// Each publishes B/bridge/echo with the time when it was started; the one that was
// started later corrects nothing while the other is there. Values of anybody else
// are corrected less and less often.
package echo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Announcer publishes everything retained about a device again.
type Announcer interface{ Announced(d *registry.Device) }

// Config is what the part is made of.
type Config struct {
	Version string
	// Lists are the names of the bridge's retained topics below B/bridge.
	Lists []string
	// Session tells how the connection to the broker does; nil if there is none.
	Session func() mqtt.Stats
}

// Part watches the bridge's own topics. Make it with New.
type Part struct {
	part.None
	h          *part.Host
	cfg        Config
	announcers []Announcer

	started  bool
	own      document.Echo
	online   []byte // value of bridge/state
	offline  []byte // its will
	segments int    // of the longest name
	lists    map[string]string
	values   map[string]*value // by topic
	sample   mesh.UUID         // device whose state and discovery are watched
	sampled  map[string]bool   // its topics, and those of earlier ones, which still arrive

	way     way
	others  others
	refused []string
	loss    *document.EventLoss
}

// way is what is known of the way to the broker and back.
type way struct {
	connected time.Time // zero while there is no connection
	calm      time.Time // since when there is no queue to the broker
	echo      answer
	silent    []string // topics that there was a warning about
	denied    bool     // all of them
	will      bool     // the broker has published the will on this connection
}

// others is who else publishes to topics of the bridge.
type others struct {
	foreign map[string]*foreign // by topic
	warned  bool                // of the foreign values that are known
	bridges map[string]*document.OtherBridge
	yielded bool // to another bridge, a second ago
}

// New makes the part.
func New(h *part.Host, cfg Config, announcers ...Announcer) *Part {
	return &Part{
		h: h, cfg: cfg, announcers: announcers,
		segments: 1, lists: map[string]string{}, values: map[string]*value{}, sampled: map[string]bool{},
		others: others{foreign: map[string]*foreign{}, bridges: map[string]*document.OtherBridge{}},
	}
}

// Load implements part.Part. From here on the part knows what is published.
func (p *Part) Load() error {
	p.own = document.Echo{Instance: fmt.Sprintf("%016x", rand.Uint64()), Since: p.h.Loop.Now().UTC(), Version: p.cfg.Version}
	p.online, _ = json.Marshal(document.State{State: "online"}) // a text can always be written
	p.offline, _ = json.Marshal(document.State{State: "offline"})
	for _, list := range p.cfg.Lists {
		p.lists[p.h.Topics.Bridge(list)] = list
	}
	p.h.Publisher.Observe(p.published)
	return nil
}

// Start implements part.Part.
func (p *Part) Start() {
	p.own.Node = p.h.Own.Summary().UUID
	state := newValue()
	state.own(p.online) // the session publishes it
	p.values[p.h.Topics.BridgeState()] = state
	p.h.Devices.All(p.reach)
	p.started = true
	if !p.way.connected.IsZero() {
		p.send()
	}
}

// Added implements part.Part.
func (p *Part) Added(d, _ *registry.Device) { p.reach(d) }

// Renamed implements part.Part.
func (p *Part) Renamed(d *registry.Device, _ string) {
	p.reach(d)
	if d.Record.UUID == p.sample {
		p.sample = mesh.UUID{} // it has other topics now
	}
}

// reach subscribes to what is for a device with a name of several segments. There is
// no subscription for more of them than any name has: it could only bring what is
// for somebody else.
func (p *Part) reach(d *registry.Device) {
	segments := topic.Segments(d.Record.Name)
	if segments <= p.segments {
		return
	}
	p.segments = segments
	for _, filter := range p.h.Topics.Filters(segments) {
		p.h.Publisher.Subscribe(filter, publish.AtLeastOnce)
	}
	for _, filter := range p.h.Topics.OwnFilters(segments) {
		p.h.Publisher.Subscribe(filter, publish.AtMostOnce)
	}
}

// published takes a retained value before it is published.
func (p *Part) published(t string, payload []byte) {
	confirmed := p.lists[t] != "" || p.sampled[t]
	if !confirmed && !strings.HasSuffix(t, "/availability") && t != p.h.Topics.BridgeState() {
		return
	}
	v := p.values[t]
	if v == nil {
		v = newValue()
		p.values[t] = v
	}
	v.own(payload)
	if confirmed {
		v.await(p.h.Loop.Now())
	}
}

// Take takes a message of the broker, and reports whether it is on a topic that the
// part watches.
func (p *Part) Take(m mqtt.Message) bool {
	if m.Topic == p.h.Topics.Bridge("echo") {
		p.heard(m)
		return true
	}
	v := p.values[m.Topic]
	if v == nil {
		return p.sampled[m.Topic] // of a device that is gone
	}
	switch {
	case v.matches(m.Payload):
		if v.gone() {
			delete(p.values, m.Topic)
		}
	case m.Retained:
		// It is from before the connection, and ours follows.
	default:
		p.found(m)
	}
	return true
}

// Status takes a change of the connection to the broker.
func (p *Part) Status(s mqtt.Status) {
	switch s.State {
	case mqtt.Connected:
		if p.way.connected.IsZero() {
			p.way.connected = p.h.Loop.Now()
		}
		p.send()
	case mqtt.Lost, mqtt.Failed, mqtt.Closed:
		p.way.connected, p.way.calm, p.way.will = time.Time{}, time.Time{}, false
	case mqtt.Degraded:
	}
}

// Notice takes what the session has to tell.
func (p *Part) Notice(n mqtt.Notice) {
	switch n := n.(type) {
	case mqtt.Refusal:
		p.refused = n.Filters
		if len(n.Filters) == 0 {
			p.h.Log.Info().Msg(n.String())
			p.h.Publisher.Changed("health")
			return
		}
	case mqtt.Loss:
		p.loss = &document.EventLoss{Events: n.Events, Since: n.Since.UTC(), Until: n.Until.UTC()}
	}
	p.h.Publisher.Warn("", "broker: %s", n)
	p.h.Publisher.Changed("health")
}

// Second implements part.Part.
func (p *Part) Second(tick int) {
	const echoEvery = 60
	if tick%echoEvery == 0 && !p.way.connected.IsZero() {
		p.send()
	}
	const sampleEvery = 5
	if tick%sampleEvery == 0 {
		p.takeSample()
	}
	p.forget()
	p.listen()
	p.correct()
}

// takeSample chooses the device whose state and discovery are watched, and another
// one when it is gone.
func (p *Part) takeSample() {
	if p.way.connected.IsZero() || p.h.Devices.ByUUID(p.sample) != nil {
		return
	}
	for _, d := range p.h.Devices.Sorted() {
		topics := p.h.Ledger.Topics(d.Record.UUID)
		if len(topics) == 0 {
			continue
		}
		p.sample = d.Record.UUID
		for _, t := range topics {
			p.sampled[t] = true
			p.h.Publisher.Subscribe(t, publish.AtMostOnce)
		}
		p.announce(d) // so that there is something to hear
		return
	}
}

func (p *Part) announce(d *registry.Device) {
	for _, a := range p.announcers {
		a.Announced(d)
	}
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) {
	if p.cfg.Session == nil {
		return
	}
	stats := p.cfg.Session()
	b := &document.Broker{
		Connects: stats.Connects, Losses: stats.Losses, Dropped: stats.DroppedOut, LastLoss: p.loss, TooLarge: stats.TooLarge,
		Refused: p.refused, Unconfirmed: p.way.silent,
	}
	for t, f := range p.others.foreign {
		b.Foreign = append(b.Foreign, document.ForeignValue{Topic: excerpt.Of(t, mostTopic), Value: f.value, Count: f.count, Last: f.last.UTC()})
	}
	slices.SortFunc(b.Foreign, func(x, y document.ForeignValue) int { return strings.Compare(x.Topic, y.Topic) })
	for _, other := range p.others.bridges {
		b.Bridges = append(b.Bridges, *other)
	}
	slices.SortFunc(b.Bridges, func(x, y document.OtherBridge) int { return x.Since.Compare(y.Since) })
	h.Broker = b
}
