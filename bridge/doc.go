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
package bridge
