package translate

import (
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Family is a kind of function. An element that has at least one of Models
// which no other function has taken gets a function of the family.
type Family struct {
	Name   string
	Models []mesh.ModelID
	// New builds the function. It returns nil if there is nothing to report and
	// nothing to set; the models are then left to the families after it. Those
	// of Models that the element has belong to the function otherwise.
	New func(p *Place) Function
}

// Families is the table of all families that the bridge knows. The order
// matters where two families share models: the first one takes them.
func Families() []Family {
	return []Family{
		{"light", dimModels(), newLight},
		{"switch", []mesh.ModelID{generic.OnOffServerID}, newSwitch},
		{"sensor", []mesh.ModelID{sensor.ServerID}, newSensor},
		{"battery", []mesh.ModelID{generic.BatteryServerID}, newBattery},
		{"button", []mesh.ModelID{
			generic.OnOffClientID, generic.LevelClientID, light.LightnessClientID, light.CTLClientID, light.HSLClientID,
		}, newButton},
	}
}

// Place is where a function is built: an element of a device, with the models
// that are left.
type Place struct {
	Element  int // index
	composer *composer
	listens  []int // elements whose messages the function gets
}

// composer is the state of building a device.
type composer struct {
	elements []configuration.CompositionElement
	details  *device.Details
	taken    []map[mesh.ModelID]bool // by element
	names    map[string]int          // how many features of a name there are
}

// Elements are the elements of the whole device.
func (p *Place) Elements() []configuration.CompositionElement { return p.composer.elements }

// Details are the ranges and properties that the servers of the device reported
// when the device was interviewed.
func (p *Place) Details() *device.Details { return p.composer.details }

// Has reports whether the element has a model that no function has taken.
func (p *Place) Has(id mesh.ModelID) bool { return p.composer.free(p.Element, id) }

// Take takes models of an element, as far as it has them. The function then
// gets the messages of the element.
func (p *Place) Take(element int, ids ...mesh.ModelID) {
	for _, id := range ids {
		p.composer.taken[element][id] = true
	}
	if !slices.Contains(p.listens, element) {
		p.listens = append(p.listens, element)
	}
}

// Name completes descriptions of features: the element, and a number if the
// device has such a feature already. The function describes itself with what
// this returns.
func (p *Place) Name(features ...Feature) []Feature {
	for i := range features {
		f := &features[i]
		f.Element = p.Element
		number := p.composer.count(f)
		if number == 1 {
			continue
		}
		f.addSuffix(fmt.Sprintf("_%d", number))
		if f.Label != "" {
			f.Label += fmt.Sprintf(" %d", number)
		}
	}
	return features
}

func (f *Feature) addSuffix(suffix string) {
	f.Suffix = suffix
	if f.Key != "" {
		f.Key += suffix
	}
	if f.Property != "" {
		f.Property += suffix
		return // the parts of an object are keys within it
	}
	for i := range f.Parts {
		f.Parts[i].addSuffix(suffix)
	}
}

// count returns which one of its name a feature is: 1 for the first. All that
// have the same property are counted together, so that a light and a switch
// have the properties state and state_2.
func (c *composer) count(f *Feature) int {
	name := f.Property
	if name == "" && len(f.Parts) > 0 {
		name = f.Parts[0].Property
	}
	if name == "" {
		name = f.Key
	}
	c.names[name]++
	return c.names[name]
}

// free reports whether an element has a model that nobody has taken.
func (c *composer) free(element int, id mesh.ModelID) bool {
	return !c.taken[element][id] && slices.Contains(c.elements[element].Models, id)
}

// place builds the functions of an element.
func (c *composer) place(element int, families []Family) []placed {
	var all []placed
	for _, family := range families {
		if !slices.ContainsFunc(family.Models, func(id mesh.ModelID) bool { return c.free(element, id) }) {
			continue
		}
		p := &Place{Element: element, composer: c}
		f := family.New(p)
		if f == nil {
			continue
		}
		p.Take(element, family.Models...)
		all = append(all, placed{Function: f, element: element, listens: p.listens})
	}
	return all
}
