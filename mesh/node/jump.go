package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// A backup is older than what the node has sent since. What is restored from it
// begins behind all numbers that can have been used.
const (
	// jumpLeast is for what was sent in bursts: 2^18 numbers are seven hours of
	// ten PDUs in a second, and 64 restores out of one IV index.
	jumpLeast = 1 << 18
	// jumpSpread is what a restore skips in addition, at random, so that two copies
	// of one backup do not begin at the same number. A restored bridge that sends
	// 1000 PDUs meets another one with a probability of 1 in 1000.
	jumpSpread = 1 << 21
	// jumpRate is how many PDUs a second a node sends in the long run at most;
	// section 3.4.6.3 wants less than 100 in ten seconds.
	jumpRate = 10
	// jumpRoom is what must be left: enough for the 96 hours until an IV Update
	// is allowed.
	jumpRoom = 1 << 20
)

// ErrJump is returned when a backup is so old that the numbers sent since may
// be all that there are.
var ErrJump = errors.New("node: the backup is too old to go on with: all sequence numbers may have been used since; import the network with another address instead")

// Jump describes a restore, for JumpBeyond.
type Jump struct {
	// Age is the time since the backup, or since it was last restored.
	Age time.Duration
	// From is the number at which a bridge began that was restored from the same
	// backup before; 0 for none.
	From mesh.SequenceNumber
	// Used are newer values of Reserves, as the manifest of the store has them
	// that is replaced.
	Used []store.Change
	// Random adds a random number; nil adds none.
	Random io.Reader
}

// JumpSequence is JumpBeyond for a backup that was not restored before.
func JumpSequence(s store.Store, age time.Duration) (skipped mesh.SequenceNumber, err error) {
	skipped, _, err = JumpBeyond(s, Jump{Age: age})
	return skipped, err
}

// JumpBeyond makes a node that was restored from a backup begin behind every
// sequence number that it can have used since. It returns how many numbers it
// skipped, and the first one that the node uses. The network may have moved to another
// IV index meanwhile, where the numbers began at zero again, or behind those of an
// earlier restore. So the node skips as many there, and sends nothing until it has
// learned that IV index.
func JumpBeyond(s store.Store, j Jump) (skipped, first mesh.SequenceNumber, err error) {
	data, err := s.Get(TableNode, keySequence)
	if err != nil {
		return 0, 0, fmt.Errorf("node: the backup has no sequence reserve: %w", err)
	}
	q, err := sequence.Decode(data)
	if err != nil {
		return 0, 0, err
	}
	base, later := max(q.Limit(), j.From), mesh.SequenceNumber(0)
	for _, c := range j.Used {
		if c.Table != TableNode || c.Key != keySequence {
			continue
		}
		used, err := sequence.Decode(c.Value)
		if err != nil {
			return 0, 0, err
		}
		base = max(base, used.Limit())
		if used.IVIndex() > q.IVIndex() {
			later = used.Limit() + jumpLeast
		}
	}
	to := int64(base) + jumpLeast + int64(max(j.Age, 0)/time.Second)*jumpRate
	const most = int64(mesh.MaxSequenceNumber) - jumpRoom
	if to > most {
		return 0, 0, ErrJump
	}
	if j.Random != nil {
		var b [8]byte
		if _, err := io.ReadFull(j.Random, b[:]); err != nil {
			return 0, 0, fmt.Errorf("node: no randomness for a restore: %w", err)
		}
		to += int64(binary.BigEndian.Uint64(b[:])>>1) % max(min(jumpSpread, (most-to)/4), 1)
	}
	jump := to - int64(q.Limit())
	if max(int64(q.Floor())+jump, int64(later)) > most {
		return 0, 0, ErrJump
	}
	q.Skip(mesh.SequenceNumber(jump), mesh.MaxSequenceNumber, mesh.SequenceNumber(jump))
	q.Raise(later)
	if data, err = s.Get(TableNode, keyState); err != nil {
		return 0, 0, fmt.Errorf("node: the backup has no node in it: %w", err)
	}
	n, err := state.Decode(data)
	if err != nil {
		return 0, 0, fmt.Errorf("node: %w", err)
	}
	solicited, err := skipSolicitations(s, mesh.SequenceNumber(jump))
	if err != nil {
		return 0, 0, err
	}
	n.IVIndexUnknown = n.IsProvisioned()
	if data, err = n.Encode(); err != nil {
		return 0, 0, fmt.Errorf("node: %w", err)
	}
	if err := s.Apply(
		store.Change{Table: TableNode, Key: keyState, Value: data},
		store.Change{Table: TableNode, Key: keySequence, Value: q.Encode()},
		solicited,
	); err != nil {
		return 0, 0, fmt.Errorf("node: %w", err)
	}
	return mesh.SequenceNumber(jump), mesh.SequenceNumber(to), nil
}

// skipSolicitations makes the solicitations of a restored node begin behind those
// that it can have sent since the backup, which are fewer than its messages.
func skipSolicitations(s store.Store, by mesh.SequenceNumber) (store.Change, error) {
	var q sequence.Reserve
	data, err := s.Get(TableNode, gatt.KeySolicit)
	if err == nil {
		q, err = sequence.Decode(data)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Change{}, fmt.Errorf("node: the backup has no usable solicitation sequence numbers: %w", err)
	}
	q.Skip(by, mesh.MaxSequenceNumber, 0)
	return store.Change{Table: TableNode, Key: gatt.KeySolicit, Value: q.Encode()}, nil
}
