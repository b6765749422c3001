package blob

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// PersistentSink is a Sink whose object survives a restart of the node as part of
// the server's state, together with the transfer.
type PersistentSink interface {
	Sink
	// Written returns the part of the object received so far.
	Written() []byte
	// Rewrite restores that part after a restart.
	Rewrite(data []byte)
}

// kept is what a server stores: after a restart, a running transfer is
// suspended, and the current block is transferred again.
//
//	| version 8 | TransferPhase 8 | TransferMode 2, RFU 6 | BLOBID 64 | TTL 8 | TimeoutBase 16 |
//	| BLOBSize 32 | BlockSizeLog 8 | MTU 16 | length 16 | BlocksNotReceived | the object |
type kept struct {
	phase       Phase
	mode        Mode
	id          ID
	ttl         mesh.TTL
	timeoutBase uint16
	size        uint32
	blockLog    uint8
	mtu         uint16
	blocks      []byte
	data        []byte
}

const keptVersion = 1

// Fields implements access.Part.
func (k *kept) Fields(c *access.Codec) {
	version := uint8(keptVersion)
	c.Uint8("version", &version)
	c.Require(version == keptVersion, "version", "1")
	k.phase.visit(c)
	k.mode.visit(c)
	c.Reserved(6)
	Visit(c, "blobid", &k.id)
	c.Uint8("ttl", (*uint8)(&k.ttl))
	c.Uint16("timeout_base", &k.timeoutBase)
	c.Uint32("blob_size", &k.size)
	c.Uint8("block_size_log", &k.blockLog)
	c.Uint16("mtu", &k.mtu)
	length := uint16(len(k.blocks))
	c.Uint16("length", &length)
	c.Bytes("blocks_not_received", &k.blocks, int(length))
	c.Rest("data", &k.data)
}

// State implements access.Persistent. It changes with each block, not with each
// chunk.
func (s *Server) State() []byte {
	if s.state != nil {
		return s.state
	}
	s.state = []byte{}
	sink, keeps := s.sink.(PersistentSink)
	if !keeps || s.phase == Inactive || s.phase == WaitingForStart {
		return s.state
	}
	k := kept{
		phase: s.phase, mode: s.mode, id: s.id, ttl: s.ttl, timeoutBase: s.timeoutBase, size: s.size, blockLog: s.blockLog, mtu: s.mtu,
		blocks: s.blocks, data: sink.Written(),
	}
	if s.phase != Complete {
		k.phase = Suspended
	}
	if state, err := access.AppendPart(nil, &k); err == nil {
		s.state = state
	}
	return s.state
}

// Restore implements access.Persistent. The model above continues the transfer
// with Resume.
func (s *Server) Restore(state []byte) error {
	if len(state) == 0 {
		return nil
	}
	var k kept
	if err := access.DecodePart(state, &k); err != nil {
		return fmt.Errorf("BLOB transfer: %w", err)
	}
	if k.size == 0 || k.size > s.limits.MaxBLOBSize || k.blockLog < s.limits.MinBlockSizeLog || k.blockLog > s.limits.MaxBlockSizeLog ||
		len(k.blocks) != (blockCount(k.size, k.blockLog)+7)/8 || len(k.data) > int(k.size) || k.phase != Suspended && k.phase != Complete {
		return fmt.Errorf("BLOB transfer: expected a transfer within the server's limits, got a stored one of %d octets in blocks of 2^%d", k.size, k.blockLog)
	}
	s.forget()
	s.phase, s.mode, s.id, s.ttl, s.timeoutBase = k.phase, k.mode, k.id, k.ttl, k.timeoutBase
	s.size, s.blockLog, s.mtu, s.blocks, s.restored = k.size, k.blockLog, k.mtu, k.blocks, k.data
	return nil
}

// Resume passes the restored data to the sink, and reports whether there is a
// transfer of that object, suspended or complete. Otherwise the server drops
// what it has.
func (s *Server) Resume(id ID, sink PersistentSink) bool {
	if s.phase == Inactive || s.id != id {
		s.forget()
		return false
	}
	s.sink = sink
	sink.Rewrite(s.restored)
	s.restored = nil
	return true
}

// answerTo is the client that started a block after a restart.
func (s *Server) answerTo(in *access.Incoming) {
	if s.client.Dst == mesh.Unassigned {
		s.client = access.Recipient{Dst: in.Src, AppKey: in.AppKey, TTL: s.ttl}
	}
}
