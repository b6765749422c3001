package blob

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the BLOB Transfer messages, with their names in the
// specification.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[TransferGet]("BLOB Transfer Get"),
		access.Describe[TransferStart]("BLOB Transfer Start"),
		access.Describe[TransferCancel]("BLOB Transfer Cancel"),
		access.Describe[TransferStatus]("BLOB Transfer Status"),
		access.Describe[BlockStart]("BLOB Block Start"),
		access.Describe[BlockGet]("BLOB Block Get"),
		access.Describe[InformationGet]("BLOB Information Get"),
		access.Describe[InformationStatus]("BLOB Information Status"),
		access.Describe[ChunkTransfer]("BLOB Chunk Transfer"),
		access.Describe[BlockStatus]("BLOB Block Status"),
		access.Describe[PartialBlockReport]("BLOB Partial Block Report"),
	}
}
