package translate

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// The properties of lights, without suffix, beside propState.
const (
	propBrightness = "brightness"
	propColorMode  = "color_mode"
	propColorTemp  = "color_temp"
	propColor      = "color"
)

// nameColor is the name of the feature whose property is propColor.
const nameColor = "color_hs"

// The colour modes: what determines the colour that is shown.
const (
	modeHS        = "hs"
	modeColorTemp = "color_temp"
)

// lightFunction is everything on an element that dims, with the servers for
// parts of its colour on later elements.
type lightFunction struct {
	features []Feature // one
	servers  servers
	limits   limits
	shown    shown
	raw      onAir
	expected expected
}

// servers are the models that a light is built from.
type servers struct {
	element                           int
	onOff, level, lightness, ctl, hsl bool // on its element
	// Elements of the servers for one part of its colour, -1 for none.
	temperature, hue, saturation int
}

// limits are what the light can do.
type limits struct {
	lightness device.Range
	kelvin    device.Range
}

// shown is what was last reported, as it is published.
type shown struct {
	on         maybe[bool]
	brightness maybe[int]
	kelvin     maybe[int]
	color      maybe[Color]
	mode       string // "" unknown
}

// onAir is what was last reported, with the values of the messages. The lightness is the last one
// that was not 0.
type onAir struct{ lightness, hue, saturation maybe[uint16] }

// expected is what a command on its way has asked for.
type expected struct {
	// mode is the colour mode: a report of that kind counts as the answer even
	// when no value has changed.
	mode string
	// parts is how many reports of one part of the colour are only noted, since
	// a report of the whole is to come.
	parts int
	// until is when that ends at the latest; zero while no answer has told how
	// long the transition takes.
	until time.Time
}

// dimModels are the models that make an element a light.
func dimModels() []mesh.ModelID {
	return []mesh.ModelID{generic.LevelServerID, light.LightnessServerID, light.CTLServerID, light.HSLServerID}
}

// boundModels are the models whose states are bound to those of a light on the
// same element.
func boundModels() []mesh.ModelID {
	return append([]mesh.ModelID{generic.OnOffServerID}, dimModels()...)
}

func newLight(p *Place) Function {
	l := &lightFunction{
		servers: servers{
			element:   p.Element,
			onOff:     p.Has(generic.OnOffServerID),
			level:     p.Has(generic.LevelServerID),
			lightness: p.Has(light.LightnessServerID),
			ctl:       p.Has(light.CTLServerID),
			hsl:       p.Has(light.HSLServerID),
		},
		limits: limits{
			lightness: device.Range{Min: 1, Max: maxLightness},
			kelvin:    device.Range{Min: light.MinTemperature, Max: light.MaxTemperature},
		},
	}
	p.Take(p.Element, generic.OnOffServerID)
	// The servers for a part of the colour have a Generic Level of their own,
	// so they are on later elements (Mesh Model 1.1, sections 6.4.3 to 6.4.6).
	l.servers.temperature = partOf(p, l.servers.ctl, light.CTLTemperatureServerID, light.CTLServerID)
	l.servers.hue = partOf(p, l.servers.hsl, light.HSLHueServerID, light.HSLServerID)
	l.servers.saturation = partOf(p, l.servers.hsl, light.HSLSaturationServerID, light.HSLServerID)

	if r, ok := p.Details().Lightness[p.Element]; ok && r.Min > 0 && r.Min <= r.Max {
		l.limits.lightness = r
	}
	var kelvin *Range
	if r, ok := p.Details().Temperature[p.Element]; ok && r.Min >= light.MinTemperature && r.Min <= r.Max && r.Max <= light.MaxTemperature {
		l.limits.kelvin = r
		kelvin = &Range{float64(r.Min), float64(r.Max)}
	}
	l.features = p.Name(Feature{Name: "light", Key: "light", Type: TypeComposite, Parts: l.parts(kelvin)})
	return l
}

// partOf takes the next element that has the server for one part of a light, and
// returns its index, -1 if there is none.
func partOf(p *Place, wanted bool, part, whole mesh.ModelID) int {
	elements := p.Elements()
	for i := p.Element + 1; wanted && i < len(elements); i++ {
		switch models := elements[i].Models; {
		case slices.Contains(models, whole):
			return -1 // those after it belong to the next light
		case slices.Contains(models, part):
			p.Take(i, boundModels()...)
			return i
		}
	}
	return -1
}

// parts describes what the light can do; kelvin is its range of colour
// temperatures, nil when it is not known.
func (l *lightFunction) parts(kelvin *Range) []Feature {
	const all = Published | Settable | Gettable
	parts := []Feature{stateFeature(), {
		Name: propBrightness, Property: propBrightness, Type: TypeNumeric, Access: all,
		Range: &Range{0, MaxBrightness}, Step: 1,
	}}
	if l.servers.ctl {
		parts = append(parts, Feature{
			Name: propColorTemp, Property: propColorTemp, Type: TypeNumeric, Access: all,
			Unit: "K", Range: kelvin, Step: 1, Read: readKelvin,
		})
	}
	if l.servers.hsl {
		parts = append(parts, Feature{
			Name: nameColor, Property: propColor, Type: TypeComposite, Access: all, Read: readColor,
			Parts: []Feature{
				{Name: "hue", Property: "h", Type: TypeNumeric, Access: all, Unit: "°", Range: &Range{0, 360}, Step: 0.01},
				{Name: "saturation", Property: "s", Type: TypeNumeric, Access: all, Unit: "%", Range: &Range{0, 100}, Step: 0.1},
			},
		})
	}
	if l.servers.ctl || l.servers.hsl {
		parts = append(parts, Feature{
			Name: propColorMode, Property: propColorMode, Type: TypeEnum, Access: Published | Gettable,
			Values: []string{modeColorTemp, modeHS}, OmitUnknown: true,
		})
	}
	return parts
}

// readKelvin reads any colour temperature of the specification; the plan limits
// it to the range of the light.
func readKelvin(name string, raw json.RawMessage) (any, error) {
	return readNumber(name, raw, Range{float64(light.MinTemperature), float64(light.MaxTemperature)}, "K")
}

// Features implements Function.
func (l *lightFunction) Features() []Feature { return l.features }

// suffix is what its properties end with.
func (l *lightFunction) suffix() string { return l.features[0].Suffix }

// property is the property of a part, by the name of the part.
func (l *lightFunction) property(name string) string {
	if part := l.features[0].Part(name); part != nil {
		return part.Property
	}
	return ""
}

// levelOnly reports whether Generic Level is what dims the light; otherwise it
// is bound to a state that is reported by itself.
func (l *lightFunction) levelOnly() bool {
	return l.servers.level && !l.servers.lightness && !l.servers.ctl && !l.servers.hsl
}

// lightnessAt is the lightness for a brightness of white light.
func (l *lightFunction) lightnessAt(brightness int) uint16 {
	return sixteen(scaleOf(l.limits.lightness, 1).lightness(brightness))
}

// publish sets what is shown in the state of the device.
func (l *lightFunction) publish(s *State) {
	for i := range l.features[0].Parts {
		part := &l.features[0].Parts[i]
		switch part.Name {
		case propState:
			s.SetKnown(part.Property, l.shown.on.known, onWord(l.shown.on.value))
		case propBrightness:
			s.SetKnown(part.Property, l.shown.brightness.known, l.shown.brightness.value)
		case propColorTemp:
			s.SetKnown(part.Property, l.shown.kelvin.known, l.shown.kelvin.value)
		case nameColor:
			s.SetKnown(part.Property, l.shown.color.known, l.shown.color.value)
		case propColorMode:
			// Home Assistant warns about null, and not about a missing mode.
			if l.shown.mode != "" {
				s.Set(part.Property, l.shown.mode)
			}
		}
	}
}

// Restore implements Function.
func (l *lightFunction) Restore(stored map[string]any, s *State) {
	get := func(property string) any { return stored[property+l.suffix()] }
	if on, ok := storedState(get(propState)); ok {
		l.shown.on = sure(on)
	}
	if k, ok := number(get(propColorTemp)); ok && l.servers.ctl && k >= float64(light.MinTemperature) && k <= float64(light.MaxTemperature) {
		l.shown.kelvin = sure(int(k))
	}
	if c, ok := storedColor(get(propColor)); ok && l.servers.hsl {
		l.shown.color = sure(c)
	}
	switch mode := get(propColorMode); {
	case mode == modeHS && l.shown.color.known:
		l.shown.mode = modeHS
	case mode == modeColorTemp && l.shown.kelvin.known:
		l.shown.mode = modeColorTemp
	}
	if b, ok := number(get(propBrightness)); ok && b >= 1 && b <= MaxBrightness {
		l.shown.brightness = sure(int(b))
		l.raw.lightness = sure(l.lightnessAt(int(b)))
	}
	if l.shown.color.known {
		lightness, hue, saturation := toHSL(l.shown.brightness.or(MaxBrightness), l.shown.color.value, l.limits.lightness)
		l.raw.hue, l.raw.saturation = sure(hue), sure(saturation)
		if l.shown.brightness.known && l.shown.mode != modeColorTemp {
			l.raw.lightness = sure(lightness)
		}
	}
	l.publish(s)
}

func storedColor(v any) (Color, bool) {
	switch v := v.(type) {
	case Color:
		return v, true
	case map[string]any:
		h, okH := number(v["h"])
		s, okS := number(v["s"])
		return Color{h, s}, okH && okS && h >= 0 && h < 360 && s >= 0 && s <= 100
	}
	return Color{}, false
}
