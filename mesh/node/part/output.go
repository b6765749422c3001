package part

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Output is what a core wants done after an input, in the order of the fields.
//
// A message must not have a lasting effect, on the state of a model or as an
// event, before the replay entry that keeps it from acting again is stored. A
// crash between the two may lose the message, which its sender repeats with
// another sequence number, but it cannot act twice. And a PDU must not go on the
// air before the sequence reserve that covers it is on disk. An Output is valid
// until the next input.
type Output struct {
	Replay  []store.ReplayEntry
	Persist []store.Change
	// ForgetReplay drops all replay entries but those in Replay: the node has
	// left its network or joined one.
	ForgetReplay bool
	Cancel       []bearer.Lane
	Send         []bearer.Outgoing
	GATT         []GATTAction
	Report       []Event
}

// Reset empties the output for the next input.
func (o *Output) Reset() {
	o.Replay = o.Replay[:0]
	o.Persist = o.Persist[:0]
	o.ForgetReplay = false
	o.Cancel = o.Cancel[:0]
	o.Send = o.Send[:0]
	clear(o.GATT)
	o.GATT = o.GATT[:0]
	o.Report = o.Report[:0]
}
