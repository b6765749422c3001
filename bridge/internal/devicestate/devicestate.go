// Package devicestate keeps what devices reported and publishes it.
//
//	MessageReceived ─▶ translate ─▶ B/NAME          state, retained
//	                             ─▶ B/NAME/event    of a button
//	                             ─▶ B/NAME/message  without a translation
//
// The states go to the store twice a minute and at the end, so that they stand
// again after a start. The part also describes devices to Home Assistant.
package devicestate

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// tableStates is what each device last reported, by UUID.
const tableStates store.Table = "states"

// Updates tells about the firmware update of a device.
type Updates interface {
	// State is the attribute "update" of a device, nil for none.
	State(d *registry.Device) *document.Update
}

// Part publishes and stores the states of devices. Make it with New, then Connect it.
type Part struct {
	part.None
	h       *part.Host
	options homeassistant.Options
	updates Updates
	dirty   map[mesh.UUID]bool // states to store
}

// New makes the part. The options say how to announce devices to Home Assistant.
func New(h *part.Host, options homeassistant.Options) *Part {
	return &Part{h: h, options: options, dirty: map[mesh.UUID]bool{}}
}

// Connect gives the part the other one that it needs.
func (p *Part) Connect(u Updates) { p.updates = u }

// Load implements part.Part. The bridge starts without a state that cannot be
// read; the device will report it again.
func (p *Part) Load() error {
	for _, d := range p.h.Devices.Sorted() {
		if d.Translator == nil {
			continue
		}
		var attributes map[string]any
		if err := p.h.Writer.Get(tableStates, d.Record.UUID.String(), &attributes); err != nil {
			p.h.Log.Warn().Str("device", d.Record.Name).Err(err).Msg("the stored state of a device is lost")
		}
		d.Translator.Restore(attributes)
	}
	return nil
}

// Message implements part.Part.
func (p *Part) Message(m *part.Message) bool {
	d := m.Element.Device
	if m.DeviceKey || d.Translator == nil {
		return false // an answer of a foundation model, which the request has received
	}
	update := d.Translator.Receive(translate.Input{
		Time:    p.h.Loop.Now(),
		Element: m.Element.Index,
		Dst:     m.Dst,
		Opcode:  m.Opcode,
		Params:  m.Params,
	})
	if !update.Known {
		p.publishRaw(m)
		return true
	}
	if len(update.Changed) > 0 {
		p.dirty[d.Record.UUID] = true
		p.PublishState(d)
	}
	for _, e := range update.Events {
		p.publishEvent(d, e)
	}
	return true
}

// publishRaw publishes a message that has no translation, unless it contains a key.
func (p *Part) publishRaw(m *part.Message) {
	if requester.CarriesKey(m.Opcode) {
		return
	}
	d := m.Element.Device
	p.h.Publisher.JSON(p.h.Topics.Message(d.Record.Name),
		document.DeviceMessage{Source: m.Src, Element: m.Element.Index, Opcode: m.Opcode, Hex: hex.EncodeToString(m.Params)},
		publish.AtMostOnce, d.Record.Name, "a message of "+d.Record.Name)
}

func (p *Part) publishEvent(d *registry.Device, e translate.Event) {
	happened := document.DeviceEvent{Type: e.Type, Attributes: e.Attributes}
	if d.Record.Elements() > 1 {
		happened.Element = &e.Element
	}
	p.h.Publisher.JSON(p.h.Topics.Event(d.Record.Name), happened, publish.AtLeastOnce, d.Record.Name, "an event of "+d.Record.Name)
}

// PublishState publishes everything that the device reported. A device without a
// state, such as a button, has nothing but events.
func (p *Part) PublishState(d *registry.Device) {
	if d.Translator == nil {
		return
	}
	topic := p.h.Topics.State(d.Record.Name)
	attributes := d.Translator.State()
	if update := p.updates.State(d); update != nil {
		all := make(map[string]any, len(attributes)+1)
		maps.Copy(all, attributes)
		all["update"] = update
		attributes = all
	}
	if len(attributes) == 0 {
		p.h.Ledger.Clear(d.Record.UUID, topic) // the device had a state before it was interviewed again
		return
	}
	data, err := json.Marshal(attributes)
	if err != nil {
		p.h.Publisher.Warn(d.Record.Name, "the state of %s could not be written: %v", d.Record.Name, err)
		return
	}
	p.h.Ledger.Retain(d.Record.UUID, topic, data)
}

// Changed notes that the state of a device has changed.
func (p *Part) Changed(d *registry.Device) { p.dirty[d.Record.UUID] = true }

// Interviewed publishes a device whose models are known now, or known better.
func (p *Part) Interviewed(d *registry.Device) {
	p.dirty[d.Record.UUID] = true
	p.Announced(d)
}

// Announced implements part.Part.
func (p *Part) Announced(d *registry.Device) {
	p.discover(d)
	p.PublishState(d)
	p.clearStale(d)
}

// discover describes the device to Home Assistant.
func (p *Part) discover(d *registry.Device) {
	if !p.options.Enabled || d.Translator == nil {
		return
	}
	topic, payload, err := homeassistant.Discovery(p.options, p.h.Topics, d.Record, d.Translator.Features(), d.Gone...)
	if err != nil {
		p.h.Publisher.Warn(d.Record.Name, "%s could not be described to Home Assistant: %v", d.Record.Name, err)
		return
	}
	p.h.Ledger.Retain(d.Record.UUID, topic, payload)
}

// clearStale clears topics of a device that are not used any more: the program was
// stopped during a rename, or started with another base topic or without Home
// Assistant.
func (p *Part) clearStale(d *registry.Device) {
	current := []string{p.h.Topics.State(d.Record.Name), p.h.Topics.Availability(d.Record.Name)}
	if p.options.Enabled {
		current = append(current, homeassistant.Topic(p.options, d.Record))
	}
	stale := slices.DeleteFunc(p.h.Ledger.Topics(d.Record.UUID), func(t string) bool { return slices.Contains(current, t) })
	p.h.Ledger.Clear(d.Record.UUID, stale...)
}

// Added implements part.Part. The state from before the node was provisioned again is
// not valid any more.
func (p *Part) Added(d, _ *registry.Device) { p.delete(d) }

// Removed implements part.Part.
func (p *Part) Removed(d *registry.Device, replaced bool) {
	delete(p.dirty, d.Record.UUID)
	if !replaced {
		p.delete(d)
	}
}

func (p *Part) delete(d *registry.Device) {
	p.save(store.Change{Table: tableStates, Key: d.Record.UUID.String()})
}

// Renamed implements part.Part.
func (p *Part) Renamed(d *registry.Device, _ string) {
	p.discover(d)
	p.PublishState(d)
}

// Second implements part.Part.
func (p *Part) Second(tick int) {
	const storeEvery = 30
	if tick%storeEvery == 0 {
		p.store()
	}
}

// Stop implements part.Part.
func (p *Part) Stop() { p.store() }

// store gives the states that changed to the writer.
func (p *Part) store() {
	for uuid := range p.dirty {
		d := p.h.Devices.ByUUID(uuid)
		if d == nil || d.Translator == nil {
			continue
		}
		data, err := json.Marshal(d.Translator.State())
		if err != nil {
			continue // it was published, so it can be written
		}
		p.save(store.Change{Table: tableStates, Key: uuid.String(), Value: data})
	}
	clear(p.dirty)
}

func (p *Part) save(change store.Change) {
	if err := p.h.Writer.Save(change); err != nil {
		p.h.Publisher.Warn("", "the state of the device %s could not be stored: %v", change.Key, err)
	}
}
