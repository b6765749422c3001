package blob

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the BLOB Transfer messages (Mesh Binary Large Object Transfer
// Model).
const (
	OpTransferGet        mesh.Opcode = 0x8300
	OpTransferStart      mesh.Opcode = 0x8301
	OpTransferCancel     mesh.Opcode = 0x8302
	OpTransferStatus     mesh.Opcode = 0x8303
	OpBlockStart         mesh.Opcode = 0x8304
	OpBlockGet           mesh.Opcode = 0x8305
	OpInformationGet     mesh.Opcode = 0x8306
	OpInformationStatus  mesh.Opcode = 0x8307
	OpChunkTransfer      mesh.Opcode = 0x66
	OpBlockStatus        mesh.Opcode = 0x67
	OpPartialBlockReport mesh.Opcode = 0x68
)

// TransferGet requests the state of the transfer.
type TransferGet struct{ access.Empty }

// Opcode is 0x8300.
func (TransferGet) Opcode() mesh.Opcode { return OpTransferGet }

// TransferStart starts a transfer, or continues it (acknowledged).
//
//	| RFU 6 | TransferMode 2 | BLOBID 64 | BLOBSize 32 | BlockSizeLog 8 | ClientMTUSize 16 |
type TransferStart struct {
	Mode          Mode
	BLOBID        ID
	BLOBSize      uint32 // in octets
	BlockSizeLog  uint8  // a block has 2^log octets; 6 to 32
	ClientMTUSize uint16 // in octets
}

// Opcode is 0x8301.
func (TransferStart) Opcode() mesh.Opcode { return OpTransferStart }

// Fields visits the parameters.
func (m *TransferStart) Fields(c *access.Codec) {
	c.Reserved(6)
	m.Mode.visit(c)
	c.Require(m.Mode == Push || m.Mode == Pull, "transfer_mode", "1 or 2")
	Visit(c, "blobid", &m.BLOBID)
	c.Uint32("blob_size", &m.BLOBSize)
	c.Uint8("block_size_log", &m.BlockSizeLog)
	c.Uint16("client_mtu_size", &m.ClientMTUSize)
}

// TransferCancel cancels a transfer (acknowledged).
//
//	| BLOBID 64 |
type TransferCancel struct {
	BLOBID ID
}

// Opcode is 0x8302.
func (TransferCancel) Opcode() mesh.Opcode { return OpTransferCancel }

// Fields visits the parameters.
func (m *TransferCancel) Fields(c *access.Codec) { Visit(c, "blobid", &m.BLOBID) }

// TransferStatus reports the state of the transfer. It ends before the first
// field without a value.
//
//	| Status 4 | RFU 2 | TransferMode 2 | TransferPhase 8 | [ BLOBID 64 ] |
//	| [ BLOBSize 32 | BlockSizeLog 8 | TransferMTUSize 16 | BlocksNotReceived, 1 each ] |
type TransferStatus struct {
	Status            Status
	Mode              Mode
	Phase             Phase
	HasBLOBID         bool
	BLOBID            ID
	HasTransfer       bool
	BLOBSize          uint32 // in octets
	BlockSizeLog      uint8
	TransferMTUSize   uint16 // in octets
	BlocksNotReceived []byte // one bit per block, block 0 in the lowest bit of the first octet
}

// Opcode is 0x8303.
func (TransferStatus) Opcode() mesh.Opcode { return OpTransferStatus }

// Fields visits the parameters.
func (m *TransferStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Reserved(2)
	m.Mode.visit(c)
	m.Phase.visit(c)
	if !c.Optional("blob_id", &m.HasBLOBID) {
		if c.Reading() {
			m.HasTransfer = false
		}
		return
	}
	Visit(c, "blob_id", &m.BLOBID)
	if c.Optional("blob_size", &m.HasTransfer) {
		c.Uint32("blob_size", &m.BLOBSize)
		c.Uint8("block_size_log", &m.BlockSizeLog)
		c.Uint16("transfer_mtu_size", &m.TransferMTUSize)
		c.Rest("blocks_not_received", &m.BlocksNotReceived)
	}
}

// BlockStart starts a block (acknowledged).
//
//	| BlockNumber 16 | ChunkSize 16 |
type BlockStart struct {
	BlockNumber uint16
	ChunkSize   uint16 // in octets, at least 1
}

// Opcode is 0x8304.
func (BlockStart) Opcode() mesh.Opcode { return OpBlockStart }

// Fields visits the parameters.
func (m *BlockStart) Fields(c *access.Codec) {
	c.Uint16("block_number", &m.BlockNumber)
	c.Uint16("chunk_size", &m.ChunkSize)
	c.Require(m.ChunkSize > 0, "chunk_size", "at least 1")
}

// BlockGet requests the missing chunks of the block.
type BlockGet struct{ access.Empty }

// Opcode is 0x8305.
func (BlockGet) Opcode() mesh.Opcode { return OpBlockGet }

// InformationGet requests the limits of the server.
type InformationGet struct{ access.Empty }

// Opcode is 0x8306.
func (InformationGet) Opcode() mesh.Opcode { return OpInformationGet }

// InformationStatus reports the limits of the server.
//
//	| MinBlockSizeLog 8 | MaxBlockSizeLog 8 | MaxTotalChunks 16 | MaxChunkSize 16 |
//	| MaxBLOBSize 32 | ServerMTUSize 16 | PushMode 1 | PullMode 1 | RFU 6 |
type InformationStatus struct {
	MinBlockSizeLog uint8
	MaxBlockSizeLog uint8
	MaxTotalChunks  uint16 // per block
	MaxChunkSize    uint16 // in octets
	MaxBLOBSize     uint32 // in octets
	ServerMTUSize   uint16 // in octets
	PushMode        bool
	PullMode        bool
}

// Opcode is 0x8307.
func (InformationStatus) Opcode() mesh.Opcode { return OpInformationStatus }

// Fields visits the parameters.
func (m *InformationStatus) Fields(c *access.Codec) {
	c.Uint8("min_block_size_log", &m.MinBlockSizeLog)
	c.Uint8("max_block_size_log", &m.MaxBlockSizeLog)
	c.Uint16("max_total_chunks", &m.MaxTotalChunks)
	c.Uint16("max_chunk_size", &m.MaxChunkSize)
	c.Uint32("max_blob_size", &m.MaxBLOBSize)
	c.Uint16("server_mtu_size", &m.ServerMTUSize)
	c.Flag("push_mode", &m.PushMode)
	c.Flag("pull_mode", &m.PullMode)
	c.Reserved(6)
}

// ChunkTransfer carries a chunk of the block.
//
//	| ChunkNumber 16 | ChunkData, 8 each |
type ChunkTransfer struct {
	ChunkNumber uint16
	ChunkData   []byte
}

// Opcode is 0x66.
func (ChunkTransfer) Opcode() mesh.Opcode { return OpChunkTransfer }

// Fields visits the parameters.
func (m *ChunkTransfer) Fields(c *access.Codec) {
	c.Uint16("chunk_number", &m.ChunkNumber)
	c.Rest("chunk_data", &m.ChunkData)
}

// BlockStatus reports the missing chunks of the block.
//
//	| Status 4 | RFU 2 | Format 2 | BlockNumber 16 | ChunkSize 16 | missing chunks |
type BlockStatus struct {
	Status               Status
	Format               Format
	BlockNumber          uint16
	ChunkSize            uint16
	MissingChunks        []byte   // SomeMissing: one bit per chunk, chunk 0 in the lowest bit of the first octet
	EncodedMissingChunks []uint16 // EncodedMissing: their numbers
}

// Opcode is 0x67.
func (BlockStatus) Opcode() mesh.Opcode { return OpBlockStatus }

// Fields visits the parameters.
func (m *BlockStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Reserved(2)
	c.EnumBits("format", (*uint8)(&m.Format), 2, formatWords)
	c.Uint16("block_number", &m.BlockNumber)
	c.Uint16("chunk_size", &m.ChunkSize)
	switch m.Format {
	case SomeMissing:
		c.Rest("missing_chunks", &m.MissingChunks)
	case EncodedMissing:
		access.List(c, "encoded_missing_chunks", &m.EncodedMissingChunks, chunkNumber)
	}
}

// PartialBlockReport requests chunks in pull mode.
//
//	| EncodedMissingChunks, 8 to 24 each |
type PartialBlockReport struct {
	EncodedMissingChunks []uint16
}

// Opcode is 0x68.
func (PartialBlockReport) Opcode() mesh.Opcode { return OpPartialBlockReport }

// Fields visits the parameters.
func (m *PartialBlockReport) Fields(c *access.Codec) {
	access.List(c, "encoded_missing_chunks", &m.EncodedMissingChunks, chunkNumber)
}
