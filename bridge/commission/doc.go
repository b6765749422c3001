// Package commission turns a freshly provisioned node into one that the bridge
// can use: it reads what the node consists of and configures it through its
// Configuration Server (Mesh Protocol 1.1, section 4.3).
//
//	composition ─ AppKey ─ bindings ─ publications ─ ranges and descriptors
//
// Every model that speaks in application messages gets the bridge's AppKey,
// and every model with something to tell publishes to the bridge, so that a
// lamp switched at the wall is seen, and a button that is pressed.
package commission
