package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/ivupdate"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// What the owner of a node and its parts share is declared in package part.
type (
	// Options configure a node. All but Elements and Random may be zero.
	Options = part.Options
	// DeviceOptions configure an unprovisioned device.
	DeviceOptions = part.DeviceOptions
	// OOBDevice is what an unprovisioned device has out of band.
	OOBDevice = part.OOBDevice
	// FriendOptions bound the Friend feature.
	FriendOptions = part.FriendOptions
	// LowPowerOptions configure a Low Power node.
	LowPowerOptions = part.LowPowerOptions
	// ProxyOptions is a node's part in the proxy protocol.
	ProxyOptions = part.ProxyOptions
	// ClientMode is when a node uses a proxy.
	ClientMode = part.ClientMode
	// AddressRange is the unicast addresses that a provisioner gives out.
	AddressRange = part.AddressRange
	// Exclusion is the unicast addresses of a node that has left the network.
	Exclusion = part.Exclusion

	// Output is what a Core wants done after an input.
	Output = part.Output
	// GATTAction is something to be done with the GATT bearer.
	GATTAction = part.GATTAction
	// Connect makes a connection.
	Connect = part.Connect
	// Disconnect ends a connection.
	Disconnect = part.Disconnect
	// Write sends the Proxy PDUs of one message.
	Write = part.Write
	// Advertise sets what is advertised so that others connect.
	Advertise = part.Advertise
	// Counters counts what the node dropped and did since it was made.
	Counters = part.Counters
	// GATTCounters counts what a node did over connections.
	GATTCounters = part.GATTCounters

	// Request is an access message to another node.
	Request = part.Request
	// RequestID names a request until its RequestDone.
	RequestID = part.RequestID
	// Class is what a request is for.
	Class = part.Class
	// Flow is who sends a request.
	Flow = part.Flow
	// BusyError is the error of a request that was refused.
	BusyError = part.BusyError
	// RequestQueue describes the requests that have not ended.
	RequestQueue = part.RequestQueue
	// Response is how a request ended.
	Response = part.Response
	// Provision is which device to provision, and how.
	Provision = part.Provision
	// Certificate asks for certificate-based provisioning.
	Certificate = part.Certificate
	// BearerChoice is what a device is to be provisioned over.
	BearerChoice = part.BearerChoice
	// Refresh is what to renew on a node that is in the network.
	Refresh = part.Refresh
)

// The events that a node reports, of Output.Report and Config.Report.
type (
	// Event is something that happened on the node: one of the types below.
	Event = part.Event
	// MessageReceived is an access message, with Options.Monitor.
	MessageReceived = part.MessageReceived
	// HeartbeatReceived is a heartbeat, with Options.Monitor.
	HeartbeatReceived = part.HeartbeatReceived
	// DeviceHeard is an unprovisioned device.
	DeviceHeard = part.DeviceHeard
	// ProvisioningStep reports the progress of a provisioning.
	ProvisioningStep = part.ProvisioningStep
	// ProvisioningDone ends a provisioning.
	ProvisioningDone = part.ProvisioningDone
	// RefreshDone ends a Refresh.
	RefreshDone = part.RefreshDone
	// RequestDone ends a request.
	RequestDone = part.RequestDone
	// Joined says that this node was provisioned.
	Joined = part.Joined
	// Left says that this node has left its network.
	Left = part.Left
	// ResetRefused says that this node was to leave its network, and stayed.
	ResetRefused = part.ResetRefused
	// IVIndexClaimed says that a beacon alone wants another IV index.
	IVIndexClaimed = part.IVIndexClaimed
	// SourceSilenced says that messages of a source are refused as replays.
	SourceSilenced = part.SourceSilenced
	// OwnAddressHeard says that somebody else uses this node's address.
	OwnAddressHeard = part.OwnAddressHeard
	// KeyRefreshHeld says that a Key Refresh waits for another node.
	KeyRefreshHeld = part.KeyRefreshHeld
	// ConfigurationRefused says that somebody wanted to change this node, in vain.
	ConfigurationRefused = part.ConfigurationRefused
	// KeysGiven says that somebody gave keys to this node.
	KeysGiven = part.KeysGiven
	// IVIndexChanged says that the network moved in the IV Update procedure.
	IVIndexChanged = part.IVIndexChanged
	// KeyRefreshChanged says that a subnet moved in the Key Refresh procedure.
	KeyRefreshChanged = part.KeyRefreshChanged
	// KeysChanged says that keys were added or removed.
	KeysChanged = part.KeysChanged
	// FriendshipChanged says that a friendship began or ended.
	FriendshipChanged = part.FriendshipChanged
	// ProxyConnected says that this node is the client of a proxy.
	ProxyConnected = part.ProxyConnected
	// ProxyLost says that a connection to a proxy has ended.
	ProxyLost = part.ProxyLost
	// ProxyFailed says that an attempt to use a proxy has failed.
	ProxyFailed = part.ProxyFailed
	// Faulted says that the node could not do something that nobody waits for.
	Faulted = part.Faulted
)

// Values of ClientMode, BearerChoice and Class, and the default number of attempts.
const (
	ClientOff  = part.ClientOff
	ClientAuto = part.ClientAuto
	ClientOn   = part.ClientOn

	AnyBearer  = part.AnyBearer
	OnlyPBADV  = part.OnlyPBADV
	OnlyPBGATT = part.OnlyPBGATT

	DefaultAttempts = part.DefaultAttempts

	ClassCommand       = part.ClassCommand
	ClassConfiguration = part.ClassConfiguration
	ClassProbe         = part.ClassProbe
	ClassTransfer      = part.ClassTransfer
	Classes            = part.Classes
)

// UnknownRSSI is the signal strength that nobody has measured.
const UnknownRSSI = part.UnknownRSSI

// Errors of a node. Their texts say what to do.
var (
	ErrNoResponse        = part.ErrNoResponse
	ErrQueueFull         = part.ErrQueueFull
	ErrCancelled         = part.ErrCancelled
	ErrNotSent           = part.ErrNotSent
	ErrNotProvisioned    = part.ErrNotProvisioned
	ErrProvisioning      = part.ErrProvisioning
	ErrNoProvisioning    = part.ErrNoProvisioning
	ErrTooManySessions   = part.ErrTooManySessions
	ErrNoAddresses       = part.ErrNoAddresses
	ErrNotSighted        = part.ErrNotSighted
	ErrUnknownServer     = part.ErrUnknownServer
	ErrServerBusy        = part.ErrServerBusy
	ErrNotRenewed        = part.ErrNotRenewed
	ErrUncertain         = part.ErrUncertain
	ErrSequenceExhausted = sequence.ErrSpent
	ErrNoIVIndex         = ivupdate.ErrNoIVIndex
	ErrIVUpdating        = ivupdate.ErrUpdating
	ErrIVNormal          = ivupdate.ErrNormal
	ErrIVPrimary         = ivupdate.ErrPrimary
	ErrIVTooEarly        = ivupdate.ErrTooEarly
	ErrIVIndexExhausted  = ivupdate.ErrIndexSpent
)
