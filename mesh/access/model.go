package access

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Incoming is an access message that reached a model: it was decrypted, it is
// no replay, it is addressed to the model's element, and the key is bound to
// the model.
type Incoming struct {
	Src, Dst  mesh.Address
	NetKey    mesh.KeyIndex
	AppKey    mesh.KeyIndex // meaningless when DeviceKey is set
	DeviceKey bool          // encrypted with a device key instead of an AppKey
	TTL       mesh.TTL      // as it arrived
	RSSI      int8          // of the last hop, dBm
	Opcode    mesh.Opcode
	Params    []byte // valid until Receive returns
}

// Context is what a model may ask of its node while it handles an input. It is
// valid until the call it was passed to returns.
type Context interface {
	// Now is the time of the input; models have no other clock.
	Now() time.Time
	// Reply answers the message being handled: to its source, with its keys.
	// Outside Receive it does nothing.
	Reply(m Message)
	// Publish sends m as the model's publication says (section 3.7.6.1), and
	// reports false when the model has no publish address.
	Publish(m Message) bool
}

// Model is the behaviour of one model instance on one element (section 3.7.4).
// A node calls its models from one goroutine; a model keeps no goroutine and
// no clock of its own.
type Model interface {
	ID() mesh.ModelID
	// Opcodes lists the messages that the model takes; it never changes.
	Opcodes() []mesh.Opcode
	// Receive handles one message.
	Receive(ctx Context, in *Incoming)
}

// Waker is a model that acts at a time of its own: a transition that goes on,
// a sensor that reports. The zero time means nothing is due.
type Waker interface {
	NextDeadline() time.Time
	Wake(ctx Context)
}

// Publisher is a model with a state to publish when its publication has a
// period (section 4.2.3.3).
type Publisher interface {
	PublishPeriodically(ctx Context)
}

// Hastener is a Publisher that publishes more often than the period of its
// publication says while it has reason to. The node asks after each call of
// the model.
type Hastener interface {
	Hasten(period time.Duration) time.Duration
}

// Persistent is a model whose state outlives a restart of its node. The node
// saves what State returns after each input that changed it.
type Persistent interface {
	State() []byte
	Restore(state []byte) error
}

// Element is an addressable part of a node (section 3.7.2) with its models in
// the order of the composition data.
type Element struct {
	Location uint16 // GATT namespace descriptor of the Assigned Numbers
	Models   []Model
}
