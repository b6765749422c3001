package device

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// The range of white that a Lamp can produce, in kelvin.
const (
	Warmest = 2700
	Coldest = 6500
)

// Lamp is a light, with a colour temperature or a colour.
type Lamp struct {
	*light.Lamp
	elements []access.Element
}

// NewLamp makes a lamp with a colour temperature: Light CTL.
//
//	element 0   OnOff, Level, Default Transition Time, Power OnOff and setup,
//	            Lightness and setup, CTL and setup
//	element 1   Level, CTL Temperature
func NewLamp() *Lamp {
	return newLamp(ProductLamp, light.NewCTL(light.CTLOptions{Warmest: Warmest, Coldest: Coldest}))
}

// NewColorLamp makes a lamp with a colour: Light HSL.
//
//	element 0   OnOff, Level, Default Transition Time, Power OnOff and setup,
//	            Lightness and setup, HSL and setup
//	element 1   Level, HSL Hue
//	element 2   Level, HSL Saturation
func NewColorLamp() *Lamp { return newLamp(ProductColorLamp, light.NewHSL()) }

func newLamp(product uint16, l *light.Lamp) *Lamp {
	return &Lamp{Lamp: l, elements: elements(product, l.Elements()...)}
}

// Elements returns the lamp's elements for its node.
func (l *Lamp) Elements() []access.Element { return l.elements }

// IsOn reports whether the lamp is on.
func (l *Lamp) IsOn(now time.Time) bool { return l.OnOff(now).PresentOnOff }

// Toggle presses the switch of the lamp. It runs in the context of the Generic
// OnOff Server of the primary element.
func (l *Lamp) Toggle(ctx access.Context) {
	l.SetOnOff(ctx.Now(), !l.IsOn(ctx.Now()), server.Timing{})
}
