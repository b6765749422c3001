package generic

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Switch is the machine of a device that can only be on or off.
type Switch struct {
	Defaults
	on    server.Fade // 0 or 1
	group *server.Group
}

// NewSwitch makes a switch that is off and restores its previous state at
// power-up.
func NewSwitch() *Switch {
	s := &Switch{Defaults: Defaults{PowerUp: PowerUpRestore}}
	s.group = server.NewGroup(s)
	return s
}

// Models returns the switch's models in the order of the composition: OnOff,
// Default Transition Time, Power OnOff and its setup.
func (s *Switch) Models() []access.Model {
	models := []access.Model{
		AddOnOffServer(s.group, s),
		AddDefaultTransitionTimeServer(s.group, &s.Defaults),
	}
	return append(models, AddPowerOnOffServers(s.group, &s.Defaults)...)
}

// OnOff implements OnOffState. A state with only two values switches on at the
// beginning of a transition and off at its end (section 3.1.1).
func (s *Switch) OnOff(now time.Time) OnOffStatus {
	target := s.on.Target() == 1
	status := OnOffStatus{PresentOnOff: target}
	if left := s.on.Remaining(now); left > 0 {
		status.PresentOnOff = s.on.From() == 1 || target && s.on.IsMoving()
		status.HasTarget, status.TargetOnOff = true, target
		status.RemainingTime = RemainingTime(left)
	}
	return status
}

// SetOnOff implements OnOffState; it is also used to operate the switch by
// hand.
func (s *Switch) SetOnOff(now time.Time, on bool, t server.Timing) {
	// Half way there is no intermediate value to continue from.
	changing := s.on.Remaining(now) > 0
	if changing {
		s.on.Jump(number(s.OnOff(now).PresentOnOff))
	}
	if s.on.Start(now, number(on), t) || changing {
		s.group.Changed(now)
	}
}

// Deadline implements server.Machine.
func (s *Switch) Deadline() time.Time { return s.on.Deadline() }

// Advance implements server.Machine.
func (s *Switch) Advance(now time.Time) {
	if s.on.Advance(now) {
		s.group.Changed(now)
	}
}

type savedSwitch struct {
	On             bool
	TransitionTime TransitionTime
	PowerUp        PowerUp
}

// State implements server.Machine.
func (s *Switch) State() []byte {
	data, err := json.Marshal(savedSwitch{s.on.Target() == 1, s.TransitionTime, s.PowerUp})
	if err != nil {
		return nil
	}
	return data
}

// Restore implements server.Machine: power-up.
func (s *Switch) Restore(data []byte) error {
	var saved savedSwitch
	if err := json.Unmarshal(data, &saved); err != nil {
		return fmt.Errorf("generic: expected a valid stored state of a switch: %w", err)
	}
	s.Defaults = Defaults{saved.TransitionTime, saved.PowerUp}
	switch saved.PowerUp {
	case PowerUpOff:
		s.on.Jump(0)
	case PowerUpDefault:
		s.on.Jump(1)
	default:
		s.on.Jump(number(saved.On))
	}
	return nil
}

func number(on bool) int {
	if on {
		return 1
	}
	return 0
}
