package beacon

import "time"

// Limits of the IV update procedure (sections 3.11.5 and 3.11.6).
const (
	MinStateDuration = 96 * time.Hour  // in each state of the procedure
	MaxStateDuration = 144 * time.Hour // of IV Update in Progress
	MaxRecoveryAhead = 42              // IV indexes that a recovery may skip
	MinRecoveryPause = 192 * time.Hour // between two recoveries
)

// Decision is what an authenticated beacon means for this node's IV index.
type Decision uint8

// The decisions.
const (
	Ignore  Decision = iota // behind us, too far ahead or too early
	Keep                    // says what we know
	Follow                  // the next step of the IV update procedure (section 3.11.5)
	Recover                 // several steps were missed (section 3.11.6)
)

// String names the decision.
func (d Decision) String() string {
	return [...]string{"ignore", "keep", "follow", "recover"}[d&3]
}

// IVConditions is what the decision depends on besides the beacon.
type IVConditions struct {
	// Elapsed is how long this node's IV index and state have been as they
	// are, as far as the node can tell.
	Elapsed time.Duration
	// Interrupted says that the node was switched off for a time which it
	// cannot tell: it may have missed any number of steps.
	Interrupted bool
	// Recovered says that the node does not know when the network came into
	// the present state, after a recovery or a provisioning: the 96 hours do
	// not hold for the next step.
	Recovered bool
	// HoldRecovery forbids a recovery, as the last one was less than 192 hours
	// ago.
	HoldRecovery bool
	// TestMode lifts the 96 hours for single steps (section 3.11.5.1).
	TestMode bool
	// FarRecovery allows to recover by more than 42 indexes, as a node that
	// was kept in a drawer for years has to.
	FarRecovery bool
}

// Decide says what the state in a beacon means for a node whose state is
// current. The beacon is authentic and of the primary subnet, or of the only
// subnets that this node is in.
//
// The network passes through its states one way only and stays in each for 96
// hours or more:
//
//	n, normal -> n+1, updating -> n+1, normal -> n+2, updating -> ...
//
// So a beacon that is k steps ahead is believable after k times 96 hours, and
// at once for a node that was switched off. The specification lets any node
// recover at once; waiting protects it from a faulty or hostile neighbour that
// would drive the IV index up, and keeps no node away from a network that obeys
// the 96 hours. A single step is no reason for a hurry: one step apart, two
// nodes still understand each other.
func Decide(current, received State, c IVConditions) Decision {
	steps := place(received) - place(current)
	ahead := int64(received.IVIndex) - int64(current.IVIndex)
	waits := steps // of 96 hours each, until the network can be there
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

// Before reports whether the network passes through s earlier than through
// other.
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
