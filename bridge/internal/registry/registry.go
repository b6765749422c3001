// Package registry is the list of the devices that the bridge manages: by UUID,
// by friendly name and by the address of each element.
//
//	UUID ───┐
//	name ───┼─▶ Device { Record, Translator, Busy }
//	address ┘
//
// It also knows the names that are reserved for devices which are being
// provisioned. It belongs to the bridge's loop and does no I/O.
package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/names"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// Device is a node that the bridge manages.
type Device struct {
	Record     *device.Record
	Translator *translate.Device   // nil before the interview
	Gone       []translate.Feature // what it no longer has, for Home Assistant
	// Offline says that the device did not answer lately, or did not before the last
	// restart and was not heard since.
	Offline bool
	// Near says that the bridge's own radio provisioned the device since the start, and
	// has reached it whenever it was asked for its state.
	Near bool
	// Busy says that the device is being interviewed, changed or removed. Its
	// commands wait.
	Busy bool
}

// Element is an element of a device, by its index.
type Element struct {
	*Device
	Index int
}

// Describe makes the translator of what is known of the device. What it was
// before is remembered as gone, and what still is there keeps its state.
func (d *Device) Describe() {
	former := d.Translator
	d.Translator = translate.Describe(d.Record)
	if former != nil {
		d.Gone = append(d.Gone, former.Features()...)
		d.Translator.Restore(former.State())
	}
	has := map[string]bool{}
	for _, f := range d.Translator.Features() {
		has[f.Key] = true
	}
	d.Gone = slices.DeleteFunc(d.Gone, func(f translate.Feature) bool {
		twice := has[f.Key]
		has[f.Key] = true
		return twice
	})
}

// Ready is an error while commands for the device cannot be understood.
func (d *Device) Ready() error {
	if d.Translator == nil {
		return fault.New("not_interviewed", "%s has not been interviewed yet; see bridge/request/device/interview", d.Record.Name)
	}
	return nil
}

// Peer is the device as the mesh addresses it.
func (d *Device) Peer() state.Peer {
	return state.Peer{
		UUID:     d.Record.UUID,
		Address:  d.Record.Address,
		Elements: d.Record.Elements(),
		NetKey:   d.Record.NetKey,
	}
}

// LowPower reports whether the device is a low power node, which listens only now
// and then: that it does not answer says nothing about it.
func (d *Device) LowPower() bool {
	c := d.Record.Composition
	return c != nil && c.Features&configuration.FeatureLowPower != 0
}

// MayHave reports whether the device has a model, as far as that is known: before
// the interview it may have every one.
func (d *Device) MayHave(model mesh.ModelID) bool {
	c := d.Record.Composition
	if c == nil {
		return true
	}
	for _, e := range c.Elements {
		if slices.Contains(e.Models, model) {
			return true
		}
	}
	return false
}

// Who names the device in the response to a request.
func (d *Device) Who() *document.DeviceReference {
	return &document.DeviceReference{Address: d.Record.Address, Name: d.Record.Name, UUID: d.Record.UUID}
}

// Devices is the list.
type Devices struct {
	topics    topic.Topics
	byUUID    map[mesh.UUID]*Device
	byName    map[string]*Device
	byAddress map[mesh.Address]Element
	names     names.Set            // of byName
	joining   map[mesh.UUID]string // with the name that the device is to have
}

// New makes an empty list. The topics are for the texts of errors.
func New(topics topic.Topics) *Devices {
	return &Devices{
		topics:    topics,
		byUUID:    map[mesh.UUID]*Device{},
		byName:    map[string]*Device{},
		byAddress: map[mesh.Address]Element{},
		joining:   map[mesh.UUID]string{},
	}
}

// Add makes a device known under its UUID, name and addresses.
func (l *Devices) Add(d *Device) {
	l.byUUID[d.Record.UUID] = d
	l.byName[d.Record.Name] = d
	l.names.Add(d.Record.Name)
	for i := range d.Record.Elements() {
		l.byAddress[d.Record.Address+mesh.Address(i)] = Element{d, i}
	}
}

// Trim forgets the addresses behind those of a device, which has less elements than it
// claimed.
func (l *Devices) Trim(d *Device) {
	maps.DeleteFunc(l.byAddress, func(_ mesh.Address, e Element) bool { return e.Device == d && e.Index >= d.Record.Elements() })
}

// Remove makes a device unknown again.
func (l *Devices) Remove(d *Device) {
	delete(l.byUUID, d.Record.UUID)
	delete(l.byName, d.Record.Name)
	l.names.Remove(d.Record.Name)
	maps.DeleteFunc(l.byAddress, func(_ mesh.Address, e Element) bool { return e.Device == d })
}

// Rename gives a device another name.
func (l *Devices) Rename(d *Device, to string) {
	delete(l.byName, d.Record.Name)
	l.names.Remove(d.Record.Name)
	d.Record.Name = to
	l.byName[to] = d
	l.names.Add(to)
}

// Has reports whether d is still a device of the bridge: it may have been removed,
// or provisioned again, while something was under way.
func (l *Devices) Has(d *Device) bool { return l.byUUID[d.Record.UUID] == d }

// Len is the number of devices.
func (l *Devices) Len() int { return len(l.byUUID) }

// ByUUID returns the device with a UUID, nil for none.
func (l *Devices) ByUUID(uuid mesh.UUID) *Device { return l.byUUID[uuid] }

// At returns the element with an address. Without one its Device is nil.
func (l *Devices) At(address mesh.Address) Element { return l.byAddress[address] }

// All visits the devices in no order.
func (l *Devices) All(visit func(d *Device)) {
	for _, d := range l.byUUID {
		visit(d)
	}
}

// Sorted lists the devices by name.
func (l *Devices) Sorted() []*Device {
	return slices.SortedFunc(maps.Values(l.byName), func(a, b *Device) int { return strings.Compare(a.Record.Name, b.Record.Name) })
}

// Find looks a device up by name, UUID or address; nil for none.
func (l *Devices) Find(id string) *Device {
	if d := l.byName[id]; d != nil {
		return d
	}
	if uuid, err := mesh.ParseUUID(id); err == nil {
		return l.byUUID[uuid]
	}
	if address, err := mesh.ParseAddress(id); err == nil {
		return l.byAddress[address].Device
	}
	return nil
}

// Named finds the device that a request is about; key is where id stands in the
// request.
func (l *Devices) Named(key, id string) (*Device, error) {
	if id == "" {
		return nil, fault.New("bad_value", "%s: expected the name, UUID or address of a device", key)
	}
	if d := l.Find(id); d != nil {
		return d, nil
	}
	return nil, fault.New("unknown_device", "%s: no device is called %q; see %s", key, fault.Clip(id), l.topics.Bridge("devices"))
}

// Idle is an error while something else is done with a device.
func (l *Devices) Idle(d *Device) error {
	if d.Busy {
		return fault.New("busy", "%s is being interviewed or removed already", d.Record.Name)
	}
	if l.Joining(d.Record.UUID) {
		return fault.New("busy", "%s is being provisioned again", d.Record.Name)
	}
	return nil
}

// AllIdle reports whether no device is just joining or being changed.
func (l *Devices) AllIdle() bool {
	for _, d := range l.byUUID {
		if d.Busy {
			return false
		}
	}
	return len(l.joining) == 0
}

// Reserve notes that a device is being provisioned and, unless name is empty, what
// it is to be called.
func (l *Devices) Reserve(uuid mesh.UUID, name string) { l.joining[uuid] = name }

// Release ends what Reserve has begun.
func (l *Devices) Release(uuid mesh.UUID) { delete(l.joining, uuid) }

// Joining reports whether a device is being provisioned.
func (l *Devices) Joining(uuid mesh.UUID) bool {
	_, joining := l.joining[uuid]
	return joining
}

// Reserved is the name that a device which is being provisioned is to have.
func (l *Devices) Reserved(uuid mesh.UUID) string { return l.joining[uuid] }

// CheckName is an error when the device of a UUID, which need not be known yet,
// may not have a name; key is where the name stands in the request.
func (l *Devices) CheckName(key, name string, uuid mesh.UUID) error {
	if err := topic.CheckName(name); err != nil {
		return fault.New("bad_name", "%s: %w", key, err)
	}
	other, joins, found := l.other(uuid, func(other string) bool { return names.Alike(name, other) })
	switch {
	case !found:
		return nil
	case !names.Meet(topic.Fold(name), topic.Fold(other)) || topic.Fold(name) == topic.Fold(other):
		if joins {
			return fault.New("name_taken", "%s: a device that is being provisioned is to be called %q", key, other)
		}
		return fault.New("name_taken", "%s: another device is called %q already", key, other)
	default:
		return fault.New("name_taken", "%s: %q and %q would have topics in common: the part behind the / names an element of a device; choose another name",
			key, name, other)
	}
}

// other finds the name of another device than that of a UUID that is matched, also of
// one that is being provisioned.
func (l *Devices) other(uuid mesh.UUID, match func(name string) bool) (name string, joins, found bool) {
	for name, d := range l.byName {
		if d.Record.UUID != uuid && match(name) {
			return name, false, true
		}
	}
	for other, name := range l.joining {
		if name != "" && other != uuid && match(name) {
			return name, true, true
		}
	}
	return "", false, false
}

// Available reports whether the device of a UUID can have a name without taking topics
// of another device. A name that only looks like another one is available: a device may
// have got it from an earlier version.
func (l *Devices) Available(name string, uuid mesh.UUID) bool {
	if own := l.byUUID[uuid]; own != nil {
		l.names.Remove(own.Record.Name)
		defer l.names.Add(own.Record.Name)
	}
	if l.names.Meets(name) || topic.CheckName(name) != nil {
		return false
	}
	for other, joining := range l.joining {
		if joining != "" && other != uuid && names.Meet(name, joining) {
			return false
		}
	}
	return true
}

// Similar is a valid and free name for the device of a UUID that cannot have a name, as
// similar to it as possible.
func (l *Devices) Similar(name string, uuid mesh.UUID) string {
	if name = names.Similar(name, func(name string) bool { return l.Available(name, uuid) }); name != "" {
		return name
	}
	return l.FreeName(uuid)
}

// FreeName is a name for a device that the user has not named.
func (l *Devices) FreeName(uuid mesh.UUID) string {
	const shortest = 8
	text := uuid.String()
	for n := shortest; n < len(text); n++ {
		if name := "device_" + text[len(text)-n:]; l.Available(name, uuid) {
			return name
		}
	}
	name := "device_" + text
	for n := 2; !l.Available(name, uuid); n++ { // somebody gave the name to another device
		name = fmt.Sprintf("device_%s_%d", text, n)
	}
	return name
}
