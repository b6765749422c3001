package node

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Output is what a Core wants done after an input. Whoever drives the Core
// carries it out in the order of the fields (Keep does the first three).
//
// What a message did, be it to the state of a model or as an event, must not
// last before the replay entry that keeps the message from coming again does: a
// crash between the two may lose the message, which its sender repeats with
// another sequence number, but not let it act twice. And a PDU must not go on
// the air before the sequence reserve that covers it is on disk. An Output is
// valid until the next input.
type Output struct {
	Replay  []store.ReplayEntry
	Persist []store.Change
	// ForgetReplay asks for all replay entries but those in Replay to be
	// dropped, for the node has left its network or joined one.
	ForgetReplay bool
	Cancel       []bearer.Lane
	Send         []bearer.Outgoing
	GATT         []GATTAction
	Report       []Event
}

func (o *Output) reset() {
	o.Replay = o.Replay[:0]
	o.Persist = o.Persist[:0]
	o.ForgetReplay = false
	o.Cancel = o.Cancel[:0]
	o.Send = o.Send[:0]
	clear(o.GATT)
	o.GATT = o.GATT[:0]
	o.Report = o.Report[:0]
}

// Event is something that happened on the node: one of the types below.
type Event interface{ isEvent() }

// MessageReceived is an access message for this node, reported by a node with
// Options.Monitor. Params belongs to the receiver of the event.
type MessageReceived struct {
	Src, Dst  mesh.Address
	NetKey    mesh.KeyIndex
	AppKey    mesh.KeyIndex // meaningless when DeviceKey is set
	DeviceKey bool
	TTL       mesh.TTL // as it arrived
	RSSI      int8     // of the last hop, dBm
	Opcode    mesh.Opcode
	Params    []byte
}

// DeviceHeard is an unprovisioned device beacon, at most one in a few seconds
// for each device.
type DeviceHeard struct {
	UUID mesh.UUID
	OOB  uint16 // OOB Information (table 3.54)
	RSSI int8
	// Adapter is the radio that heard it.
	Adapter uint8
	// Bearer is what it offers to be provisioned over: PB-ADV or PB-GATT. A
	// device that offers both is reported for each.
	Bearer provision.Bearer
	// Via is the node that heard it, for a device that was found by a Remote
	// Provisioning Server; unassigned for this node itself.
	Via mesh.Address
}

// ProvisioningStep says how far a provisioning has come, in a word of the
// specification.
type ProvisioningStep struct {
	UUID mesh.UUID
	Step string
	// Prompt says what somebody has to do, with oob_wanted and oob_shown. What
	// is wanted goes to ProvisioningInput.
	Prompt *provision.Prompt
	// Offers is what the device can do, with capabilities.
	Offers *provision.Capabilities
	// Start is what was chosen of it, with start.
	Start *provision.Start
}

// ProvisioningDone ends a provisioning. Peer is the new node when Err is nil;
// it is in the store already.
type ProvisioningDone struct {
	UUID mesh.UUID
	Peer state.Peer
	Err  error
}

// RequestDone ends a request.
type RequestDone struct {
	ID       RequestID
	Response Response
	Err      error
}

// Joined says that this node was provisioned as a device.
type Joined struct {
	Address mesh.Address
	NetKey  mesh.KeyIndex
}

// Left says that this node was removed from its network by a Config Node
// Reset.
type Left struct{}

// IVIndexChanged says that the network moved to another IV index, or into or
// out of an IV Update.
type IVIndexChanged struct {
	IVIndex mesh.IVIndex
	Update  bool
}

func (MessageReceived) isEvent()  {}
func (DeviceHeard) isEvent()      {}
func (ProvisioningStep) isEvent() {}
func (ProvisioningDone) isEvent() {}
func (RequestDone) isEvent()      {}
func (Joined) isEvent()           {}
func (Left) isEvent()             {}
func (IVIndexChanged) isEvent()   {}

// FriendshipChanged says that a friendship began or ended, on either side.
type FriendshipChanged struct {
	LPN, Friend mesh.Address
	Established bool
	Reason      string // why it ended
}

// HeartbeatReceived is a heartbeat for this node, reported by a node with
// Options.Monitor.
type HeartbeatReceived struct {
	Src, Dst mesh.Address
	Hops     uint8  // 1 for a neighbour
	Features uint16 // in use at the source, as in composition data
	RSSI     int8   // of the last hop, dBm
}

func (FriendshipChanged) isEvent() {}
func (HeartbeatReceived) isEvent() {}

// earliest returns the earlier of two deadlines; zero means none.
func earliest(a, b time.Time) time.Time {
	switch {
	case a.IsZero():
		return b
	case b.IsZero() || a.Before(b):
		return a
	default:
		return b
	}
}

// due reports whether a deadline is set and has come.
func due(deadline, now time.Time) bool { return !deadline.IsZero() && !deadline.After(now) }
