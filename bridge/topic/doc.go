// Package topic is the grammar of the bridge's MQTT topics. It builds and parses every
// topic, so that no other package joins strings with slashes.
//
//	B/NAME                         state of a device or group          out, retained
//	B/NAME/set    B/NAME/get       command, query                      in
//	B/NAME/set/ATTR                command for one attribute           in
//	B/NAME/ELEMENT/set             command for one element             in
//	B/NAME/set/response            outcome of a command                out
//	B/NAME/availability            online or offline                   out, retained
//	B/NAME/event                   a button, a switch                  out
//	B/NAME/message                 a message without translation       out
//	B/bridge/state|info|...        the bridge itself                   out
//	B/bridge/request/X             a request to the bridge             in
//	B/bridge/response/X            its answer                          out
//
// B is the base topic. Both B and NAME may contain slashes, so a topic alone does not
// say where a name ends: "B/kitchen/left/set" is the device
// "kitchen/left" or the element "left" of the device "kitchen". [Topics.Parse]
// asks which names exist, and a whole name goes before an element. Words that
// the grammar uses are not allowed as a segment of a name ([CheckName]), and so
// everything else is unambiguous.
package topic
