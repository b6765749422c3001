// Package lists publishes what the bridge says about itself: bridge/info,
// bridge/devices, bridge/unprovisioned and bridge/health. A list is published again
// after it has changed: the lists of devices some seconds later, so that a burst of
// changes makes one, the others after the batch of inputs.
//
//	Changed ─▶ pace ─ 0, 5 s or 60 s later ─▶ list ─ if it differs ─▶ B/bridge/devices
package lists

import (
	"runtime"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Names of the lists.
const (
	info          = "info"
	devices       = "devices"
	unprovisioned = "unprovisioned"
	health        = "health"
)

// Names are those of the retained topics of the lists, below B/bridge.
func Names() []string { return []string{info, devices, unprovisioned, health} }

// Unprovisioned lists the unprovisioned devices.
type Unprovisioned interface {
	List() []document.Unprovisioned
}

// Config is what the lists tell about the program.
type Config struct {
	Version string
	Network string // its name
	// Adapters lists the radios.
	Adapters func() []document.Adapter
	// Dropped counts the events that found the bridge busy.
	Dropped func() uint64
}

// Part publishes the lists. Make it with New, then Connect it.
type Part struct {
	part.None
	h             *part.Host
	cfg           Config
	unprovisioned Unprovisioned
	informers     []part.Informer
	reporters     []part.HealthReporter
	describers    []part.Describer
	started       bool
	pace          pace
	ignored       int // retained commands
}

// New makes the part.
func New(h *part.Host, cfg Config, u Unprovisioned) *Part {
	return &Part{h: h, cfg: cfg, unprovisioned: u, pace: newPace()}
}

// Connect finds the parts that have something to say in a list.
func (p *Part) Connect(parts []part.Part) {
	for _, other := range parts {
		if i, ok := other.(part.Informer); ok {
			p.informers = append(p.informers, i)
		}
		if r, ok := other.(part.HealthReporter); ok {
			p.reporters = append(p.reporters, r)
		}
		if d, ok := other.(part.Describer); ok {
			p.describers = append(p.describers, d)
		}
	}
}

// Start implements part.Part.
func (p *Part) Start() {
	p.started = true
	p.All()
}

// All publishes all lists again.
func (p *Part) All() { p.h.Publisher.Again(Names()...) }

// Ignored counts a retained command.
func (p *Part) Ignored() { p.ignored++ }

// Publish publishes the lists that have changed and are due, once there is something to
// say. It is called after each batch of inputs, and every second.
func (p *Part) Publish() {
	if !p.started {
		return
	}
	now := p.h.Loop.Now()
	p.pace.note(p.h.Publisher.TakeChanged(), now)
	if len(p.pace.due) == 0 {
		return
	}
	for _, list := range Names() {
		if due, again := p.pace.take(list, now); due {
			p.pace.octets[list] = p.h.Publisher.List(list, p.list(list), again)
		}
	}
}

// Flush publishes the lists that have changed at once: the bridge ends.
func (p *Part) Flush() {
	now := p.h.Loop.Now()
	p.pace.note(p.h.Publisher.TakeChanged(), now)
	p.pace.hasten(now)
	p.Publish()
}

// list is the document of a list.
func (p *Part) list(name string) any {
	switch name {
	case info:
		return p.info()
	case devices:
		return p.devices()
	case unprovisioned:
		return p.unprovisioned.List()
	default:
		return p.health()
	}
}

func (p *Part) info() document.Info {
	const all = float64(mesh.MaxSequenceNumber) + 1
	own := p.h.Own.Summary()
	doc := document.Info{
		Version:  p.cfg.Version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Adapters: p.adapters(),
		Network: document.Network{
			Name:         p.cfg.Network,
			UUID:         own.UUID,
			Address:      own.Address,
			IVIndex:      &own.IVIndex,
			IVUpdate:     own.IVUpdate,
			SequenceLeft: float64(int(float64(own.SequenceLeft)/all*1000)) / 10,
			// An empty list is a list.
			NetKeys: append([]mesh.KeyIndex{}, own.NetKeys...),
			AppKeys: append([]mesh.KeyIndex{}, own.AppKeys...),
		},
	}
	if own.IVIndexUnknown {
		doc.Network.IVIndex = nil
	}
	for _, i := range p.informers {
		i.Info(&doc)
	}
	return doc
}

func (p *Part) health() document.Health {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	own := p.h.Own.Summary()
	doc := document.Health{
		Time:     p.h.Loop.Now().UTC().Truncate(time.Second),
		Memory:   memory.Sys,
		Adapters: p.adapters(),
		Mesh:     document.Mesh{Counters: snakes(own.Counters), Missed: own.Missed, Unsent: own.Unsent},
		Ignored:  p.ignored,
		Dropped:  p.cfg.Dropped(),
		Requests: p.requests(&own.Requests),
	}
	for _, r := range p.reporters {
		r.Health(&doc)
	}
	return doc
}

// requests describes what waits to be sent.
func (p *Part) requests(q *node.RequestQueue) document.Requests {
	doc := document.Requests{Waiting: map[string]int{}, InFlight: q.InFlight, SilentDevices: q.Silent, Refused: q.Refused}
	for c, n := range q.Waiting {
		doc.Waiting[node.Class(c).String()] = n
	}
	if q.BusiestWaiting > 0 {
		doc.Busiest = &document.BusiestDevice{Address: q.Busiest, Waiting: q.BusiestWaiting}
		if d := p.h.Devices.At(q.Busiest).Device; d != nil {
			doc.Busiest.Name = d.Record.Name
		}
	}
	return doc
}

// adapters lists the radios; an empty list is [], not null.
func (p *Part) adapters() []document.Adapter {
	return append([]document.Adapter{}, p.cfg.Adapters()...)
}

func (p *Part) devices() []document.Device {
	list := make([]document.Device, 0, p.h.Devices.Len())
	for _, d := range p.h.Devices.Sorted() {
		doc := describe(d)
		for _, other := range p.describers {
			other.Describe(d, &doc)
		}
		list = append(list, doc)
	}
	return list
}

func describe(d *registry.Device) document.Device {
	r := d.Record
	doc := document.Device{
		UUID:      r.UUID,
		Address:   r.Address,
		Name:      r.Name,
		Interview: r.Interview,
		Joined:    r.Joined,
		Elements:  []document.Element{},
		Exposes:   []document.Expose{},
		Skipped:   r.Skipped,

		LeftBehind: r.LeftBehind,
		NetKeys:    append([]mesh.KeyIndex{r.NetKey}, r.NetKeys...),
		AppKeys:    append([]mesh.KeyIndex{r.AppKey}, r.AppKeys...),
	}
	if c := r.Composition; c != nil {
		doc.CID, doc.PID, doc.VID = &c.CompanyID, &c.ProductID, &c.VersionID
		doc.Features = map[string]bool{
			"relay":  c.Features&configuration.FeatureRelay != 0,
			"proxy":  c.Features&configuration.FeatureProxy != 0,
			"friend": c.Features&configuration.FeatureFriend != 0,
			"lpn":    c.Features&configuration.FeatureLowPower != 0,
		}
		for i, e := range c.Elements {
			element := document.Element{Index: i, Address: r.Address + mesh.Address(i), Location: e.Location, Models: []document.Model{}}
			for _, id := range e.Models {
				element.Models = append(element.Models, document.Model{ID: id, Name: foundation.ModelName(id)})
			}
			doc.Elements = append(doc.Elements, element)
		}
	}
	if d.Translator != nil {
		for _, f := range d.Translator.Features() {
			doc.Exposes = append(doc.Exposes, expose(&f))
		}
	}
	return doc
}

func expose(f *translate.Feature) document.Expose {
	doc := document.Expose{Type: homeassistant.Platform(f), Property: f.Property, Element: f.Element, Unit: f.Unit, Values: f.Values}
	if f.Property == "" && len(f.Parts) > 0 {
		doc.Property = f.Parts[0].Property
	}
	for _, part := range f.Parts {
		if f.Name == "light" && part.Access&translate.Settable != 0 {
			doc.Features = append(doc.Features, part.Name+part.Suffix)
		}
	}
	return doc
}
