// Package blob holds the BLOB Transfer models (Mesh Binary Large Object
// Transfer Model 1.0): a large object goes to many nodes at once. The object
// has blocks, a block has chunks, and a chunk is what fits into a message.
//
//	object   | block 0      | block 1      | block 2 |
//	block    | chunk 0 | chunk 1 | chunk 2 | ...     |
//	message  | 0x66 | ChunkNumber 16 | ChunkData     |
//
// After the chunks of a block the client asks each server what it misses and
// sends that again (push), or each server asks for what it misses (pull).
// Messages are encrypted with an application key.
package blob
