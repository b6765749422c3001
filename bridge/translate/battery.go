package translate

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"

// battery is a Generic Battery server.
type battery struct {
	element int
	things  []Thing
	values  []any // as in batteryThings; nil is unknown
}

// The things of a battery, in the order of their values.
const (
	batteryLevel = iota
	batteryLow
	batteryCharging
	batteryService
	batteryDischarge
	batteryCharge
)

func newBattery(element int) *battery {
	b := &battery{element: element, values: make([]any, batteryCharge+1)}
	b.things = []Thing{
		batteryLevel:     {Kind: Sensor, Key: "battery", Name: "Battery", DeviceClass: "battery", Unit: "%", StateClass: measured, Precision: 0},
		batteryLow:       {Kind: BinarySensor, Key: "battery_low", Name: "Battery low", DeviceClass: "battery", Precision: -1},
		batteryCharging:  {Kind: BinarySensor, Key: "battery_charging", Name: "Battery charging", DeviceClass: "battery_charging", Precision: -1},
		batteryService:   {Kind: BinarySensor, Key: "battery_service", Name: "Battery needs service", DeviceClass: "problem", Precision: -1, Disabled: true},
		batteryDischarge: {Kind: Sensor, Key: "battery_time_left", Name: "Battery time left", DeviceClass: "duration", Unit: "min", StateClass: measured, Precision: 0, Disabled: true},
		batteryCharge:    {Kind: Sensor, Key: "battery_time_to_full", Name: "Battery time to full", DeviceClass: "duration", Unit: "min", StateClass: measured, Precision: 0, Disabled: true},
	}
	for i := range b.things {
		t := &b.things[i]
		t.Element, t.Attribute, t.Diagnostic = element, t.Key, true
	}
	return b
}

func (b *battery) attributes(state map[string]any) {
	for i, t := range b.things {
		state[t.Attribute] = b.values[i]
	}
}

func (b *battery) receive(s *generic.BatteryStatus) {
	clear(b.values)
	if s.Presence == generic.BatteryNotPresent {
		return
	}
	set := func(i int, known bool, v any) {
		if known {
			b.values[i] = v
		}
	}
	set(batteryLevel, s.BatteryLevel != generic.UnknownBatteryLevel, float64(s.BatteryLevel))
	set(batteryLow, s.Indicator != generic.BatteryIndicatorUnknown, s.Indicator <= generic.BatteryLow)
	set(batteryCharging, s.Charging != generic.BatteryChargingUnknown, s.Charging == generic.BatteryIsCharging)
	set(batteryService, s.Serviceability == generic.BatteryServiceNotRequired || s.Serviceability == generic.BatteryServiceRequired,
		s.Serviceability == generic.BatteryServiceRequired)
	set(batteryDischarge, s.TimeToDischarge != generic.UnknownBatteryTime, float64(s.TimeToDischarge))
	set(batteryCharge, s.TimeToCharge != generic.UnknownBatteryTime, float64(s.TimeToCharge))
}
