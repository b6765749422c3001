package part

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Event is something that happened on the node, most of them one of the types
// below. NodeEvent only marks them.
type Event interface{ NodeEvent() }

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
	// Bearer is the provisioning bearer that it offers: PB-ADV or PB-GATT. A
	// device that offers both is reported for each.
	Bearer provision.Bearer
	// Via is the node that heard it, for a device that was found by a Remote
	// Provisioning Server; unassigned for this node itself.
	Via mesh.Address
}

// ProvisioningStep reports the progress of a provisioning, in a term of the
// specification.
type ProvisioningStep struct {
	UUID mesh.UUID
	Step string
	// Prompt is what the user has to do, with oob_wanted and oob_shown. The value
	// for oob_wanted goes to ProvisioningInput.
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

// ProxyConnected says that this node is the client of a proxy, which has shown
// that it has the key of the network.
type ProxyConnected struct {
	Peer   bearer.Peer
	Node   mesh.Address // of its primary element
	NetKey mesh.KeyIndex
}

// ProxyLost says that a connection to a proxy has ended that had shown that it has the
// key. Err is nil when this node did not want it any more.
type ProxyLost struct {
	Peer   bearer.Peer
	Node   mesh.Address
	NetKey mesh.KeyIndex
	Err    error
	// Mute: this node ended it, because devices fell silent behind the proxy.
	Mute bool
}

// ProxyFailed says that an attempt to use a proxy has failed: no connection was made,
// or the peer did not show that it has the key of the network. Anybody can advertise
// what a proxy advertises.
type ProxyFailed struct {
	Peer     bearer.Peer
	Node     mesh.Address // that it claims to be, unassigned if none
	NetKey   mesh.KeyIndex
	Err      error
	Failures int           // in a row
	Wait     time.Duration // until it may be tried again
}

// RefreshDone ends a Refresh. Peer is the node as it is from now on, when Err is
// nil; it is in the store already.
type RefreshDone struct {
	UUID mesh.UUID
	Peer state.Peer
	Err  error
}

// KeyRefreshChanged says that a subnet of this node moved to another phase of
// its Key Refresh procedure. NormalOperation is the end of it.
type KeyRefreshChanged struct {
	NetKey mesh.KeyIndex
	Phase  state.Phase
}

// ResetRefused says that a Configuration Client wanted to remove this node from
// its network, and that Options.Resident kept it there.
type ResetRefused struct{ By mesh.Address }

// KeyRefreshHeld says that a beacon wants this node, which has Options.Resident, to
// go on with a Key Refresh whose new NetKey no other node has sent with yet. The
// node asks other nodes, and goes on when one of them answers.
type KeyRefreshHeld struct{ NetKey mesh.KeyIndex }

// IVIndexClaimed says that a beacon wants this node to go to an IV index where it
// would be alone if the network were not there. The node receives messages with both,
// and goes there when another node has used that IV index, or none has used the
// present one. With Contradicted another node has used the present one, and this node
// stays.
type IVIndexClaimed struct {
	IVIndex      mesh.IVIndex
	Update       bool
	Contradicted bool
}

// SourceSilenced says that messages of a source are refused as replays though
// their numbers go up, or, with Refused 0, that one was accepted again. Somebody has
// sent in its name with a high sequence number, or it has lost its own. Giving it
// another address helps (Refresh), and so does another IV index.
type SourceSilenced transport.Silence

// OwnAddressHeard says that a PDU from an address of this node was on the air that this
// node has not sent: it has a sequence number that this node has not used, or, with
// Old, one that it used long ago. Another node has the address, for example one with a
// copy of this node's store, or somebody sends in its name. It is reported at most once
// in ten seconds.
type OwnAddressHeard struct {
	Src     mesh.Address
	IVIndex mesh.IVIndex
	Seq     mesh.SequenceNumber // of the PDU
	Next    mesh.SequenceNumber // that this node would have used next
	// Skipped says that this node goes on behind Seq. It does not when that would
	// leave it less than half of its sequence numbers.
	Skipped bool
	Old     bool // the number was used more than a minute ago
	Adapter uint8
	RSSI    int8   // dBm, of the last hop
	Count   uint64 // of such PDUs since the start
}

// ConfigurationRefused says that a Configuration Client wanted to change this node
// in a way that could have taken the network away from it, and that the node did
// not obey because of Options.Resident. Params belongs to the receiver of the
// event, and has no keys in it.
type ConfigurationRefused struct {
	By     mesh.Address
	Opcode mesh.Opcode
	Params []byte
}

// KeysGiven says that a Configuration Client has added or updated keys of a node
// with Options.Resident, or has moved a Key Refresh on.
type KeysGiven struct {
	By     mesh.Address
	Opcode mesh.Opcode
}

// KeysChanged says that keys were added or removed, locally or over the air.
type KeysChanged struct{}

// Faulted says that a part could not do something that nobody waits for: a
// change that could not be stored, for example.
type Faulted struct{ Err error }

// NodeEvent implements Event.
func (MessageReceived) NodeEvent() {}

// NodeEvent implements Event.
func (DeviceHeard) NodeEvent() {}

// NodeEvent implements Event.
func (ProvisioningStep) NodeEvent() {}

// NodeEvent implements Event.
func (ProvisioningDone) NodeEvent() {}

// NodeEvent implements Event.
func (RequestDone) NodeEvent() {}

// NodeEvent implements Event.
func (Joined) NodeEvent() {}

// NodeEvent implements Event.
func (Left) NodeEvent() {}

// NodeEvent implements Event.
func (IVIndexChanged) NodeEvent() {}

// NodeEvent implements Event.
func (FriendshipChanged) NodeEvent() {}

// NodeEvent implements Event.
func (HeartbeatReceived) NodeEvent() {}

// NodeEvent implements Event.
func (ProxyConnected) NodeEvent() {}

// NodeEvent implements Event.
func (ProxyLost) NodeEvent() {}

// NodeEvent implements Event.
func (ProxyFailed) NodeEvent() {}

// NodeEvent implements Event.
func (RefreshDone) NodeEvent() {}

// NodeEvent implements Event.
func (KeyRefreshChanged) NodeEvent() {}

// NodeEvent implements Event.
func (ResetRefused) NodeEvent() {}

// NodeEvent implements Event.
func (KeyRefreshHeld) NodeEvent() {}

// NodeEvent implements Event.
func (IVIndexClaimed) NodeEvent() {}

// NodeEvent implements Event.
func (SourceSilenced) NodeEvent() {}

// NodeEvent implements Event.
func (OwnAddressHeard) NodeEvent() {}

// NodeEvent implements Event.
func (ConfigurationRefused) NodeEvent() {}

// NodeEvent implements Event.
func (KeysGiven) NodeEvent() {}

// NodeEvent implements Event.
func (KeysChanged) NodeEvent() {}

// NodeEvent implements Event.
func (Faulted) NodeEvent() {}
