// Package bluez drives BlueZ's mesh daemon for tests: a stranger's mesh stack,
// which knows the specification from elsewhere. It is reached over D-Bus, as
// BlueZ's doc/mesh-api.txt of version 5.66 describes.
//
//	test                        | D-Bus, a bus for each daemon   | controller
//	Application ── Join, ...  ──▶ Network1    ┐
//	            ── Send, ...  ──▶ Node1       │ bluetooth-meshd ──▶ hciN
//	            ── AddNode, ...─▶ Management1 ┘
//	            ◀── JoinComplete ── Application1, ProvisionAgent1, Provisioner1
//	            ◀── MessageReceived ── Element1
//
// [Start] starts a [Daemon] on a controller that is down. [Daemon.Application]
// makes an [Application] of what a [Device] says, which becomes a node in one of
// three ways: [Application.Join] waits to be provisioned, [Application.CreateNetwork]
// begins a network, [Application.Import] takes a node's keys from elsewhere. With
// [Application.Attach] it gets a [Node], by which it sends and manages keys.
// What the daemon calls is remembered in order and waited for.
//
// What 5.66 cannot do: GATT bearers, virtual addresses as a destination of Send,
// the Health models, to keep a node whose application has other models than
// before, and to begin or end an IV Update when it is told to: it begins one when
// half of its sequence numbers are used, ends it after 96 hours, and knows no test
// mode. [Daemon.SetSequence] puts a stopped daemon there. Of two nodes it beacons
// every ten seconds, so that the other one says its own ever more rarely: it is
// heard soon only after a start or a change.
package bluez
