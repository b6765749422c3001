package access

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Incoming is an access message for a model. It has been decrypted, it is not a
// replay, it is addressed to the model's element, and its key is bound to the
// model.
type Incoming struct {
	Src, Dst  mesh.Address
	NetKey    mesh.KeyIndex
	AppKey    mesh.KeyIndex // not valid if DeviceKey is set
	DeviceKey bool          // encrypted with a device key instead of an AppKey
	TTL       mesh.TTL      // as received
	RSSI      int8          // of the last hop, dBm
	Opcode    mesh.Opcode
	Params    []byte // valid until Receive returns
}

// Context is what a node offers its models while they handle an input. It is
// valid until the call that it was passed to returns.
type Context interface {
	// Now is the time of the input. Models have no other clock.
	Now() time.Time
	// Reply answers the message being handled: to its source, with its key.
	// Outside Receive it does nothing.
	Reply(m Message)
	// Publish sends m according to the model's publication (section 3.7.6.1).
	// It returns false if the model has no publish address.
	Publish(m Message) bool
}

// Model is the behaviour of one model instance on one element (section 3.7.4).
// A node calls its models from one goroutine. A model has no goroutine and no
// clock.
type Model interface {
	ID() mesh.ModelID
	// Opcodes lists the messages that the model accepts. The list never
	// changes.
	Opcodes() []mesh.Opcode
	// Receive handles one message.
	Receive(ctx Context, in *Incoming)
}

// Waker is a model that acts on its own at certain times: during a transition,
// or when a sensor reports. The zero time means that nothing is due.
type Waker interface {
	NextDeadline() time.Time
	Wake(ctx Context)
}

// Publisher is a model that publishes its state periodically if its publication
// has a period (section 4.2.3.3).
type Publisher interface {
	PublishPeriodically(ctx Context)
}

// FastPublisher is a Publisher that may publish more often than the period of its
// publication, such as a Health Server with faults (Fast
// Period Divisor). The node asks it after each call of the model.
type FastPublisher interface {
	FastPeriod(period time.Duration) time.Duration
}

// Persistent is a model with state that survives a restart of its node. The
// node stores what State returns after each input that changed it.
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
