package device

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Button is a wall switch with a dial: a Generic OnOff Client and a Generic
// Level Client.
type Button struct {
	onOff    *generic.OnOffClient
	level    *generic.LevelClient
	on       bool // state sent by the last press
	elements []access.Element
}

// NewButton makes a button whose first press switches on.
func NewButton() *Button {
	b := &Button{onOff: generic.NewOnOffClient(), level: generic.NewLevelClient()}
	b.elements = elements(ProductButton, []access.Model{b.onOff, b.level})
	return b
}

// Elements returns the button's elements for its node.
func (b *Button) Elements() []access.Element { return b.elements }

// Press alternates between switching on and off. It runs in the context of the
// Generic OnOff Client of the primary element.
func (b *Button) Press(ctx access.Context) {
	b.on = !b.on
	b.onOff.Set(ctx, b.on)
}

// Turn turns the dial by a delta. It runs in the context of the Generic Level
// Client of the primary element.
func (b *Button) Turn(delta int32) func(access.Context) {
	return func(ctx access.Context) { b.level.Delta(ctx, delta) }
}

// Hold begins to dim up or down. Dimming over the whole range takes two
// seconds. It runs in the context of the Generic Level Client of the primary
// element.
func (b *Button) Hold(up bool) func(access.Context) {
	const (
		step  = 3277 // a twentieth of the range
		tenth = generic.TransitionTime(1)
	)
	return func(ctx access.Context) {
		if up {
			b.level.Move(ctx, step, tenth)
		} else {
			b.level.Move(ctx, -step, tenth)
		}
	}
}

// Release ends dimming. It runs in the context of the Generic Level Client of
// the primary element.
func (b *Button) Release(ctx access.Context) { b.level.Move(ctx, 0, 0) }
