package translate_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// A device with three elements that have all models of all families, and every property
// that there is: each key of each feature is known as a word that names an element.
func TestEveryKeyNamesAnElement(t *testing.T) {
	var models []mesh.ModelID
	for _, family := range translate.Families() {
		models = append(models, family.Models...)
	}
	ids := []uint16{0xFFF0}
	for p := range property.All() {
		ids = append(ids, uint16(p.ID))
	}
	r := &device.Record{Composition: &configuration.Composition{}}
	r.Details.Sensors = map[int][]uint16{}
	elements := [][]mesh.ModelID{models}
	for _, family := range translate.Families() {
		elements = append(elements, family.Models, family.Models)
		for _, id := range family.Models { // a family may need fewer than all
			elements = append(elements, []mesh.ModelID{id}, []mesh.ModelID{id})
		}
	}
	for i, models := range elements {
		r.Composition.Elements = append(r.Composition.Elements, configuration.CompositionElement{Models: models})
		for _, id := range models {
			if id == sensor.ServerID {
				r.Details.Sensors[i] = ids
			}
		}
	}
	keys := 0
	for _, f := range translate.Describe(r).Features() {
		if f.Key == "" {
			continue
		}
		if keys++; !translate.NamesElement(f.Key) {
			t.Errorf("%q names an element, and is not known as such a word", f.Key)
		}
	}
	const least = 200
	if keys < least {
		t.Errorf("only %d keys were tried", keys)
	}
	for _, index := range []string{"0", "00", "7", "255", "-0"} {
		if !translate.NamesElement(index) {
			t.Errorf("%q is no element", index)
		}
	}
	for _, word := range []string{"lamp", "left", "-1", "", "lights", "0x01", "1a", "switchboard", "kitchen_2"} {
		if translate.NamesElement(word) {
			t.Errorf("%q is an element", word)
		}
	}
}
