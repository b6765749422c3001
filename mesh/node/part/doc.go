// Package part is what the core of a node and its parts share.
//
// A node (Mesh Protocol 1.1, chapter 3) runs many procedures side by side:
// requests, friendship, the proxy protocol, provisioning, IV Update, beacons and
// more. Each is a [Part]: a state machine without I/O, clock or goroutine, which
// can be read, tested and removed on its own. The core hosts them:
//
//	             input, with its time and Origin
//	                       │
//	┌──────────────────────▼───────────────────────┐
//	│ core: opens the input, routes it, closes it  │
//	└──┬──────────────┬──────────────┬─────────────┘
//	   ▼              ▼              ▼
//	┌────────┐    ┌────────┐    ┌────────┐
//	│ Part A │    │ Part B │    │ Part C │   see the core as a Host,
//	└──┬─────┘    └──┬─────┘    └──┬─────┘   and each other through small
//	   └──────────────┼────────────┘         their own interfaces
//	                  ▼
//	    Output: replay, persist, send, report
//
// A new part takes one file and one line in the table of package node. It embeds
// None and overrides what it needs. A part that works with others is also a field of
// assembly there, and assemble passes the others to it. Access messages are sent with
// Send of the router, which a part takes as an interface of its own as well.
package part
