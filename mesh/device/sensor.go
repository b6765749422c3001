package device

import (
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Sensor measures temperature, humidity, light and motion in a room, and has a
// battery. The measured values change with time, in the same way in each run.
type Sensor struct {
	sensors  *sensor.Server
	battery  *generic.Battery
	elements []access.Element

	started time.Time // time of the first measurement
	next    time.Time
}

const sampleInterval = 5 * time.Second

// NewSensor makes a sensor with a full battery.
//
//	element 0   Battery, Sensor and setup
func NewSensor() *Sensor {
	describe := func(id property.ID, f sensor.SamplingFunction) sensor.Descriptor {
		interval := sensor.PeriodOf(sampleInterval)
		return sensor.Descriptor{PropertyID: id, SamplingFunction: f, UpdateInterval: interval}
	}
	s := &Sensor{
		sensors: sensor.NewServer(
			describe(property.PresentAmbientTemperature, sensor.Instantaneous),
			describe(property.PresentAmbientRelativeHumidity, sensor.Instantaneous),
			describe(property.PresentAmbientLightLevel, sensor.Instantaneous),
			describe(property.MotionSensed, sensor.Maximum),
		),
		battery: generic.NewBattery(battery(fullBattery)),
		next:    time.Unix(0, 0), // long past: at once
	}
	s.sensors.SetSource(s)
	s.elements = elements(ProductSensor, append([]access.Model{s.battery.Model()}, s.sensors.Models()...))
	return s
}

// Elements returns the sensor's elements for its node.
func (s *Sensor) Elements() []access.Element { return s.elements }

// Deadline implements sensor.Source.
func (s *Sensor) Deadline() time.Time { return s.next }

// Measure implements sensor.Source.
func (s *Sensor) Measure(now time.Time) {
	if now.Before(s.next) {
		return
	}
	if s.started.IsZero() {
		s.started = now
	}
	s.next = now.Add(sampleInterval)
	r := roomAt(now.Sub(s.started))
	s.set(now, property.PresentAmbientTemperature, r.temperature)
	s.set(now, property.PresentAmbientRelativeHumidity, r.humidity)
	s.set(now, property.PresentAmbientLightLevel, r.illuminance)
	motion := 0.0
	if r.motion {
		motion = 100
	}
	s.set(now, property.MotionSensed, motion)
	s.battery.Set(now, battery(max(fullBattery-int(now.Sub(s.started)/batteryPercent), 1)))
}

// set passes a value to the Sensor Server.
func (s *Sensor) set(now time.Time, id property.ID, value float64) {
	raw, err := property.Encode(id, property.Number(value))
	if err != nil {
		raw = nil // out of the property's range: not known
	}
	s.sensors.Set(now, id, raw)
}

// room is the state of a room.
type room struct {
	temperature float64 // °C
	humidity    float64 // %
	illuminance float64 // lx
	motion      bool
}

// roomAt is a room some time after its first measurement: the heating switches
// on and off in twenty minutes, humidity follows inversely, clouds pass in
// fifteen, and somebody walks by every minute and a half. Sensors of this kind
// round their values, so that noise is not reported.
func roomAt(t time.Duration) room {
	wave := func(period time.Duration) float64 { return math.Sin(2 * math.Pi * t.Seconds() / period.Seconds()) }
	round := func(v, step float64) float64 { return math.Round(v/step) * step }
	heat := wave(20 * time.Minute)
	const visit, stay = 90 * time.Second, 15 * time.Second
	return room{
		temperature: round(21.5+1.5*heat, 0.5),
		humidity:    round(45-4*heat, 1),
		illuminance: round(300+200*wave(15*time.Minute), 50),
		motion:      t%visit >= visit-stay,
	}
}

const (
	fullBattery    = 100
	lowBattery     = 15
	batteryPercent = 6 * time.Hour // the battery loses one percent per this time
)

func battery(percent int) generic.BatteryStatus {
	s := generic.BatteryStatus{
		BatteryLevel:    uint8(percent),
		TimeToDischarge: uint32(time.Duration(percent) * batteryPercent / time.Minute),
		TimeToCharge:    generic.UnknownBatteryTime,
		Presence:        generic.BatteryRemovable,
		Indicator:       generic.BatteryGood,
		Charging:        generic.BatteryNotChargeable,
		Serviceability:  generic.BatteryServiceNotRequired,
	}
	if percent <= lowBattery {
		s.Indicator, s.Serviceability = generic.BatteryLow, generic.BatteryServiceRequired
	}
	return s
}
