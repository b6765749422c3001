// Package security tells who wants to harm the network, and who is cut off by it: in
// the log, on bridge/logging and bridge/event at once, and in bridge/health for as long
// as it lasts.
//
//	node.ConfigurationRefused ─┐
//	node.KeysGiven ────────────┤
//	node.KeyRefreshHeld ───────┼─▶ warning, event, bridge/health
//	node.SourceSilenced ───────┤
//	node.OwnAddressHeard ──────┤
//	node.IVIndexClaimed ───────┘
//
// The same thing is told once a minute at most: whoever can send one such message can
// send many.
package security

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
)

const (
	// repeatAfter is when the same thing is told again.
	repeatAfter = time.Minute
	// maxTold bounds what is remembered for that, of each kind: a flood of one kind
	// does not hide another. When it is full, what is new is counted only.
	maxTold = 32
	// maxSilenced bounds the list of silenced sources in bridge/health.
	maxSilenced = 64
	// lasting is for how long bridge/health shows that the address of the bridge
	// was heard.
	lasting = 24 * time.Hour
)

// kind is a kind of event.
type kind uint8

const (
	refusals kind = iota
	keys
	silences
	conflicts
)

// Part tells about attacks. Make it with New.
type Part struct {
	part.None
	h        *part.Host
	told     map[kind]map[string]time.Time
	refused  uint64
	foreign  *document.AddressConflict
	silenced map[mesh.Address]node.SourceSilenced
}

var _ part.HealthReporter = (*Part)(nil)

// New makes the part.
func New(h *part.Host) *Part {
	return &Part{h: h, told: map[kind]map[string]time.Time{}, silenced: map[mesh.Address]node.SourceSilenced{}}
}

// Event implements part.Part.
func (p *Part) Event(e node.Event) {
	switch e := e.(type) {
	case node.ConfigurationRefused:
		p.configurationRefused(e)
	case node.KeysGiven:
		p.keysGiven(e)
	case node.KeyRefreshHeld:
		p.h.Publisher.Warn("", "a beacon with the new NetKey %d says that the key refresh goes on, but no device has sent with that key; "+
			"the bridge keeps the old key until one does", e.NetKey)
		p.h.Publisher.Notify(document.KeyRefreshHeld{NetKey: e.NetKey})
	case node.SourceSilenced:
		p.sourceSilenced(e)
	case node.OwnAddressHeard:
		p.ownAddressHeard(e)
	case node.IVIndexClaimed:
		p.indexClaimed(e)
	}
}

// Second implements part.Part.
func (p *Part) Second(int) {
	now := p.h.Loop.Now()
	for _, told := range p.told {
		maps.DeleteFunc(told, func(_ string, at time.Time) bool { return now.Sub(at) >= repeatAfter })
	}
}

// isNew reports whether something is to be told, and was not in the last minute.
func (p *Part) isNew(k kind, what string) bool {
	told := p.told[k]
	if told == nil {
		told = map[string]time.Time{}
		p.told[k] = told
	}
	if _, found := told[what]; found || len(told) >= maxTold {
		return false
	}
	told[what] = p.h.Loop.Now()
	return true
}

// name is that of the device with an address, empty for one that the bridge does not
// know.
func (p *Part) name(address mesh.Address) string {
	if d := p.h.Devices.At(address).Device; d != nil {
		return d.Record.Name
	}
	return ""
}

// configurationRefused warns that somebody wanted to change the bridge's node in a way
// that could take the network away from it.
func (p *Part) configurationRefused(e node.ConfigurationRefused) {
	p.refused++
	message := p.h.Messages.Name(e.Opcode)
	if !p.isNew(refusals, message+e.By.String()) {
		return
	}
	refused := document.ConfigurationRefused{By: e.By, Name: p.name(e.By), Message: message}
	if m, err := p.h.Messages.DecodeParams(e.Opcode, e.Params); err == nil {
		if fields, err := access.ToJSON(m); err == nil {
			refused.Fields = json.RawMessage(fields)
		}
	}
	p.h.Publisher.Warn(refused.Name, "the node %s sent the bridge a %s %s; the bridge did not obey, because it could lose its devices by that. "+
		"Whoever sent it has the device key of the bridge, which is in every export with keys", e.By, message, refused.Fields)
	p.h.Publisher.Notify(refused)
	p.h.Publisher.Changed("health")
}

// keysGiven tells that somebody gave keys to the bridge.
func (p *Part) keysGiven(e node.KeysGiven) {
	given := document.KeysGiven{By: e.By, Name: p.name(e.By), Message: p.h.Messages.Name(e.Opcode)}
	if !p.isNew(keys, given.Message+e.By.String()) {
		return
	}
	p.h.Publisher.Warn(given.Name, "the node %s has changed the keys of the bridge with a %s", e.By, given.Message)
	p.h.Publisher.Notify(given)
}

// sourceSilenced tells that the messages of a device are refused as replays, and that
// they are accepted again.
func (p *Part) sourceSilenced(e node.SourceSilenced) {
	name := p.name(e.Src)
	silenced := document.DeviceSilenced{
		Address: e.Src, Name: name, Silenced: e.Refused > 0, Refused: e.Refused, Since: e.Since.UTC().Truncate(time.Second),
		Listed: e.Listed.Seq, Heard: e.Heard.Seq,
	}
	p.h.Publisher.Changed("health")
	if e.Refused == 0 {
		delete(p.silenced, e.Src)
		p.h.Log.Info().Str("device", name).Stringer("src", e.Src).Msg("messages of the device are accepted again")
		p.h.Publisher.Notify(silenced)
		return
	}
	if _, known := p.silenced[e.Src]; known || len(p.silenced) < maxSilenced {
		p.silenced[e.Src] = e
	}
	if !p.isNew(silences, e.Src.String()) {
		return
	}
	p.h.Publisher.Warn(name, "messages of %s are refused as replays since %s: it sends with sequence number %d, but a message with %d has been accepted in its name. "+
		"Somebody sent that message, or the device has lost its numbers. Give the device another address (device/refresh, or provision it again), or move the IV index (network/iv_update)",
		e.Src, silenced.Since.Format(time.RFC3339), e.Heard.Seq, e.Listed.Seq)
	p.h.Publisher.Notify(silenced)
}

// ownAddressHeard warns that somebody else sends from the address of the bridge.
func (p *Part) ownAddressHeard(e node.OwnAddressHeard) {
	now := p.h.Loop.Now().UTC().Truncate(time.Second)
	conflict := document.AddressConflict{
		Address: e.Src, Seq: e.Seq, Next: e.Next, Skipped: e.Skipped, Old: e.Old, Count: e.Count, Since: now, Last: now,
	}
	if p.foreign != nil {
		conflict.Since = p.foreign.Since
	}
	p.foreign = &conflict
	p.h.Publisher.Changed("health")
	if !p.isNew(conflicts, "") {
		return
	}
	number, what := "which the bridge has not used", "The bridge goes on behind that number"
	switch {
	case e.Old:
		number, what = "which the bridge used long ago", "It may also be a recording that somebody plays"
	case !e.Skipped:
		what = "The bridge does not skip that many numbers; devices that have accepted the message ignore the bridge until the IV index moves (network/iv_update)"
	}
	p.h.Publisher.Warn("", "a message from the address %s of the bridge was heard with sequence number %d, %s (its next is %d): "+
		"another bridge runs with a copy of this store, another node has the same address, or somebody sends in the name of the bridge. %s", e.Src, e.Seq, number, e.Next, what)
	p.h.Publisher.Notify(conflict)
}

// indexClaimed tells about a beacon that is not believed yet.
func (p *Part) indexClaimed(e node.IVIndexClaimed) {
	claimed := document.IVIndexClaimed{IVIndex: e.IVIndex, InProgress: e.Update, Contradicted: e.Contradicted}
	if e.Contradicted {
		p.h.Publisher.Warn("", "a beacon says that the network has the IV index %d, but a device has sent with a lower one; "+
			"the bridge stays at its own until a device sends with the new one", e.IVIndex)
	} else {
		p.h.Publisher.Warn("", "a beacon says that the network has the IV index %d; the bridge goes there when a device has sent with it, or when no device is heard with the present one for some minutes", e.IVIndex)
	}
	p.h.Publisher.Notify(claimed)
}

// Removed implements part.Part.
func (p *Part) Removed(d *registry.Device, _ bool) { p.forget(d.Record.Address, d.Record.Elements()) }

// forget drops what is known about addresses that a device no longer has.
func (p *Part) forget(first mesh.Address, elements int) {
	maps.DeleteFunc(p.silenced, func(a mesh.Address, _ node.SourceSilenced) bool {
		return a >= first && int(a) < int(first)+elements
	})
}

// Health implements part.HealthReporter.
func (p *Part) Health(h *document.Health) {
	s := document.Security{ConfigurationRefused: p.refused, Silenced: []document.Silenced{}}
	if p.foreign != nil && p.h.Loop.Now().Sub(p.foreign.Last) < lasting {
		s.AddressConflict = p.foreign
	}
	for _, src := range slices.Sorted(maps.Keys(p.silenced)) {
		e := p.silenced[src]
		s.Silenced = append(s.Silenced, document.Silenced{
			Address: src, Name: p.name(src), Refused: e.Refused, Since: e.Since.UTC().Truncate(time.Second),
		})
	}
	if s.ConfigurationRefused > 0 || s.AddressConflict != nil || len(s.Silenced) > 0 {
		h.Security = &s
	}
}
