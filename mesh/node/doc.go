// Package node is one Bluetooth Mesh node, put together from the layers below
// it: network, transport and access (Mesh Protocol 1.1, chapter 3), with the
// provisioning of chapter 5 on either side: over its own radio, through another
// node (Provision.Via), or of a node that is renewed (Refresh).
//
//	             Receive(PDU)        Request, Provision, WithModel
//	                  │                          │
//	┌─────────────────▼──────────────────────────▼──────────────┐
//	│ Core  network ─ relay ─ transport ─ access ─ models       │
//	│       no I/O, no clock, no goroutine, one input at a time │
//	└─────────────────┬─────────────────────────────────────────┘
//	                  ▼ Output, in this order
//	     Replay ─ Persist ─ Cancel ─ Send ─ GATT ─ Report
//
// Over connections the same goes on beside (ReceiveSighting, ReceiveLink;
// Output.GATT):
//
//	links.go         the connections, and what each of them carries
//	proxyclient.go   the proxies that this node uses
//	solicit.go       and those that it wakes
//	proxyserver.go   the clients that use this node, and how they find it
//	pbgatt.go        provisioning, of others and of this node
//	gatt.go          what is asked of the radio
//
// Core is the whole behaviour as a pure state machine: a thousand of them run
// in one test in fake time, and a crash can be put between any two inputs. Node
// is a Core in a goroutine of its own, with a store and a radio. The same Core
// is the gateway (with client models and Options.Monitor), a virtual lamp (with
// server models), and an unprovisioned device. With state.Friend it keeps messages
// for Low Power nodes (mesh/friend); with Options.LowPower it is one.
package node
