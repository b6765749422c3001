// Package blob contains the BLOB Transfer models (Mesh Binary Large Object
// Transfer Model 1.0), which transfer a large object to many nodes at once. The
// object consists of blocks, a block of chunks, and a chunk fits into a
// message.
//
//	object   | block 0      | block 1      | block 2 |
//	block    | chunk 0 | chunk 1 | chunk 2 | ...     |
//	message  | 0x66 | ChunkNumber 16 | ChunkData     |
//
// After the chunks of a block the client asks each server what it lacks and
// sends that again (push), or each server requests what it lacks (pull).
// Messages are encrypted with an application key.
package blob
