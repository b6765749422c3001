package device

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Plug is a switched socket: a Generic OnOff Server.
type Plug struct {
	*generic.Switch
	elements []access.Element
}

// NewPlug makes a plug that is off.
func NewPlug() *Plug {
	s := generic.NewSwitch()
	return &Plug{Switch: s, elements: elements(ProductPlug, s.Models())}
}

// Elements returns the plug's elements for its node.
func (p *Plug) Elements() []access.Element { return p.elements }

// IsOn reports whether the plug is on.
func (p *Plug) IsOn(now time.Time) bool { return p.OnOff(now).PresentOnOff }

// Toggle presses the switch on the plug. It runs in the context of the Generic
// OnOff Server of the primary element.
func (p *Plug) Toggle(ctx access.Context) {
	p.SetOnOff(ctx.Now(), !p.IsOn(ctx.Now()), server.Timing{})
}
