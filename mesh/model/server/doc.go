// Package server contains what the server models of Mesh Model 1.1 have in
// common: states with transitions (section 3.1.3), repeated messages (the
// transaction identifier, section 3.2.1.2), answers, publication of changes,
// and storage.
//
// A lamp is one state machine with several servers as views, each with its own
// states (the bindings of sections 3.1 and 6.1):
//
//	 OnOff Set        Level Set       CTL Set
//	     │                │              │
//	┌────▼────┐      ┌────▼────┐    ┌────▼────┐
//	│ Server  │      │ Server  │    │ Server  │   views: decode, transaction,
//	└────┬────┘      └────┬────┘    └────┬────┘   answer, publication
//	     └────────────────┼──────────────┘
//	              ┌───────▼───────┐
//	     Group ── │    Machine    │   lightness, temperature, ... as Fades
//	              └───────────────┘
//
// When one of them changes the machine, all of them publish. Each does so when
// it is woken, because a model publishes with its own configuration only.
package server
