package part

import (
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Request is an access message to another node. With a Response opcode it is
// acknowledged: it is sent again, the same octets and so the same transaction
// identifier, until the response comes (section 3.7.4.2).
type Request struct {
	Dst     mesh.Address
	NetKey  mesh.KeyIndex // for a device key; an AppKey knows its own
	Key     transport.Key // an AppKey, or the device key of the destination's node
	TTL     mesh.TTL      // mesh.DefaultTTL: the node's
	Payload []byte        // opcode and parameters, 1 to 380 octets
	Respond mesh.Opcode   // opcode of the response, 0 for none
	// Accept tells whether a message with that opcode is the response to this
	// request; nil takes any. The node's goroutine calls it.
	Accept func(params []byte) bool
	// Class is what the request is for, and Flow who sends it. They decide when it is
	// its turn.
	Class Class
	Flow  Flow
	// Offline says that the node is not expected to answer: it was not heard before
	// the last restart. Until it is heard it is treated as silent.
	Offline bool
	// Ignorable says that the node may not know the message, and then ignores it: that
	// it does not answer does not mean that it is dead.
	Ignorable bool
	// Attempts is how often to send at most; 0 means DefaultAttempts. A node that has
	// not answered several attempts in a row gets one.
	Attempts int
	// Wait is how long the first attempt waits for the response; 0 for what a
	// node needs that answers at once.
	Wait time.Duration
	// Done is told of the end instead of a RequestDone event, for what the node
	// itself asks.
	Done func(Response, error)
}

// DefaultAttempts gives a node about twenty seconds to answer.
const DefaultAttempts = 12

// RequestID names a request until its RequestDone.
type RequestID uint64

// Response is how a request ended.
type Response struct {
	Src      mesh.Address
	Opcode   mesh.Opcode
	Params   []byte // belongs to the receiver
	Attempts int
	RTT      time.Duration // from the first attempt to the response
}

// Errors that end a request.
var (
	ErrNoResponse = errors.New("node: the node did not answer")
	ErrQueueFull  = errors.New("node: too many messages are waiting to be sent") // a *BusyError says how many
	ErrCancelled  = errors.New("node: the request was cancelled")
	ErrNotSent    = errors.New("node: the message was not acknowledged in full by the node")
)
