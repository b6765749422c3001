package access

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Client is a client model whose messages the program handles outside the node.
// It appears in the composition data and accepts no messages.
type Client mesh.ModelID

// ID implements Model.
func (c Client) ID() mesh.ModelID { return mesh.ModelID(c) }

// Opcodes implements Model.
func (Client) Opcodes() []mesh.Opcode { return nil }

// Receive implements Model.
func (Client) Receive(Context, *Incoming) {}
