package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// OnOffClient is the Generic OnOff Client (section 3.3.7.1) of a button or a
// wall switch: it publishes commands.
type OnOffClient struct {
	sender
}

// NewOnOffClient makes the model.
func NewOnOffClient() *OnOffClient { return &OnOffClient{sender{id: OnOffClientID}} }

// Set publishes a Generic OnOff Set Unacknowledged as a new transaction, and
// reports whether the model has a publish address.
func (c *OnOffClient) Set(ctx access.Context, on bool) bool {
	return ctx.Publish(&OnOffSetUnacknowledged{OnOffSet{OnOff: on, TID: c.nextTID()}})
}

// LevelClient is the Generic Level Client (section 3.3.7.2) of a dial, or of a
// button that dims while it is held.
type LevelClient struct {
	sender
	delta int32
}

// NewLevelClient makes the model.
func NewLevelClient() *LevelClient { return &LevelClient{sender: sender{id: LevelClientID}} }

// Set publishes a Generic Level Set Unacknowledged.
func (c *LevelClient) Set(ctx access.Context, level int16) bool {
	return ctx.Publish(&LevelSetUnacknowledged{LevelSet{Level: level, TID: c.nextTID()}})
}

// Delta begins to turn: it publishes a Generic Delta Set Unacknowledged in a
// new transaction.
func (c *LevelClient) Delta(ctx access.Context, delta int32) bool {
	c.nextTID()
	c.delta = 0
	return c.Turn(ctx, delta)
}

// Turn continues to turn in the same transaction: delta is the total since
// Delta (section 3.3.2.2.3).
func (c *LevelClient) Turn(ctx access.Context, delta int32) bool {
	c.delta += delta
	return ctx.Publish(&DeltaSetUnacknowledged{DeltaSet{DeltaLevel: c.delta, TID: c.tid}})
}

// Move publishes a Generic Move Set Unacknowledged: delta per transition time
// until Move with 0.
func (c *LevelClient) Move(ctx access.Context, delta int16, per TransitionTime) bool {
	return ctx.Publish(&MoveSetUnacknowledged{MoveSet{
		DeltaLevel: delta, TID: c.nextTID(), Transition: Transition{Present: true, Time: per},
	}})
}

// sender is a client model that only sends. It stores its last transaction
// identifier, so that its first message after a restart does not look like a
// repetition.
type sender struct {
	id  mesh.ModelID
	tid uint8
}

func (s *sender) nextTID() uint8 {
	s.tid++
	return s.tid
}

// ID implements access.Model.
func (s *sender) ID() mesh.ModelID { return s.id }

// Opcodes implements access.Model.
func (s *sender) Opcodes() []mesh.Opcode { return nil }

// Receive implements access.Model.
func (s *sender) Receive(access.Context, *access.Incoming) {}

// State implements access.Persistent.
func (s *sender) State() []byte { return []byte{s.tid} }

// Restore implements access.Persistent.
func (s *sender) Restore(state []byte) error {
	if len(state) == 1 {
		s.tid = state[0]
	}
	return nil
}
