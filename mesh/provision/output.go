package provision

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Output is what the caller has to do for a session, in this order: cancel, then
// store and report the Events, then send. So a result is on disk before the
// peer receives the acknowledgement. The caller owns the Output, may pass it to
// several calls and several sessions, and empties it with Reset.
type Output struct {
	// Cancel lists the lanes whose earlier PDUs need not be transmitted any
	// more, because they were acknowledged or are obsolete.
	Cancel []bearer.Lane
	// Events are steps and results.
	Events []Event
	// Send lists PDUs of kind bearer.Provisioning on the lane of their link.
	Send []bearer.Outgoing
	// Carry lists provisioning PDUs for links that the caller provides, in
	// order. A link over PB-ADV has none.
	Carry []CarriedPDU
	// End lists links that the caller provides and that have to be closed once
	// what Carry has for them is sent. Disconnected follows.
	End []CarriedEnd
}

// Reset empties the output and keeps its memory.
func (o *Output) Reset() {
	clear(o.Events) // they contain keys
	clear(o.Carry)
	o.Cancel, o.Events, o.Send = o.Cancel[:0], o.Events[:0], o.Send[:0]
	o.Carry, o.End = o.Carry[:0], o.End[:0]
}

// Step is the progress of a session. Its text is stable and is shown to users.
type Step string

// The steps of a session in order. A failure can follow any of them.
const (
	LinkOpening     Step = "link_opening" // provisioner only
	LinkOpened      Step = "link_open"
	RecordsGot      Step = "records"      // provisioner only, if it requested them; Event.Records is set
	Invited         Step = "invite"       // device only; Event.Attention is set
	CapabilitiesGot Step = "capabilities" // provisioner only; Event.Capabilities is set, Accept or Abort must follow
	Started         Step = "start"
	PublicKeysGot   Step = "public_key"
	OOBWanted       Step = "oob_wanted" // the session waits for Input; Event.Prompt is set
	OOBShown        Step = "oob_shown"  // the value has to be displayed and entered at the peer; Event.Prompt is set
	Confirming      Step = "confirmation"
	Authenticated   Step = "random" // the peer has proved that it knows the authentication value
	DataSent        Step = "data"   // provisioner only
	Completed       Step = "complete"
	Failed          Step = "failed"      // Event.Failure is set
	LinkClosed      Step = "link_closed" // device only, after Completed
)

// Event is one step of one session.
type Event struct {
	UUID mesh.UUID // of the device
	Link uint32    // link identifier
	Step Step

	Capabilities *Capabilities // with CapabilitiesGot
	Attention    uint8         // with Invited: seconds to attract attention for, 0 to stop
	Node         *Node         // with Completed, on the provisioner
	Joined       *Joined       // with Completed, on the device
	Failure      *Failure      // with Failed
	Prompt       *Prompt       // with OOBWanted and OOBShown
	Start        *Start        // with Started
	Records      Records       // with RecordsGot, and on the provisioner
}

// Network is what every device of a network receives (section 5.4.2.5).
type Network struct {
	Key        crypto.Key
	Index      mesh.KeyIndex
	KeyRefresh bool // the key refresh is in phase 2
	IVUpdate   bool // an IV update is in progress
	IVIndex    mesh.IVIndex
}

// Node is the result of a session for the provisioner: a device that has become
// a node. It has Elements consecutive unicast addresses, starting at Address.
type Node struct {
	UUID      mesh.UUID
	DeviceKey crypto.Key
	NetKey    mesh.KeyIndex
	Address   mesh.Address
	Elements  uint8
	Algorithm Algorithm
	Method    AuthMethod
}

// Joined is the result of a session for the device: the network that it now
// belongs to.
type Joined struct {
	Network   Network
	Address   mesh.Address
	DeviceKey crypto.Key
}
