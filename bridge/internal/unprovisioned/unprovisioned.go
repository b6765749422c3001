// Package unprovisioned lists the unprovisioned devices that are heard, by the bridge
// itself or by Remote Provisioning Servers (Mesh Protocol 1.1.1, sections 3.10.2 and
// 4.4.5): bridge/unprovisioned, and the request scan.
//
//	DeviceHeard ─▶ list ─▶ bridge/unprovisioned
//	                 └──▶ bridge/event while a scan is active
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
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// maxDevices bounds the list: anybody can send beacons.
const maxDevices = 256

// Part keeps the list of unprovisioned devices. Make it with New.
type Part struct {
	part.None
	h         *part.Host
	adapters  func() []document.Adapter
	heard     map[mesh.UUID]*entry
	scanUntil time.Time // zero: no scan is active
}

var _ part.Informer = (*Part)(nil)

// entry is an unprovisioned device that was heard.
type entry struct {
	document.Unprovisioned
	keptUntil time.Time // at least, because servers report a device only once
}

// New makes the part. adapters lists the radios by number.
func New(h *part.Host, adapters func() []document.Adapter) *Part {
	return &Part{h: h, adapters: adapters, heard: map[mesh.UUID]*entry{}}
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

// List lists the devices by UUID; an empty list is [], not null.
func (p *Part) List() []document.Unprovisioned {
	list := make([]document.Unprovisioned, 0, len(p.heard))
	for _, e := range p.heard {
		list = append(list, e.Unprovisioned)
	}
	slices.SortFunc(list, func(a, b document.Unprovisioned) int { return slices.Compare(a.UUID[:], b.UUID[:]) })
	return list
}

// Remove takes a device off the list, for it has been provisioned.
func (p *Part) Remove(uuid mesh.UUID) {
	delete(p.heard, uuid)
	p.h.Publisher.Changed("unprovisioned")
}

// received records an unprovisioned device.
func (p *Part) received(e node.DeviceHeard) {
	if e.Via != mesh.Unassigned {
		p.heardVia(e)
		return
	}
	now := p.h.Loop.Now().UTC().Truncate(time.Second)
	f := p.heard[e.UUID]
	if f == nil {
		if p.h.Devices.Joining(e.UUID) || len(p.heard) >= maxDevices {
			return
		}
		f = &entry{Unprovisioned: document.Unprovisioned{UUID: e.UUID, FirstSeen: now}}
		p.heard[e.UUID] = f
		p.h.Publisher.Changed("unprovisioned")
		p.log(e)
		if p.h.Loop.Now().Before(p.scanUntil) {
			p.h.Publisher.Notify(document.DeviceFound{UUID: e.UUID, RSSI: document.Signal(e.RSSI), OOB: e.OOB})
		}
		if d := p.h.Devices.ByUUID(e.UUID); d != nil {
			p.h.Log.Warn().Str("device", d.Record.Name).Msg("the device has left the network by itself: it waits to be provisioned again")
		}
	}
	f.RSSI, f.OOB, f.Adapter, f.LastSeen = document.Signal(e.RSSI), e.OOB, p.adapterID(e.Adapter), now
	if name := bearerName(e.Bearer); !slices.Contains(f.Bearers, name) {
		f.Bearers = append(f.Bearers, name)
		slices.Sort(f.Bearers)
		p.h.Publisher.Changed("unprovisioned")
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
	for uuid, f := range p.heard {
		if time.Since(f.LastSeen) > silence && p.h.Loop.Now().After(f.keptUntil) {
			delete(p.heard, uuid)
			p.h.Publisher.Changed("unprovisioned")
		}
	}
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
	if in.UUID != "" {
		p.describeRemotely(c, in.UUID, servers, in.Time)
		return
	}
	p.scanUntil = time.Time{}
	if in.Time > 0 {
		p.scanUntil = p.h.Loop.Now().Add(time.Duration(in.Time * float64(time.Second)))
	}
	clear(p.heard)
	p.h.Publisher.Changed("unprovisioned", "info")
	if len(servers) > 0 {
		p.scanRemotely(c, servers, in.Time)
		return
	}
	c.Answer(&scanOut{Time: &in.Time}, nil)
}
