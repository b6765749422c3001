package part

import (
	"math/bits"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Part is one procedure or role of a node. All methods are called by the core,
// from one goroutine, between the opening and the closing of an input. What a
// part wants done goes to its Host.
type Part interface {
	// Inputs says which inputs the part takes. It never changes.
	Inputs() Inputs
	// Input handles an input. It returns true when no other part needs it.
	Input(in *Input) bool
	// Tick does what is due.
	Tick()
	// NextDeadline is when Tick wants to be called, zero for never.
	NextDeadline() time.Time
	// ConfigurationChanged is called after the keys, the IV index or anything
	// else in the node's state has changed, and once at the start.
	ConfigurationChanged()
	// LeftNetwork is called when the node has left its network, before it waits
	// to be provisioned again. What belonged to the network is forgotten.
	LeftNetwork() error
	// Load takes what Save put into the store before a restart. It is called
	// once, before everything else.
	Load(from Stored) error
	// Save puts what must not be forgotten into the store. The core calls it
	// before the input ends in which the part has asked for it (Host.Save).
	Save(put Put) error
	// Counters adds what the part counts.
	Counters(to *Counters)
}

// Flusher is a part that collects what its state machine puts out, and acts on it
// before the input ends. PDUs that have their sequence numbers already must not
// wait for that: other parts send PDUs with higher numbers meanwhile.
type Flusher interface {
	Part
	// Flush puts it out. The core calls it after the part has asked for it
	// (Host.Wake).
	Flush()
}

// Inputs is a set of kinds of input.
type Inputs uint16

// The kinds of input.
const (
	Beacon       Inputs = 1 << iota // a mesh beacon: Input.PDU
	Provisioning                    // a PB-ADV PDU: Input.PDU
	Message                         // an access message: Input.Message
	Control                         // a transport control message: Input.Control
	Delivery                        // the end of a segmented message: Input.Delivery
	Sighting                        // an advertisement of a mesh service: Input.Sighting
	Link                            // an event of a GATT connection: Input.Link

	// Kinds is how many kinds there are.
	Kinds = 7
)

// Index is the place of a single kind, 0 to Kinds-1.
func (k Inputs) Index() int { return bits.TrailingZeros16(uint16(k)) }

// Input is something that has arrived. Kind says which field is set. It belongs
// to the core and is valid during the call.
type Input struct {
	Kind     Inputs // one
	Origin   Origin // of PDUs and messages
	PDU      []byte
	Message  *AccessMessage
	Control  *ControlMessage
	Delivery *transport.Delivery
	Sighting *bearer.Sighting
	Link     *bearer.LinkEvent
}

// None is a part that does nothing, to embed.
type None struct{}

var _ Part = None{}

// Inputs implements Part.
func (None) Inputs() Inputs { return 0 }

// Input implements Part.
func (None) Input(*Input) bool { return false }

// Tick implements Part.
func (None) Tick() {}

// NextDeadline implements Part.
func (None) NextDeadline() time.Time { return time.Time{} }

// ConfigurationChanged implements Part.
func (None) ConfigurationChanged() {}

// LeftNetwork implements Part.
func (None) LeftNetwork() error { return nil }

// Load implements Part.
func (None) Load(Stored) error { return nil }

// Save implements Part.
func (None) Save(Put) error { return nil }

// Counters implements Part.
func (None) Counters(*Counters) {}
