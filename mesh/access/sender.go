package access

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Sender is a Context in which a model may send a message that is not an
// answer: a report to the client that started something.
type Sender interface {
	Send(to Recipient, m Message)
}

// Recipient is a node that a model sends to, with an AppKey that is bound to
// the model.
type Recipient struct {
	Dst    mesh.Address
	AppKey mesh.KeyIndex
	TTL    mesh.TTL // mesh.DefaultTTL: the node's default TTL
}

// AppKeyChecker is a Context that knows which AppKeys its node has.
type AppKeyChecker interface {
	HasAppKey(index mesh.KeyIndex) bool
}
