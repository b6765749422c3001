// Package translate turns access messages from a device into attributes of its
// MQTT topics, and attributes of a command into access messages.
//
// A device is a list of functions: a light, a switch, a sensor, a battery, a
// button. A table of families builds them from the models in the composition
// data (Mesh Model 1.1), so that a light takes the OnOff, Lightness and CTL
// servers of its element, and an element with nothing but an OnOff server is a
// switch.
//
//	message                  function                  state of the device
//	Light CTL Status  ─────▶ light.Report  ──────────▶ {"state":"ON","brightness":128,
//	50 %, 3000 K                                        "color_mode":"color_temp","color_temp":3000}
//	Generic OnOff Set ─────▶ button.Report ──────────▶ event {"event_type":"on"}
//
//	command                  function          plan                send
//	{"brightness":128} ────▶ light.Plan  ────▶ Light Lightness ──▶ payload 82 4c 80 80 07
//	                                           Set, 0x8080         transaction identifier 7
//	names of attributes ───▶ light.Query ────▶ Light CTL Get   ──▶ payload 82 5d
//
// A function describes itself by its features: name, type, range, unit, step
// and access of each value. The package derives from them how a command is read
// and what its errors say. Front ends derive what they show: package
// homeassistant the entities of Home Assistant, the bridge the exposes in
// bridge/devices. No front end needs to know a family, and no family knows a
// front end.
//
// # Plans
//
// Plan and Query return messages and change nothing. Send is called when the
// messages are about to be sent. It draws the transaction identifiers and
// records what the functions expect, such as the report of a whole colour. End
// is called when no more answers are to come. If one is missing, the functions
// stop expecting it:
//
//	steps, err := device.Plan("", attributes) // as often as you like
//	sending, err := device.Send(steps)
//	for _, m := range sending.Messages { … }  // one request after the other
//	changed := sending.End(answered)
//
// # Adding a family
//
// Write one file with a type that implements Function, and add one row to the
// table in Families: a name, the models, a constructor. The constructor gets a
// Place, which has the models that are left on the element, takes those of other
// elements, and gives the features their numbers (state_2). ReadOnly,
// RestoreValues and Confirm are the usual implementations of what most families
// have in common. family_test.go adds a family in this way.
// The interview binds the models to an AppKey. Those that are to publish to the
// bridge are listed in package commission.
//
// docs/models.md has the tables for users: which model becomes what, units,
// event types and formulas.
//
// The package has no clock and does no I/O. A Device belongs to one goroutine.
package translate
