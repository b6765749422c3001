package part

import (
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Host is the core as its parts see it.
type Host interface {
	// Now is the time of the present input.
	Now() time.Time
	// Random is a source of cryptographic randomness.
	Random() io.Reader
	// Jitter draws a random duration from low up to high.
	Jitter(low, high time.Duration) time.Duration

	// State is the configuration of the node, to be read only. Edit changes it.
	State() *state.Node
	// Edit runs change on the configuration, which is stored before the input
	// ends.
	Edit(change func(*state.Node))
	// ConfigurationChanged makes all parts act by the changed configuration.
	ConfigurationChanged()
	// Wake asks for the part's Flush before the input ends.
	Wake(f Flusher)
	// Save asks for the part's Save before the input ends.
	Save(p Part)
	// Persist stores a change before anything is sent or reported.
	Persist(change store.Change)

	// Report reports an event to the owner of the node.
	Report(e Event)
	// Advertise sends a PDU of at most bearer.MaxPDU octets on the advertising
	// bearer.
	Advertise(kind bearer.Kind, lane bearer.Lane, how bearer.Transmit, pdu []byte)
	// CancelLane drops what waits on a lane of the advertising bearer.
	CancelLane(lane bearer.Lane)
	// Act wants something done with the GATT bearer.
	Act(a GATTAction)
	// CountMalformed counts a PDU or a message of no known form.
	CountMalformed()
	// CountUnsent counts a message that could not be sealed; err says why, and
	// may be nil.
	CountUnsent(err error)
}

// Stored reads what a part has saved under a key of its own; nil when there is
// nothing.
type Stored func(key string) []byte

// Put saves a value under a key of the part's own.
type Put func(key string, value []byte)
