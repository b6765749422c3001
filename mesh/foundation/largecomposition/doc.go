// Package largecomposition implements the Large Composition Data models (Mesh
// Protocol 1.1.1, chapter 4): messages, the models metadata and the server. A
// client reads a page of the composition data or of the models metadata in
// parts if it does not fit into one message.
//
//	| opcode 16 | Page 8 | Offset 16 |                               Get
//	| opcode 16 | Page 8 | Offset 16 | TotalSize 16 | Data, 8 each | Status
package largecomposition
