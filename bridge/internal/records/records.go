// Package records adds devices to the list, renames and removes them. The list in
// memory, the records in the store and the topics on the broker change together, and
// every part is told.
//
//	provisioned node ─▶ Adopt  ─┐                ┌─▶ store
//	device/rename    ─▶ Rename ─┼─▶ the registry ┼─▶ parts: Added, Renamed, Removed
//	removed node     ─▶ Forget ─┘                └─▶ retained topics
package records

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Part changes the list of devices, also for other parts. Make it with New, then Connect
// it.
type Part struct {
	part.None
	h       *part.Host
	parts   []part.Part
	renamed []rename // at the start
}

// rename is a device whose stored name could not stay.
type rename struct {
	device *registry.Device
	from   string
}

var _ part.Records = (*Part)(nil)

// New makes the part.
func New(h *part.Host) *Part { return &Part{h: h} }

// Connect gives the parts that are told of changes.
func (p *Part) Connect(parts []part.Part) { p.parts = parts }

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(renameMeta(), p.requestRename)}
}

// Read makes devices of the records in the store. It comes before the Load of any
// part.
func (p *Part) Read(s store.Store) error {
	stored, err := device.Load(s)
	if err != nil {
		return err
	}
	// Of two names that get in each other's way the longer one is changed: what comes
	// first keeps its name.
	slices.SortStableFunc(stored, func(a, b *device.Record) int { return len(a.Name) - len(b.Name) })
	var others []*device.Record
	for _, r := range stored {
		if !p.h.Devices.Available(r.Name, r.UUID) {
			others = append(others, r)
			continue
		}
		p.read(r)
	}
	// A new name must not be one that another device has.
	for _, r := range others {
		from := r.Name
		r.Name = p.h.Devices.Similar(from, r.UUID)
		p.renamed = append(p.renamed, rename{p.read(r), from})
	}
	return nil
}

// read adds the device of a record to the list.
func (p *Part) read(r *device.Record) *registry.Device {
	d := load(r)
	p.h.Devices.Add(d)
	p.h.Ledger.Load(r.UUID)
	return d
}

// load makes a device of its record.
func load(r *device.Record) *registry.Device {
	if r.Interview == device.InProgress {
		r.Interview = device.Failed // the service was killed in the middle
		if r.Composition != nil {
			r.Interview = device.Successful // what was known of it still stands
		}
	}
	d := &registry.Device{Record: r}
	if r.Composition != nil {
		d.Describe()
	}
	return d
}

// Start implements part.Part. It stores and tells the names that could not stay, which
// earlier versions allowed. The topics of the old ones are cleared when those of the new
// ones are in place.
func (p *Part) Start() {
	for _, r := range p.renamed {
		if !p.h.Devices.Has(r.device) {
			continue
		}
		to := r.device.Record.Name
		p.Keep(r.device)
		p.h.Writer.After(func() { p.left(r.device, r.from) })
		p.h.Publisher.Warn(to, "the device %q is called %q now: its former name is not allowed any more, or its topics were those of another device; "+
			"device/rename gives it another name", r.from, to)
		p.h.Publisher.Notify(document.DeviceRenamed{From: r.from, To: to, UUID: r.device.Record.UUID})
	}
	p.renamed = nil
}

// Reconcile makes the list of devices agree with the nodes of the network: the service
// may have been killed between the two writes.
func (p *Part) Reconcile(peers []state.Peer) {
	known := make(map[mesh.UUID]bool, len(peers))
	for _, peer := range peers {
		known[peer.UUID] = true
		if d := p.h.Devices.ByUUID(peer.UUID); d == nil || d.Record.Address != peer.Address {
			p.Adopt(peer, "")
		}
	}
	for _, d := range p.h.Devices.Sorted() {
		if !known[d.Record.UUID] {
			p.h.Log.Warn().Str("device", d.Record.Name).Stringer("uuid", d.Record.UUID).
				Msg("the device is no node of the network any more; it is forgotten")
			p.Forget(d)
		}
	}
}

// Keep implements part.Records.
func (p *Part) Keep(d *registry.Device) {
	change, err := d.Record.Change()
	if err == nil {
		err = p.h.Writer.Save(change)
	}
	if err != nil {
		p.h.Publisher.Warn(d.Record.Name, "the record of %s could not be stored: %v", d.Record.Name, err)
	}
	p.h.Publisher.Changed("devices")
}

// Adopt implements part.Records.
func (p *Part) Adopt(peer state.Peer, name string) *registry.Device {
	d := &registry.Device{Record: &device.Record{
		UUID:      peer.UUID,
		Address:   peer.Address,
		Count:     peer.Elements,
		Interview: device.Pending,
		Joined:    p.h.Loop.Now().UTC().Truncate(time.Second),
		NetKey:    peer.NetKey,
	}}
	former := p.h.Devices.ByUUID(peer.UUID)
	if former != nil {
		if name == "" {
			name = former.Record.Name
		}
		d.Gone = former.Gone
		if former.Translator != nil {
			d.Gone = append(d.Gone, former.Translator.Features()...)
		}
		p.remove(former, true)
	}
	if name == "" {
		name = p.h.Devices.FreeName(peer.UUID)
	} else if !p.h.Devices.Available(name, peer.UUID) {
		wanted := name
		name = p.h.Devices.Similar(wanted, peer.UUID)
		p.h.Publisher.Warn(name, "the new device is called %q, because %q is not available any more", name, wanted)
	}
	d.Record.Name = name
	p.h.Devices.Add(d)
	if former != nil && former.Record.Name != name {
		p.clear(d, former.Record.Name)
	}
	for _, other := range p.parts {
		other.Added(d, former)
	}
	p.Keep(d)
	return d
}

// remove takes a device out of the list.
func (p *Part) remove(d *registry.Device, replaced bool) {
	p.h.Devices.Remove(d)
	for _, other := range p.parts {
		other.Removed(d, replaced)
	}
}

// clear clears the topics of a former name of a device.
func (p *Part) clear(d *registry.Device, name string) {
	p.h.Ledger.Clear(d.Record.UUID, p.h.Topics.State(name), p.h.Topics.Availability(name))
}

// Forget implements part.Records.
func (p *Part) Forget(d *registry.Device) {
	p.remove(d, false)
	p.h.Ledger.Forget(d.Record.UUID)
	if err := p.h.Writer.Save(store.Change{Table: device.Table, Key: d.Record.UUID.String()}); err != nil {
		p.h.Publisher.Warn(d.Record.Name, "what is stored of %s could not be deleted: %v", d.Record.Name, err)
	}
	p.h.Publisher.Changed("devices")
}

// Rename implements part.Records. The topics of the old name are cleared after those of
// the new name are published.
func (p *Part) Rename(d *registry.Device, to string) {
	from := d.Record.Name
	p.h.Devices.Rename(d, to)
	p.Keep(d)
	for _, other := range p.parts {
		other.Renamed(d, from)
	}
	p.h.Writer.After(func() { p.left(d, from) })
	p.h.Log.Info().Str("device", to).Str("former_name", from).Stringer("uuid", d.Record.UUID).Msg("the device was renamed")
	p.h.Publisher.Notify(document.DeviceRenamed{From: from, To: to, UUID: d.Record.UUID})
}

// left clears the topics of the old name of a device, unless it has that name again.
func (p *Part) left(d *registry.Device, from string) {
	if p.h.Devices.Find(from) != d {
		p.clear(d, from)
	}
}

// requestRename is device/rename.
func (p *Part) requestRename(c *request.Call[renameOut], in renameIn) {
	d, err := p.h.Devices.Named("from", string(in.From))
	if err == nil {
		err = p.h.Devices.CheckName("to", in.To, d.Record.UUID)
	}
	if err != nil {
		c.Fail(err)
		return
	}
	from := d.Record.Name
	if from != in.To {
		p.h.Records.Rename(d, in.To)
	}
	c.Answer(&renameOut{From: from, To: in.To}, nil)
}
