// Package unprovisioned lists the unprovisioned devices that are heard, by the bridge
// itself or by Remote Provisioning Servers (Mesh Protocol 1.1.1, sections 3.10.2 and
// 4.4.5): bridge/unprovisioned, and the request scan.
//
//	DeviceHeard ─▶ table ─▶ list, every few seconds ─▶ bridge/unprovisioned
//	                 └──▶ bridge/event while a scan is active
//
// Beacons are not authenticated. What a flood of them costs is bounded, and it does not
// hide a device that is there: see table.
package unprovisioned

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// How often the list is published: a change is published at once if the last
// publication was that long ago. A full list is large.
const (
	listInterval     = 3 * time.Second
	fullListInterval = 10 * time.Second
)

// Part keeps the list of unprovisioned devices. Make it with New.
type Part struct {
	part.None
	h         *part.Host
	adapters  func() []document.Adapter
	heard     table
	scanUntil time.Time // zero: no scan is active
	events    allowance
	unnamed   int       // devices without an event, because there were too many
	published time.Time // the list
	changed   bool      // since then
	warned    time.Time // that devices are hidden
}

var (
	_ part.Informer       = (*Part)(nil)
	_ part.HealthReporter = (*Part)(nil)
)

// New makes the part. adapters lists the radios by number.
func New(h *part.Host, adapters func() []document.Adapter) *Part {
	return &Part{h: h, adapters: adapters, heard: newTable()}
}

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(scanMeta(), p.scan)}
}

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	if e, ok := e.(node.DeviceHeard); ok {
		p.received(e)
	}
}

// Second implements part.Part.
func (p *Part) Second(tick int) {
	const expireEvery = 5
	if tick%expireEvery == 0 {
		p.expire()
	}
	if p.changed {
		p.change()
	}
	p.warn()
	if !p.scanUntil.IsZero() && !p.h.Loop.Now().Before(p.scanUntil) {
		p.scanUntil = time.Time{}
		p.h.Publisher.Changed("info")
	}
}

// Info implements part.Informer.
func (p *Part) Info(i *document.Info) {
	if until := p.scanUntil; !until.IsZero() {
		until = until.UTC().Truncate(time.Second)
		i.Scan = document.Scan{Active: true, Until: &until}
	}
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) { h.Hidden = p.heard.hidden() }

// List lists the devices by UUID; an empty list is [], not null.
func (p *Part) List() []document.Unprovisioned { return p.heard.list() }

// Remove takes a device off the list, for it has been provisioned.
func (p *Part) Remove(uuid mesh.UUID) {
	delete(p.heard.entries, uuid)
	delete(p.heard.wanted, uuid)
	p.publish()
	p.published = time.Time{}
}

// change has the list published soon: what strangers do does not decide how often.
func (p *Part) change() {
	p.changed = true
	interval := listInterval
	if p.heard.hidden() > 0 {
		interval = fullListInterval
	}
	if p.published.IsZero() || !p.h.Loop.Now().Before(p.published.Add(interval)) {
		p.publish()
	}
}

// publish has the list published now, also for the user, who waits for it.
func (p *Part) publish() {
	p.changed, p.published = false, p.h.Loop.Now()
	p.heard.next()
	p.h.Publisher.Changed("unprovisioned")
}

// warn tells now and then that devices are not listed, or have no event.
func (p *Part) warn() {
	const warnEvery = 10 * time.Minute
	hidden := p.heard.hidden()
	if hidden == 0 && p.unnamed == 0 || !p.warned.IsZero() && p.h.Loop.Now().Before(p.warned.Add(warnEvery)) {
		return
	}
	p.warned = p.h.Loop.Now()
	p.h.Publisher.Warn("", "too many unprovisioned devices are heard, perhaps because somebody forges beacons: %d are not listed, and %d were found without an event; "+
		"the request scan with the uuid of a device lists it whenever it is heard", hidden, p.unnamed)
	p.unnamed = 0
}

// found tells of a device that was not listed before, while a scan is active or if
// somebody asked for it.
func (p *Part) found(e document.DeviceFound) {
	now := p.h.Loop.Now()
	switch {
	case p.heard.isWanted(e.UUID):
	case !now.Before(p.scanUntil):
		return
	case !p.events.take(now):
		p.unnamed++
		return
	}
	p.h.Publisher.Notify(e)
}

// received records an unprovisioned device.
func (p *Part) received(e node.DeviceHeard) {
	if e.Via != mesh.Unassigned {
		p.heardVia(e)
		return
	}
	now := p.h.Loop.Now().UTC().Truncate(time.Second)
	f := p.heard.entries[e.UUID]
	if f == nil {
		if p.h.Devices.Joining(e.UUID) {
			return
		}
		f = &entry{Unprovisioned: document.Unprovisioned{UUID: e.UUID, FirstSeen: now}}
		p.heard.add(f)
		p.change()
		p.log(e)
		p.found(document.DeviceFound{UUID: e.UUID, RSSI: document.Signal(e.RSSI), OOB: e.OOB})
		if d := p.h.Devices.ByUUID(e.UUID); d != nil {
			p.h.Log.Warn().Str("device", d.Record.Name).Msg("the device has left the network by itself: it waits to be provisioned again")
		}
	}
	f.heard++
	f.RSSI, f.OOB, f.Adapter, f.LastSeen = document.Signal(e.RSSI), e.OOB, p.adapterID(e.Adapter), now
	if name := bearerName(e.Bearer); !slices.Contains(f.Bearers, name) {
		f.Bearers = append(f.Bearers, name)
		slices.Sort(f.Bearers)
		p.change()
	}
}

// bearerName is the name of a provisioning bearer in documents.
func bearerName(b provision.Bearer) string { return strings.ToLower(b.String()) }

// adapterID is the identifier of an adapter in bridge/info, or its number if there is
// no such adapter any more.
func (p *Part) adapterID(number uint8) string {
	if all := p.adapters(); int(number) < len(all) {
		return all[number].ID
	}
	return strconv.Itoa(int(number))
}

// expire removes devices that were not heard for a minute.
func (p *Part) expire() {
	const silence = time.Minute
	now := p.h.Loop.Now()
	for uuid, f := range p.heard.entries {
		if now.Sub(f.LastSeen) > silence && now.After(f.keptUntil) {
			delete(p.heard.entries, uuid)
			p.change()
		}
	}
	p.heard.lapse(now)
}

// log writes a new unprovisioned device to the debug log.
func (p *Part) log(e node.DeviceHeard) {
	event := p.h.Log.Debug()
	if !event.Enabled() {
		return
	}
	event.Str("adapter", p.adapterID(e.Adapter)).Stringer("uuid", e.UUID).Any("rssi", document.Signal(e.RSSI)).Msg("an unprovisioned device was heard")
}

// scan empties the list and reports every device that is heard from now on as an event
// too. A time of 0 ends the events.
func (p *Part) scan(c *request.Call[scanOut], in scanIn) {
	servers, err := p.remoteServers(in.Remote)
	if err == nil && in.Time > 0 {
		err = p.h.RadioDown()
	}
	if err != nil {
		c.Fail(err)
		return
	}
	if in.UUID != "" && len(servers) > 0 {
		p.describeRemotely(c, in.UUID, servers, in.Time)
		return
	}
	if in.UUID != "" {
		p.watch(c, in)
		return
	}
	p.scanUntil = time.Time{}
	if in.Time > 0 {
		p.scanUntil = p.h.Loop.Now().Add(time.Duration(in.Time * float64(time.Second)))
	}
	clear(p.heard.entries)
	p.publish()
	p.published = time.Time{} // what is heard first is listed at once
	p.h.Publisher.Changed("info")
	if len(servers) > 0 {
		p.scanRemotely(c, servers, in.Time)
		return
	}
	c.Answer(&scanOut{Time: &in.Time}, nil)
}

// watch lists a device whenever it is heard, and tells of it, however many others there
// are. A time of 0 ends that.
func (p *Part) watch(c *request.Call[scanOut], in scanIn) {
	uuid, err := mesh.ParseUUID(in.UUID)
	if err != nil {
		c.Fail(fault.New("bad_value", "uuid: expected 32 hexadecimal digits"))
		return
	}
	now := p.h.Loop.Now()
	p.heard.want(uuid, now, now.Add(time.Duration(in.Time*float64(time.Second))))
	if f := p.heard.entries[uuid]; f != nil && in.Time > 0 {
		p.found(document.DeviceFound{UUID: uuid, RSSI: f.RSSI, OOB: f.OOB})
		p.publish()
	}
	c.Answer(&scanOut{UUID: &uuid, Time: &in.Time}, nil)
}
