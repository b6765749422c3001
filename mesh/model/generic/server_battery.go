package generic

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Battery is the Generic Battery Server (section 3.3.6) of a device with a
// battery.
type Battery struct {
	state BatteryStatus
	group *server.Group
	model *server.Server
}

// NewBattery makes the model with an initial state.
func NewBattery(state BatteryStatus) *Battery {
	b := &Battery{state: state}
	b.group = server.NewGroup(b)
	status := func(time.Time) access.Message {
		s := b.state
		return &s
	}
	b.model = b.group.Add(BatteryServerID, status)
	b.model.Get(&BatteryGet{}, status)
	return b
}

// Model returns the model for an element.
func (b *Battery) Model() access.Model { return b.model }

// Set sets the state of the battery; a change is published.
func (b *Battery) Set(now time.Time, state BatteryStatus) {
	if b.state != state {
		b.state = state
		b.group.Changed(now)
	}
}

// Deadline implements server.Machine.
func (b *Battery) Deadline() time.Time { return time.Time{} }

// Advance implements server.Machine.
func (b *Battery) Advance(time.Time) {}

// State implements server.Machine: the battery is measured again after a
// restart.
func (b *Battery) State() []byte { return nil }

// Restore implements server.Machine.
func (b *Battery) Restore([]byte) error { return nil }
