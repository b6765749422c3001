// Package refresh changes a NetKey of a network, and the AppKeys that are bound
// to it, on all nodes (Mesh Protocol 1.1, section 3.11.4). Nodes that are left
// out cannot read the network any more: that is how one is removed that cannot
// be reset (section 3.11.7).
//
//	Distribute                  Switch                   Revoke
//	every node gets the keys,   all send with the new    all forget the old keys
//	all send with the old       keys and read both
//	┌──────────────────────┐    ┌──────────────────┐     ┌──────────────────┐
//	│ NetKey Update        │    │ Key Refresh      │     │ Key Refresh      │
//	│ AppKey Update, ...   │──▶ │ Phase Set 2      │ ──▶ │ Phase Set 3      │──▶ Done
//	└──────────────────────┘    │ beacon, flag 1   │     │ beacon, flag 0   │
//	                            └──────────────────┘     └──────────────────┘
//
// A phase ends when every node has confirmed it. A node that sleeps is tried
// again and again, and at once when something is heard of it; for one that never
// comes back the phase goes on when the operator says so or patience ends. Who
// has no new keys then is left behind, and has to be provisioned again.
//
// Refresh is a pure state machine like the core of a node: no clock, no I/O. It
// is stored whenever it has changed, before anything is done, and everything it
// wants done may be done twice. So it goes on after a crash at any point.
package refresh
