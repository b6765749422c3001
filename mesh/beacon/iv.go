package beacon

import "time"

// Limits of the IV update procedure (sections 3.11.5 and 3.11.6).
const (
	MinStateDuration = 96 * time.Hour  // minimum in each state of the procedure
	MaxStateDuration = 144 * time.Hour // maximum in the state IV Update in Progress
	MaxRecoveryAhead = 42              // IV indexes that a recovery may skip
	MinRecoveryPause = 192 * time.Hour // minimum between two recoveries
)

// Decision is what an authenticated beacon means for this node's IV index.
type Decision uint8

// The decisions.
const (
	Ignore  Decision = iota // older than the current state, too far ahead or too early
	Keep                    // the same as the current state
	Follow                  // the next step of the IV update procedure (section 3.11.5)
	Recover                 // several steps were missed (section 3.11.6)
)

// String returns the name of the decision.
func (d Decision) String() string {
	return [...]string{"ignore", "keep", "follow", "recover"}[d&3]
}

// IVConditions is what the decision depends on apart from the beacon.
type IVConditions struct {
	// Elapsed is how long this node's IV index and state have been unchanged,
	// as far as the node knows.
	Elapsed time.Duration
	// Interrupted says that the node was switched off for an unknown time, so
	// that it may have missed any number of steps.
	Interrupted bool
	// Recovered says that the node does not know when the network entered its
	// present state, because of a recovery or of provisioning. The 96 hours
	// then do not apply to the next step.
	Recovered bool
	// HoldRecovery forbids a recovery because the last one was less than 192
	// hours ago.
	HoldRecovery bool
	// TestMode lifts the 96 hours for single steps (section 3.11.5.1).
	TestMode bool
	// FarRecovery allows a recovery by more than 42 indexes, which a node needs
	// that was stored away for years.
	FarRecovery bool
}

// Decide decides what the state in a beacon means for a node with the state
// current. The beacon must be authentic and must belong to the primary subnet,
// or to any subnet if the node is not in the primary one.
//
// The network passes through its states in one direction only and stays in each
// for at least 96 hours:
//
//	n, normal -> n+1, updating -> n+1, normal -> n+2, updating -> ...
//
// So a beacon that is k steps ahead is plausible after k times 96 hours, and at
// once for a node that was switched off. The specification lets any node
// recover at once. Waiting protects it from a faulty or hostile neighbour that
// would raise the IV index, and excludes no node from a network that obeys the
// 96 hours. A single step is not urgent: one step apart, two nodes still
// understand each other.
func Decide(current, received State, c IVConditions) Decision {
	steps := place(received) - place(current)
	ahead := int64(received.IVIndex) - int64(current.IVIndex)
	waits := steps // units of 96 hours until the network can be there
	if c.Recovered {
		waits--
	}
	switch {
	case steps == 0:
		return Keep
	case steps < 0 || ahead > MaxRecoveryAhead && !c.FarRecovery:
		return Ignore
	case steps == 1 && (c.TestMode || int64(c.Elapsed/MinStateDuration) >= waits):
		return Follow
	case steps == 1 || c.HoldRecovery:
		return Ignore
	case c.Interrupted || int64(c.Elapsed/MinStateDuration) >= waits:
		return Recover
	default:
		return Ignore
	}
}

// Before reports whether the network passes through s before other.
func (s State) Before(other State) bool { return place(s) < place(other) }

// place numbers the states in the order in which the network passes through
// them.
func place(s State) int64 {
	p := 2 * int64(s.IVIndex)
	if s.IVUpdate {
		p--
	}
	return p
}
