// Package node is one Bluetooth Mesh node (Mesh Protocol 1.1): network, transport
// and access layer, the models, and all procedures around them, from provisioning
// to the IV Update.
//
//	        Receive(PDU), ReceiveLink, Tick      Request, Provision, Edit
//	                      │                              │
//	┌─────────────────────▼──────────────────────────────▼────────────────────┐
//	│ Core   no I/O, no clock, no goroutine, one input at a time              │
//	│  ┌───────────────────────────────┐   ┌────────────────────────────────┐ │
//	│  │ router                        │   │ parts                          │ │
//	│  │  network, relay, bridge,      │◀─▶│  keys, requests, models,       │ │
//	│  │  friend queue, transport      │   │  friendship, provisioning, ... │ │
//	│  └───────────────────────────────┘   └────────────────────────────────┘ │
//	└─────────────────────┬───────────────────────────────────────────────────┘
//	                      ▼ Output, in this order
//	   Replay ─ Persist ─ Cancel ─ Send ─ GATT ─ Report
//
// [Core] is the whole behaviour as a pure state machine. A thousand of them run in
// one test in fake time, and a crash can be put between any two inputs. [Node] is a
// Core in its own goroutine, with a store and a radio.
//
// The same Core is a gateway (with client models and Options.Monitor), a virtual
// lamp (with server models), and an unprovisioned device. With state.Friend it keeps
// messages for Low Power nodes; with Options.LowPower it is one.
//
// # The path of an input
//
// Every input passes one wrapper, Core.input. It moves the time on, runs the input,
// and closes it: all parts add what they collected to the Output, and so do the
// changes that must be stored. Take only returns it. An input that changes nothing,
// such as a duplicate PDU, costs nothing once it is recognized.
//
// # Parts
//
// A part is one procedure or role: it gets the inputs that it asks for, knows its
// next deadline, acts on changed configuration, and stores what it must not forget.
// Package part has the interface. Parts see the core as a narrow host, and each
// other through interfaces that the using part declares. The table in parts.go
// lists them in their order; each is a package below internal:
//
//	sequence      sequence numbers, reserved before they are used (3.4.4.5)
//	router        network and transport layers, the way of every PDU (3.4 to 3.6)
//	keys          credentials and ciphers of the keys, Key Refresh (3.9, 3.11.4)
//	peers         other nodes, unicast addresses, exclusions (3.9.8)
//	ivupdate      IV Update and IV Index Recovery (3.11.5, 3.11.6)
//	requests      messages that are repeated until they are answered (3.7.4.2)
//	models        models, replies, publications, composition (3.7)
//	friendship    Friend and Low Power node (3.6.6)
//	heartbeats    publication and subscription (3.6.7)
//	beacons       secure network and private beacons (3.10)
//	gatt          proxy client and server, solicitation, connections (6, 7)
//	provisioner   provisioner, remote provisioning client, device (5)
//	remoteserver  Remote Provisioning Server (4.4.5)
package node
