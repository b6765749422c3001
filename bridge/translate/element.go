package translate

import (
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// NamesElement reports whether a part of a topic can name an element of some device:
// an index, or the key of a feature that a family of Families gives. It does not depend
// on a device, because a device can have other features after its next interview.
// TestEveryKeyNamesAnElement fails for a family whose keys are missing here.
func NamesElement(part string) bool {
	if i, err := strconv.Atoi(part); err == nil && i >= 0 {
		return true
	}
	if strings.HasPrefix(part, "property_") {
		return true
	}
	key := part
	if i := strings.LastIndexByte(key, '_'); i > 0 {
		if _, err := strconv.ParseUint(key[i+1:], 10, 16); err == nil {
			key = key[:i] // of the second and further features of a name
		}
	}
	switch key {
	case "light", "switch", "button", "motion",
		"battery", "battery_low", "battery_charging", "battery_service", "battery_time_left", "battery_time_to_full":
		return true
	}
	for _, m := range measurements {
		if m.name == key {
			return true
		}
	}
	for p := range property.All() {
		name := p.Key()
		if key == name {
			return true
		}
		if !strings.HasPrefix(key, name+"_") {
			continue
		}
		for _, part := range p.Forms[0] {
			if part.Name != "" && key == name+"_"+part.Name {
				return true
			}
		}
	}
	return false
}
