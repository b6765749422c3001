// Package translate turns access messages into attributes of a device, the way
// they stand in its MQTT topics, and attributes into access messages.
//
//	Light CTL Status 3000 K  ──▶  {"state":"ON","brightness":128,
//	                               "color_mode":"color_temp","color_temp":3000}
//
//	{"color":{"h":240,"s":100}}  ──▶  Light HSL Set
//
// The README beside this file has the tables: which model becomes what, units,
// event types and formulas.
//
// A device is a number of things, made out of the models of its composition:
// a light out of OnOff, Level, Lightness and CTL servers, a switch out of an
// OnOff server alone, sensors out of a Sensor server, buttons out of client
// models. A Translator knows the things of one device and what they last
// reported. It has no clock and does no I/O.
package translate

import (
	"encoding/json"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Kind is what a thing is for a user; the words are Home Assistant's.
type Kind string

// The kinds of things.
const (
	Light        Kind = "light"
	Switch       Kind = "switch"
	Sensor       Kind = "sensor"
	BinarySensor Kind = "binary_sensor"
	Button       Kind = "event"
)

// Thing is one function of a device, as Home Assistant makes an entity of it.
type Thing struct {
	Kind    Kind
	Element int // index, the primary element is 0
	// Key names the thing within the device, in letters, digits and
	// underscores: "light", "temperature", "light_2". It does not change.
	Key string
	// Attribute is the key in the state document that a sensor's or switch's
	// value stands under; for a light that of its on/off state.
	Attribute string
	// Suffix is what the keys of this thing end with when the device has
	// several of its kind: "", "_2".
	Suffix string

	// Of a light.
	Brightness, ColorTemp, Color bool
	MinKelvin, MaxKelvin         int

	// Of a sensor, in Home Assistant's words; empty when there is none.
	Name        string
	DeviceClass string
	Unit        string
	StateClass  string
	Diagnostic  bool
	Disabled    bool // not shown unless the user asks for it
	Precision   int  // digits after the point that mean something; -1 unknown

	// Of a button.
	EventTypes []string
}

// Event is what a client model of the device did: a button was pressed.
type Event struct {
	Type       string         // "on", "brightness_up", ...
	Element    int            // index
	Attributes map[string]any // further facts, such as "brightness"
}

// Update is what a message of the device means.
type Update struct {
	// Changed is the attributes that the message gave another value than they
	// had. A value of nil means unknown.
	Changed map[string]any
	Events  []Event
	// Known is false for a message that has no translation.
	Known bool
}

// Action is one message to the device that a command asks for.
type Action struct {
	Element int // index of the element to send to
	Message access.Message
	// Respond is the opcode of the status that acknowledges it.
	Respond mesh.Opcode
	// Accept tells whether a status with that opcode is the answer; nil takes
	// any. It is called in the order of arrival and belongs to one sending.
	Accept func(params []byte) bool
}

// Input is a message from the device.
type Input struct {
	Time    time.Time
	Element int          // index of the element that sent it
	Dst     mesh.Address // the bridge, a group
	Opcode  mesh.Opcode
	Params  []byte
}

// Translator translates for one device. It belongs to one goroutine.
type Translator interface {
	// Things lists the functions of the device in a lasting order.
	Things() []Thing
	// State is all attributes with what was last reported; nil is unknown.
	State() map[string]any
	// Restore sets attributes to what was stored.
	Restore(state map[string]any)
	// Receive translates a message from the device.
	Receive(in Input) Update
	// Command turns attributes into messages, in the order to send them. An
	// error names the attribute, what was expected and what came. element is
	// "" or the element of the topic: its index, or the key of a thing.
	Command(element string, attributes map[string]json.RawMessage) ([]Action, error)
	// Query is the messages that ask the device for attributes; for all when
	// names is empty.
	Query(element string, names []string) ([]Action, error)
}
