package homeassistant

import "github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"

// This file maps features to the concepts of Home Assistant: platforms, device
// classes and state classes.

// The platforms (https://www.home-assistant.io/integrations/mqtt).
const (
	platformLight        = "light"
	platformSwitch       = "switch"
	platformSensor       = "sensor"
	platformBinarySensor = "binary_sensor"
	platformNumber       = "number"
	platformSelect       = "select"
	platformText         = "text"
	platformEvent        = "event"
)

// Platform returns the platform that shows a feature, "" if there is none.
func Platform(f *translate.Feature) string {
	settable := f.Access&translate.Settable != 0
	choose := func(set, shown string) string {
		if settable {
			return set
		}
		return shown
	}
	switch {
	case f.Event:
		return platformEvent
	case f.Type == translate.TypeComposite && (f.Name == platformLight || f.Name == platformSwitch):
		return f.Name
	case f.Type == translate.TypeNumeric:
		return choose(platformNumber, platformSensor)
	case f.Type == translate.TypeBinary:
		return choose(platformSwitch, platformBinarySensor)
	case f.Type == translate.TypeEnum:
		return choose(platformSelect, platformSensor)
	case f.Type == translate.TypeText:
		return choose(platformText, platformSensor)
	default:
		return ""
	}
}

// The state classes: how Home Assistant computes statistics of a number.
const (
	measurement = "measurement"
	total       = "total_increasing"
	angle       = "measurement_angle"
)

// stateClass is the state class of a number.
func stateClass(name string) string {
	switch name {
	case "energy", "energy_since_turn_on", "load_energy", "apparent_energy",
		"runtime", "power_on_time", "runtime_since_turn_on", "light_exposure_time",
		"light_source_on_time", "light_source_on_time_resettable",
		"off_on_cycles", "power_on_cycles", "starts", "light_source_starts", "light_source_power_on_cycles":
		return total
	case "wind_direction", "apparent_wind_direction":
		return angle
	default:
		return measurement
	}
}

// sensorClass is the device class of a sensor, by the name of the feature; ""
// for none.
func sensorClass(name string) string {
	switch name {
	case "temperature", "indoor_temperature", "outdoor_temperature", "desired_temperature", "device_temperature",
		"light_source_temperature", "reference_temperature", "dew_point", "heat_index", "wind_chill":
		return "temperature"
	case "humidity", "indoor_humidity", "outdoor_humidity":
		return "humidity"
	case "power", "load_power":
		return "power"
	case "energy", "energy_since_turn_on", "load_energy":
		return "energy"
	case "current", "output_current", "average_input_current", "average_output_current", "light_source_current":
		return "current"
	case "voltage", "output_voltage", "supply_voltage", "average_input_voltage", "average_output_voltage", "light_source_voltage":
		return "voltage"
	case "wind_speed", "apparent_wind_speed":
		return "wind_speed"
	case "wind_direction", "apparent_wind_direction":
		return "wind_direction"
	case "time_since_motion", "time_since_presence", "runtime", "power_on_time", "runtime_since_turn_on",
		"light_exposure_time", "light_source_on_time", "light_source_on_time_resettable",
		"battery_time_left", "battery_time_to_full":
		return "duration"
	case "illuminance", "pressure", "apparent_power", "power_factor", "battery":
		return name
	case "co2":
		return "carbon_dioxide"
	case "voc":
		return "volatile_organic_compounds_parts"
	case "noise":
		return "sound_pressure"
	case "air_pressure":
		return "atmospheric_pressure"
	case "rainfall":
		return "precipitation"
	case "supply_frequency":
		return "frequency"
	default:
		return ""
	}
}

// binaryClass is the device class of a binary sensor, by the name of the
// feature; "" for none.
func binaryClass(name string) string {
	switch name {
	case "occupancy", "motion", "battery_charging":
		return name
	case "battery_low":
		return "battery"
	case "battery_service":
		return "problem"
	default:
		return ""
	}
}
