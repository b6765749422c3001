package translate

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"

// batteryFunction is a Generic Battery server.
type batteryFunction struct {
	ReadOnly
	features []Feature // in the order of the constants
}

// The features of a battery.
const (
	batteryLevel = iota
	batteryLow
	batteryCharging
	batteryService
	batteryDischarge
	batteryCharge
)

func newBattery(p *Place) Function {
	const minutes = "min"
	b := &batteryFunction{features: []Feature{
		batteryLevel:     {Key: "battery", Label: "Battery", Unit: "%", Range: &Range{0, 100}, Step: 1},
		batteryLow:       {Key: "battery_low", Label: "Battery low", Type: TypeBinary},
		batteryCharging:  {Key: "battery_charging", Label: "Battery charging", Type: TypeBinary},
		batteryService:   {Key: "battery_service", Label: "Battery needs service", Type: TypeBinary, Hidden: true},
		batteryDischarge: {Key: "battery_time_left", Label: "Battery time left", Unit: minutes, Step: 1, Hidden: true},
		batteryCharge:    {Key: "battery_time_to_full", Label: "Battery time to full", Unit: minutes, Step: 1, Hidden: true},
	}}
	for i := range b.features {
		f := &b.features[i]
		f.Name, f.Property, f.Category, f.Access = f.Key, f.Key, Diagnostic, Published|Gettable
		if f.Type == TypeBinary {
			f.Binary = trueOrFalse()
		}
	}
	p.Name(b.features...)
	return b
}

// trueOrFalse is a binary that is written as such.
func trueOrFalse() Binary { return Binary{On: true, Off: false} }

// Features implements Function.
func (b *batteryFunction) Features() []Feature { return b.features }

// Report implements Function.
func (b *batteryFunction) Report(r *Report) bool {
	var s generic.BatteryStatus
	if r.Opcode != generic.OpBatteryStatus || !r.Decode(&s) {
		return false
	}
	there := s.Presence != generic.BatteryNotPresent
	set := func(feature int, known bool, v any) {
		r.SetKnown(b.features[feature].Property, there && known, v)
	}
	set(batteryLevel, s.BatteryLevel != generic.UnknownBatteryLevel, float64(s.BatteryLevel))
	set(batteryLow, s.Indicator != generic.BatteryIndicatorUnknown, s.Indicator <= generic.BatteryLow)
	set(batteryCharging, s.Charging != generic.BatteryChargingUnknown, s.Charging == generic.BatteryIsCharging)
	set(batteryService, s.Serviceability == generic.BatteryServiceNotRequired || s.Serviceability == generic.BatteryServiceRequired,
		s.Serviceability == generic.BatteryServiceRequired)
	set(batteryDischarge, s.TimeToDischarge != generic.UnknownBatteryTime, float64(s.TimeToDischarge))
	set(batteryCharge, s.TimeToCharge != generic.UnknownBatteryTime, float64(s.TimeToCharge))
	return true
}

// Restore implements Function.
func (b *batteryFunction) Restore(stored map[string]any, s *State) {
	RestoreValues(b.features, stored, s)
}

// Query implements Function.
func (b *batteryFunction) Query(w *Wanted) []Step {
	wanted := false
	for _, f := range b.features {
		wanted = w.Wants(f.Property) || wanted // each is asked, so that none counts as unknown
	}
	if !wanted {
		return nil
	}
	return []Step{ask(b.features[0].Element, &generic.BatteryGet{}, generic.OpBatteryStatus)}
}
