// Package server is what the servers of Mesh Model 1.1 have in common: states
// that take time to change (section 3.1.3), messages that come twice (the
// transaction identifier, section 3.2.1.2), answers, publication of what has
// changed, and memory.
//
// A lamp is one state machine that several servers show, each in its own
// terms (the bindings of sections 3.1 and 6.1):
//
//	 OnOff Set        Level Set       CTL Set
//	     │                │              │
//	┌────▼────┐      ┌────▼────┐    ┌────▼────┐
//	│ Server  │      │ Server  │    │ Server  │   faces: decode, transaction,
//	└────┬────┘      └────┬────┘    └────┬────┘   answer, publication
//	     └────────────────┼──────────────┘
//	              ┌───────▼───────┐
//	     Group ── │    Machine    │   lightness, temperature, ... as Fades
//	              └───────────────┘
//
// When one of them changes the machine, all of them publish: each in a wake of
// its own, for a model publishes with its own configuration only.
package server
