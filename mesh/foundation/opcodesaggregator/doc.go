// Package opcodesaggregator implements the Opcodes Aggregator models (Mesh
// Protocol 1.1.1, chapter 4): messages and server. A sequence carries several
// access messages for one element. The status carries their answers in the same
// order.
//
//	| opcode 16 | ElementAddress 16 | items |            Opcodes Aggregator Sequence
//	| opcode 16 | Status 8 | ElementAddress 16 | items | Opcodes Aggregator Status
//	item: | LengthFormat 1 | Length 7 or 15 | opcode and parameters |
package opcodesaggregator
