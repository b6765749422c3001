// Package refresh performs a key refresh: it replaces a NetKey of a network,
// and the AppKeys bound to it, on all nodes (Mesh Protocol 1.1, section
// 3.11.4). Nodes that are left out can no longer access the network. This is
// the way to remove a node that cannot be reset (section 3.11.7).
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
// A phase ends when every node has confirmed it. A sleeping node is tried
// repeatedly, and at once when it is heard. If a node never answers, the phase
// ends at the operator's request or when the patience has expired. A node
// without the new keys is then left behind and has to be provisioned again.
//
// Refresh is a pure state machine like the core of a node: no clock, no I/O. It
// is stored whenever it has changed, before anything is done, and everything it
// requests may be done twice. So it can continue after a crash at any point.
package refresh
