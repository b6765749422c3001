package provision

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// DefaultTransmit is how often the bearer shall advertise a PDU of a link, and
// how far apart.
func DefaultTransmit() bearer.Transmit {
	return bearer.Transmit{Count: 3, Interval: 20 * time.Millisecond}
}

// Counters counts what a session dropped.
type Counters struct {
	Malformed    uint64 // no PB-ADV PDU, or with prohibited values
	Contradicted uint64 // segments that do not fit together
	BadFCS       uint64
	Duplicate    uint64 // known segments and finished transactions
	Stray        uint64 // segments and acknowledgements that nobody waited for
}

// LinkOf reads the link identifier of a PB-ADV PDU, so that a node finds the
// session. It reports false when the PDU is too short to be one.
func LinkOf(pdu []byte) (uint32, bool) { panic("TODO") }
