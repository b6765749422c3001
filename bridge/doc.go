// Package bridge joins a mesh network and an MQTT broker: what nodes report
// becomes state in topics, what is written to command topics becomes messages
// to nodes.
//
//	              ┌───────────────── Service ─────────────────┐
//	node.Event ──▶│ device by address ─▶ translate ─▶ state   │──▶ B/NAME
//	              │                                           │
//	B/NAME/set ──▶│ merge ─▶ translate ─▶ one sender a device │──▶ node.Request
//	              │                                           │
//	B/bridge/ ───▶│ requests: provision, interview, rename .. │──▶ B/bridge/response/
//	request/X     └───────────────────────────────────────────┘
//
// All that the Service knows belongs to one goroutine, its loop. What takes
// time (a message to a node, a provisioning) runs in a goroutine of its own
// that gives its outcome back to the loop.
//
// The log has the same words for the same things everywhere: device (friendly
// name), uuid, src, dst (addresses), element (index), opcode, access_message
// (its name in the specification), fields or hex, topic, adapter. At the level
// info there is what changes the network and what goes wrong; at debug every
// message. Keys are in none.
package bridge
