package availability

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
)

// table is what was known of the way to devices before the last restart, by UUID.
const table store.Table = "availability"

// saved is what the store has of a device.
type saved struct {
	Seen    int64 `json:"seen"` // Unix time when it was last heard
	Offline bool  `json:"offline"`
}

// atOnce is how many devices are asked for their state at the same time after a start.
// So many keep the radio busy, and leave room in its queues.
const atOnce = 8

// refreshes is the devices that are still to be asked for their state after the start.
type refreshes struct {
	interviews []*registry.Device // are to be interviewed instead
	due        []*registry.Device
	again      []*registry.Device // were busy, or refused because too much waited
	running    int
}

// Load implements part.Part. A device that was offline when the bridge stopped is taken
// to be so until it is heard. Without the stored values all devices are alike.
func (p *Part) Load() error {
	for _, d := range p.h.Devices.Sorted() {
		c := p.contact(d)
		if err := p.h.Writer.Get(table, d.Record.UUID.String(), &c.saved); err != nil {
			p.h.Log.Warn().Str("device", d.Record.Name).Err(err).Msg("whether the device was offline is not known any more")
			c.saved = saved{}
		}
		d.Offline = c.saved.Offline
	}
	return nil
}

// Start implements part.Part: devices without a complete interview are interviewed, all
// others are asked for their state. Those that were offline come last, and those that
// were not heard for the longest time first. While no adapter works, all of that waits.
func (p *Part) Start() {
	for _, d := range p.h.Devices.Sorted() {
		if d.Translator != nil && d.Record.Interview != device.Pending {
			p.refreshes.due = append(p.refreshes.due, d)
		} else if !d.Busy {
			p.refreshes.interviews = append(p.refreshes.interviews, d)
		}
	}
	slices.SortStableFunc(p.refreshes.due, func(a, b *registry.Device) int {
		if a.Offline != b.Offline {
			if a.Offline {
				return 1
			}
			return -1
		}
		return int(p.contact(a).saved.Seen - p.contact(b).saved.Seen)
	})
	p.refreshNext()
}

// refreshNext begins the interviews, and asks as many devices for their state as may be
// asked at once.
func (p *Part) refreshNext() {
	if p.h.RadioDown() != nil {
		return
	}
	r := &p.refreshes
	interviews := r.interviews
	r.interviews = nil
	for _, d := range interviews {
		if p.h.Devices.Has(d) && !d.Busy {
			p.interviews.Interview(d, func(*document.DeviceReference, error) {})
		}
	}
	if len(r.due) == 0 && r.running == 0 {
		r.due, r.again = r.again, nil
	}
	for r.running < atOnce && len(r.due) > 0 {
		d := r.due[0]
		r.due = r.due[1:]
		switch {
		case !p.h.Devices.Has(d) || d.Translator == nil:
			continue
		case d.Busy:
			r.again = append(r.again, d)
			continue
		}
		r.running++
		p.refresh(d, func(err error) {
			r.running--
			if errors.Is(err, node.ErrQueueFull) || fault.Unanswered(err) && p.h.RadioDown() != nil {
				p.h.Log.Warn().Str("device", d.Record.Name).Err(err).Msg("the device is asked for its state later")
				r.again = append(r.again, d)
				return // with the next second
			}
			p.refreshNext()
		})
	}
}

// Refreshing is how many devices are still to be asked for their state after the start.
func (p *Part) Refreshing() int {
	return len(p.refreshes.due) + len(p.refreshes.again) + p.refreshes.running
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) { h.Refreshing = p.Refreshing() }

// Refresh asks a device for its whole state. A device without a state is probed.
func (p *Part) Refresh(d *registry.Device) { p.refresh(d, func(error) {}) }

func (p *Part) refresh(d *registry.Device, done func(error)) {
	if d.Translator == nil {
		done(nil)
		return
	}
	p.contact(d).lastAsked = p.h.Loop.Now()
	if steps, err := d.Translator.Query("", nil); err == nil && len(steps) == 0 {
		if !d.LowPower() {
			p.probe(d, done)
			return
		}
		done(nil)
		return
	}
	p.commands.Refresh(d, done)
}

// Stop implements part.Part: it stores when devices were last heard, for the order in
// which they are asked after the next start.
func (p *Part) Stop() {
	p.h.Devices.All(p.keep)
}

// keep stores what is known of the way to a device, if that has changed.
func (p *Part) keep(d *registry.Device) {
	c := p.contact(d)
	now := saved{Seen: c.saved.Seen, Offline: d.Offline}
	if !c.lastSeen.IsZero() {
		now.Seen = c.lastSeen.Unix()
	}
	if now == c.saved {
		return
	}
	data, err := json.Marshal(now)
	if err != nil {
		return // numbers can always be written
	}
	c.saved = now
	p.save(store.Change{Table: table, Key: d.Record.UUID.String(), Value: data})
}

// drop forgets what is stored of a device.
func (p *Part) drop(d *registry.Device) {
	if p.contact(d).saved != (saved{}) {
		p.save(store.Change{Table: table, Key: d.Record.UUID.String()})
	}
}

func (p *Part) save(change store.Change) {
	if err := p.h.Writer.Save(change); err != nil {
		p.h.Publisher.Warn("", "whether the device %s can be reached could not be stored: %v", change.Key, err)
	}
}

// last is the later of when a device was heard and when it was asked whether it is
// still there.
func (c *contact) last() time.Time {
	if c.lastAsked.After(c.lastSeen) {
		return c.lastAsked
	}
	return c.lastSeen
}
