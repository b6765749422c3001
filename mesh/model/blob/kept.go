package blob

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// KeepingSink is a Sink whose object outlives a restart of the node in the state
// of the server, and the transfer with it.
type KeepingSink interface {
	Sink
	// Written is the object as far as it has come.
	Written() []byte
	// Rewrite is that again after a restart.
	Rewrite(data []byte)
}

// kept is what a server remembers over a restart: a transfer that was under way
// is suspended then. The block that was under way comes again.
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
	sink, keeps := s.sink.(KeepingSink)
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

// Restore implements access.Persistent. The model above takes the transfer up
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
		return fmt.Errorf("BLOB transfer: the stored transfer of %d octets in blocks of 2^%d is none of this server", k.size, k.blockLog)
	}
	s.forget()
	s.phase, s.mode, s.id, s.ttl, s.timeoutBase = k.phase, k.mode, k.id, k.ttl, k.timeoutBase
	s.size, s.blockLog, s.mtu, s.blocks, s.restored = k.size, k.blockLog, k.mtu, k.blocks, k.data
	return nil
}

// Resume gives the sink what was restored, and reports whether there is
// something of that object: a transfer that is suspended, or complete. Otherwise
// the server forgets what it has.
func (s *Server) Resume(id ID, sink KeepingSink) bool {
	if s.phase == Inactive || s.id != id {
		s.forget()
		return false
	}
	s.sink = sink
	sink.Rewrite(s.restored)
	s.restored = nil
	return true
}

// answerTo is who started a block after a restart.
func (s *Server) answerTo(in *access.Incoming) {
	if s.client.Dst == mesh.Unassigned {
		s.client = access.Recipient{Dst: in.Src, AppKey: in.AppKey, TTL: s.ttl}
	}
}
