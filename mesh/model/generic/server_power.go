package generic

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Defaults are the default states of a machine: how long a change takes
// (section 3.1.3) and what happens at power-up (section 3.1.4).
type Defaults struct {
	TransitionTime TransitionTime
	PowerUp        PowerUp
}

// DefaultTransitionTime is for a machine that embeds its Defaults.
func (d *Defaults) DefaultTransitionTime() TransitionTime { return d.TransitionTime }

// AddDefaultTransitionTimeServer adds a Generic Default Transition Time Server
// (section 3.3.3).
func AddDefaultTransitionTimeServer(g *server.Group, d *Defaults) *server.Server {
	status := func(time.Time) access.Message {
		return &DefaultTransitionTimeStatus{TransitionTime: d.TransitionTime}
	}
	s := g.AddSetting(DefaultTransitionTimeServerID, status)
	s.Get(&DefaultTransitionTimeGet{}, status)
	var set DefaultTransitionTimeSet
	s.Set(&set, OpDefaultTransitionTimeSetUnacknowledged, func(now time.Time) bool {
		if d.TransitionTime != set.TransitionTime {
			d.TransitionTime = set.TransitionTime
			s.Changed(now)
		}
		return true
	}, status)
	return s
}

// AddPowerOnOffServers adds a Generic Power OnOff Server and its Setup Server
// (sections 3.3.4 and 3.3.5).
func AddPowerOnOffServers(g *server.Group, d *Defaults) []access.Model {
	status := func(time.Time) access.Message { return &OnPowerUpStatus{OnPowerUp: d.PowerUp} }
	s := g.AddSetting(PowerOnOffServerID, status)
	s.Get(&OnPowerUpGet{}, status)
	setup := g.Add(PowerOnOffSetupServerID, nil)
	var set OnPowerUpSet
	setup.Set(&set, OpOnPowerUpSetUnacknowledged, func(now time.Time) bool {
		if d.PowerUp != set.OnPowerUp {
			d.PowerUp = set.OnPowerUp
			s.Changed(now)
		}
		return true
	}, status)
	return []access.Model{s, setup}
}
