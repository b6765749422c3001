package translate

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Types of events.
const (
	eventOn         = "on"
	eventOff        = "off"
	eventSet        = "brightness_set"
	eventUp         = "brightness_up"
	eventDown       = "brightness_down"
	eventMoveUp     = "brightness_move_up"
	eventMoveDown   = "brightness_move_down"
	eventStop       = "brightness_stop"
	eventColorTemp  = "color_temp_set"
	eventColor      = "color_set"
	eventHue        = "hue_set"
	eventSaturation = "saturation_set"
)

// transactionTime is how long a transaction identifier belongs to one
// transaction (Mesh Model 1.1, section 3.4.1.2.2 and its like).
const transactionTime = 6 * time.Second

// buttonFunction is the client models of an element.
type buttonFunction struct {
	ReadOnly
	features []Feature // one
	models   []mesh.ModelID
	last     map[group]transaction
}

// group is the messages that share transaction identifiers.
type group uint8

const (
	groupOnOff group = iota
	groupLevel
	groupDelta
	groupMove
	groupLightness
	groupCTL
	groupTemperature
	groupHSL
	groupHue
	groupSaturation
)

// transaction is the last message of a group.
type transaction struct {
	tid   uint8
	at    time.Time
	value [3]int32
}

// press is a message of a client model.
type press struct {
	model      mesh.ModelID
	group      group
	tid        uint8
	value      [3]int32 // tells two presses of one TID apart
	transition generic.Transition
	event      string
	attributes map[string]any
}

func newButton(p *Place) Function {
	b := &buttonFunction{last: map[group]transaction{}}
	var types []string
	for _, m := range p.Elements()[p.Element].Models {
		events := clientEvents(m)
		if events == nil {
			continue
		}
		b.models = append(b.models, m)
		for _, e := range events {
			if !slices.Contains(types, e) {
				types = append(types, e)
			}
		}
	}
	b.features = p.Name(Feature{
		Name: "button", Label: "Button", Key: "button", Type: TypeEnum, Access: Published, Event: true, Values: types,
	})
	return b
}

// clientEvents are the types of events of a client model.
func clientEvents(m mesh.ModelID) []string {
	switch m {
	case generic.OnOffClientID:
		return []string{eventOn, eventOff}
	case generic.LevelClientID:
		return []string{eventSet, eventUp, eventDown, eventMoveUp, eventMoveDown, eventStop}
	case light.LightnessClientID:
		return []string{eventSet}
	case light.CTLClientID:
		return []string{eventColorTemp}
	case light.HSLClientID:
		return []string{eventColor, eventHue, eventSaturation}
	}
	return nil
}

// Features implements Function.
func (b *buttonFunction) Features() []Feature { return b.features }

// Report implements Function.
func (b *buttonFunction) Report(r *Report) bool {
	p, ok := readPress(r)
	if !ok || !slices.Contains(b.models, p.model) {
		return false
	}
	if !b.fresh(&p, r.Time) || p.event == "" {
		return true
	}
	if p.transition.Present {
		p.attributes["transition"] = p.transition.Time.Duration().Seconds()
	}
	r.Publish(Event{Type: p.event, Element: r.Element, Attributes: p.attributes})
	return true
}

// Restore implements Function: events are over.
func (b *buttonFunction) Restore(map[string]any, *State) {}

// Query implements Function: a client has nothing to ask for.
func (b *buttonFunction) Query(*Wanted) []Step { return nil }

// fresh reports whether a press is new and not a repetition. A knob that is
// turned sends one transaction whose delta grows; p is then changed to the
// difference.
func (b *buttonFunction) fresh(p *press, now time.Time) bool {
	before, seen := b.last[p.group]
	b.last[p.group] = transaction{p.tid, now, p.value}
	age := now.Sub(before.at)
	if !seen || before.tid != p.tid || age < 0 || age >= transactionTime {
		return true
	}
	if before.value == p.value {
		return false
	}
	if p.group == groupDelta {
		p.setDelta(int64(p.value[0]) - int64(before.value[0]))
	}
	return true
}

// setDelta makes the press a step of the level.
func (p *press) setDelta(delta int64) {
	p.event = ""
	switch {
	case delta > 0:
		p.event = eventUp
	case delta < 0:
		p.event = eventDown
	}
	step := places(float64(delta)/brightnessStep, 1)
	p.attributes = map[string]any{"delta": delta, "brightness_step": step}
}

// readPress decodes a message of a client model. Acknowledged or not is the same.
func readPress(r *Report) (press, bool) {
	switch r.Opcode {
	case generic.OpOnOffSet, generic.OpOnOffSetUnacknowledged:
		var m generic.OnOffSet
		ok := r.Decode(&m)
		p := press{generic.OnOffClientID, groupOnOff, m.TID, [3]int32{}, m.Transition, eventOff, map[string]any{}}
		if m.OnOff {
			p.event, p.value[0] = eventOn, 1
		}
		return p, ok
	case generic.OpLevelSet, generic.OpLevelSetUnacknowledged:
		var m generic.LevelSet
		ok := r.Decode(&m)
		return press{generic.LevelClientID, groupLevel, m.TID, [3]int32{int32(m.Level)}, m.Transition, eventSet, map[string]any{
			"level": int(m.Level), propBrightness: shownBrightness(fromLevel(m.Level)),
		}}, ok
	case generic.OpDeltaSet, generic.OpDeltaSetUnacknowledged:
		var m generic.DeltaSet
		ok := r.Decode(&m)
		p := press{model: generic.LevelClientID, group: groupDelta, tid: m.TID, value: [3]int32{m.DeltaLevel}, transition: m.Transition}
		p.setDelta(int64(m.DeltaLevel))
		return p, ok
	case generic.OpMoveSet, generic.OpMoveSetUnacknowledged:
		var m generic.MoveSet
		ok := r.Decode(&m)
		p := press{generic.LevelClientID, groupMove, m.TID, [3]int32{int32(m.DeltaLevel)}, m.Transition, eventStop, map[string]any{}}
		if m.DeltaLevel != 0 {
			p.event = eventMoveUp
			if m.DeltaLevel < 0 {
				p.event = eventMoveDown
			}
			p.attributes["delta"] = int(m.DeltaLevel)
		}
		return p, ok
	case light.OpLightnessSet, light.OpLightnessSetUnacknowledged:
		var m light.LightnessSet
		ok := r.Decode(&m)
		return press{light.LightnessClientID, groupLightness, m.TID, [3]int32{int32(m.Lightness)}, m.Transition, eventSet, map[string]any{
			propBrightness: shownBrightness(m.Lightness),
		}}, ok
	}
	return readColorPress(r)
}

// readColorPress is readPress for the clients of coloured light.
func readColorPress(r *Report) (press, bool) {
	whole := device.Range{Min: 1, Max: maxLightness}
	degrees := func(hue uint16) float64 { return places(float64(hue)/hueCircle*360, 2) }
	switch r.Opcode {
	case light.OpCTLSet, light.OpCTLSetUnacknowledged:
		var m light.CTLSet
		ok := r.Decode(&m)
		return press{light.CTLClientID, groupCTL, m.TID, [3]int32{int32(m.CTLLightness), int32(m.CTLTemperature), int32(m.CTLDeltaUV)}, m.Transition, eventColorTemp, map[string]any{
			propBrightness: shownBrightness(m.CTLLightness), propColorTemp: int(m.CTLTemperature),
		}}, ok
	case light.OpCTLTemperatureSet, light.OpCTLTemperatureSetUnacknowledged:
		var m light.CTLTemperatureSet
		ok := r.Decode(&m)
		return press{light.CTLClientID, groupTemperature, m.TID, [3]int32{int32(m.CTLTemperature), int32(m.CTLDeltaUV)}, m.Transition, eventColorTemp, map[string]any{
			propColorTemp: int(m.CTLTemperature),
		}}, ok
	case light.OpHSLSet, light.OpHSLSetUnacknowledged:
		var m light.HSLSet
		ok := r.Decode(&m)
		brightness, color := fromHSL(max(1, m.HSLLightness), m.HSLHue, m.HSLSaturation, whole)
		if m.HSLLightness == 0 {
			brightness = 0
		}
		return press{light.HSLClientID, groupHSL, m.TID, [3]int32{int32(m.HSLLightness), int32(m.HSLHue), int32(m.HSLSaturation)}, m.Transition, eventColor, map[string]any{
			propBrightness: brightness, propColor: color,
		}}, ok
	case light.OpHSLHueSet, light.OpHSLHueSetUnacknowledged:
		var m light.HSLHueSet
		ok := r.Decode(&m)
		return press{light.HSLClientID, groupHue, m.TID, [3]int32{int32(m.Hue)}, m.Transition, eventHue, map[string]any{"hue": degrees(m.Hue)}}, ok
	case light.OpHSLSaturationSet, light.OpHSLSaturationSetUnacknowledged:
		var m light.HSLSaturationSet
		ok := r.Decode(&m)
		return press{light.HSLClientID, groupSaturation, m.TID, [3]int32{int32(m.Saturation)}, m.Transition, eventSaturation, map[string]any{
			"saturation": places(float64(m.Saturation)/maxLightness*100, 1), // of HSL
		}}, ok
	}
	return press{}, false
}

// shownBrightness is the brightness that a client asks for, 0 for off.
func shownBrightness(lightness uint16) int {
	if lightness == 0 {
		return 0
	}
	return scaleOf(device.Range{Min: 1, Max: maxLightness}, 1).brightness(float64(lightness))
}
