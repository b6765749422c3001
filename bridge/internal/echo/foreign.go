package echo

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

const (
	// firstCorrection is the time after which our value is published again; it
	// grows with each correction, up to lastCorrection.
	firstCorrection = time.Second
	lastCorrection  = 5 * time.Minute
	growth          = 4
	// quiet is how long there must have been no foreign value on a topic to begin
	// anew.
	quiet = 15 * time.Minute
	// presence is how long another bridge is taken to be there after it was heard.
	presence = 3 * time.Minute
	// mostValue is how much of a value is shown, in octets.
	mostValue = 40
	// maxBridges bounds the other bridges that are remembered.
	maxBridges = 16
)

// foreign is what somebody else publishes to a topic of the bridge.
type foreign struct {
	value string // the last one, shortened
	count int
	last  time.Time
	wait  time.Duration // before the next correction
	due   time.Time     // of the next correction; zero for none
}

// found takes a value that is not ours.
func (p *Part) found(m mqtt.Message) {
	now := p.h.Loop.Now()
	if p.lateWill(m, now) {
		return
	}
	f := p.others.foreign[m.Topic]
	if f == nil {
		f = &foreign{wait: firstCorrection}
		p.others.foreign[m.Topic] = f
		p.h.Publisher.Changed("health")
	}
	f.value, f.last = excerpt.Of(string(m.Payload), mostValue), now
	f.count++
	v := p.values[m.Topic]
	v.current = 0 // the same value of ours would be news
	if f.due.IsZero() {
		f.due = now.Add(f.wait/2 + rand.N(f.wait/2))
	}
	if m.Topic == p.h.Topics.BridgeState() {
		// Another bridge has left; one that is still there will be heard again.
		clear(p.others.bridges)
	}
}

// lateWill takes the bridge's own will, which a broker may publish for a connection
// that was cut off after there is a new one. It happens once at most.
func (p *Part) lateWill(m mqtt.Message, now time.Time) bool {
	const late = 2 * time.Minute
	if m.Topic != p.h.Topics.BridgeState() || string(m.Payload) != string(p.offline) || p.way.will ||
		len(p.others.bridges) > 0 || p.way.connected.IsZero() || now.Sub(p.way.connected) > late {
		return false
	}
	p.way.will = true
	p.h.Log.Info().Msg("the broker has published the bridge's will although it is connected again; the bridge publishes that it is online")
	p.republish(m.Topic)
	return true
}

// correct warns of foreign values once, and publishes ours again where it is time to.
func (p *Part) correct() {
	yields := p.yields()
	if p.others.yielded && !yields {
		p.restore()
	}
	p.others.yielded = yields
	if len(p.others.foreign) == 0 {
		p.others.warned = false
		return
	}
	if !p.others.warned {
		p.others.warned = true
		p.warn()
	}
	now := p.h.Loop.Now()
	for t, f := range p.others.foreign {
		switch {
		case !f.due.IsZero() && !now.Before(f.due):
			f.due = time.Time{}
			if yields {
				continue
			}
			f.wait = min(f.wait*growth, lastCorrection)
			p.h.Log.Info().Str("topic", excerpt.Of(t, mostTopic)).Stringer("next", f.wait).Msg("a topic of the bridge had a foreign value; the bridge publishes its own again")
			p.republish(t)
		case f.due.IsZero() && now.Sub(f.last) >= quiet && !yields:
			delete(p.others.foreign, t)
			p.h.Publisher.Changed("health")
		}
	}
}

// warn tells what was found.
func (p *Part) warn() {
	var found []string
	for _, t := range slices.Sorted(maps.Keys(p.others.foreign)) {
		f := p.others.foreign[t]
		found = append(found, fmt.Sprintf("%s got %q at %s", excerpt.Of(t, mostTopic), f.value, f.last.UTC().Format(time.TimeOnly)))
		if len(found) == 3 && len(p.others.foreign) > 3 {
			found = append(found, fmt.Sprintf("and %d more", len(p.others.foreign)-3))
			break
		}
	}
	what := "the bridge publishes its own values again"
	if p.yields() {
		what = "the bridge leaves them, because another bridge that was started earlier has them"
	}
	p.h.Publisher.Warn("", "somebody else publishes to topics of the bridge; %s. If another bridge uses the base topic %s, give each its own mqtt.base_topic. Found: %s",
		what, p.h.Topics.Base(), strings.Join(found, ", "))
}

// restore publishes everything again after another bridge, which this one yielded
// to, has left.
func (p *Part) restore() {
	p.h.Publisher.Retain(p.h.Topics.BridgeState(), p.online)
	p.h.Publisher.Again(p.cfg.Lists...)
	p.h.Devices.All(p.announce)
}

// republish publishes our value of a topic again.
func (p *Part) republish(t string) {
	if t == p.h.Topics.BridgeState() {
		p.h.Publisher.Retain(t, p.online)
		return
	}
	if list := p.lists[t]; list != "" {
		p.h.Publisher.Again(list)
		return
	}
	switch v := p.values[t]; {
	case v == nil: // the device has left, and the topic is clear
		return
	case v.cleared:
		p.h.Publisher.Retain(t, nil)
		return
	}
	var d *registry.Device
	if p.sampled[t] {
		d = p.owner(t)
	} else {
		parsed, err := p.h.Topics.Parse(t, func(name string) bool { return p.h.Devices.Find(name) != nil })
		if err != nil || parsed.Kind != topic.Availability {
			return
		}
		d = p.h.Devices.Find(parsed.Name)
	}
	if d != nil {
		p.announce(d)
	}
}

// owner is the device that publishes to a topic, nil for none.
func (p *Part) owner(t string) *registry.Device {
	for _, d := range p.h.Devices.Sorted() {
		if slices.Contains(p.h.Ledger.Topics(d.Record.UUID), t) {
			return d
		}
	}
	return nil
}

// heard takes a message on B/bridge/echo.
func (p *Part) heard(m mqtt.Message) {
	var other document.Echo
	if err := json.Unmarshal(m.Payload, &other); err != nil || other.Instance == "" {
		return // from nobody who matters
	}
	if other.Instance == p.own.Instance {
		p.way.echo.since = time.Time{}
		return
	}
	known := p.others.bridges[other.Instance]
	if known == nil {
		if len(p.others.bridges) >= maxBridges {
			return
		}
		known = &document.OtherBridge{Node: other.Node, Since: other.Since.UTC(), Version: excerpt.Of(other.Version, mostValue)}
		p.others.bridges[other.Instance] = known
		p.h.Publisher.Warn("", "another bridge uses the base topic %s: its node is %s, it was started at %s. "+
			"Both answer every command: give each its own mqtt.base_topic", p.h.Topics.Base(), other.Node, other.Since.UTC().Format(time.DateTime))
		p.h.Publisher.Changed("health")
		p.send() // so that it knows of this one
	}
	known.Heard = p.h.Loop.Now().UTC()
}

// yields reports whether another bridge is there that was started earlier.
func (p *Part) yields() bool {
	for instance, other := range p.others.bridges {
		if c := other.Since.Compare(p.own.Since); c < 0 || c == 0 && instance < p.own.Instance {
			return true
		}
	}
	return false
}

// forget forgets other bridges that are gone.
func (p *Part) forget() {
	now := p.h.Loop.Now()
	for instance, other := range p.others.bridges {
		if now.Sub(other.Heard) < presence {
			continue
		}
		delete(p.others.bridges, instance)
		p.h.Log.Info().Stringer("node", other.Node).Msg("another bridge with the same base topic is gone")
		p.h.Publisher.Changed("health")
	}
}
