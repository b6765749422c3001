// Package lanes is the queue of a radio: which PDU goes on the air next.
//
//	Push ─▶ own messages ── to 0x0005 ─▶ ▮▮▮ ┐
//	                     ── to 0x0009 ─▶ ▮   │
//	                     ── to groups ─▶ ▮   ├─ Pop ─▶ advertising set ─▶ Done
//	        relayed      ── from ...   ─▶ ▮▮ │
//	        PB-ADV links ── link ...   ─▶ ▮  │
//	        beacons                    ─▶ ▮  ┘
//
// One PDU of a lane is on the air at a time; PDUs of different lanes go in parallel
// over the advertising sets of the controller. There are four kinds of lanes
// (bearer.Lane.Kind). Each has its own room, and they take turns, as do the lanes of
// one kind: a flood of messages to relay neither fills nor delays the queue of this
// node's own messages.
//
// # Order of own messages
//
// A receiver drops a message whose sequence number is lower than one that it has
// accepted from the same source (section 3.9.8). It sees two kinds of our messages:
// those to its own addresses, which share a lane and so stay in order, and those to
// groups and virtual addresses, which anybody may subscribe to. A message to a group therefore keeps its
// place among all own messages: it starts when everything that was pushed before it
// is done, and what is pushed after it waits until it is done.
package lanes
