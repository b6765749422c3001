// Package largecomposition holds the Large Composition Data models (Mesh
// Protocol 1.1.1, chapter 4): messages, the models metadata and the server. A
// page of the composition data or of the models metadata that does not fit into
// one message is read in parts.
//
//	| opcode 16 | Page 8 | Offset 16 |                               Get
//	| opcode 16 | Page 8 | Offset 16 | TotalSize 16 | Data, 8 each | Status
package largecomposition
