// Package commission turns a freshly provisioned node into one that the bridge
// can use: it reads what the node consists of and configures it through its
// Configuration Server (Mesh Protocol 1.1, section 4.3).
//
//	composition ─ AppKey ─ bindings ─ publications ─ ranges and descriptors
//
// Every model that uses application messages gets the bridge's AppKey. Every model
// that has something to report publishes to the bridge, so that the bridge sees a
// lamp that is switched at the wall and a button that is pressed.
package commission
