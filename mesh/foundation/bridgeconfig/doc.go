// Package bridgeconfig implements the Bridge Configuration models (Mesh
// Protocol 1.1.1, chapter 4): messages and server. The bridging table of a
// subnet bridge lists the messages that it relays from one subnet to another.
//
//	entry: | Directions 8 | NetKeyIndex1 12 | NetKeyIndex2 12 | Address1 16 | Address2 16 |
//
//	subnet 1: Address1 ──▶ subnet bridge ──▶ Address2 in subnet 2    one direction
//	subnet 1: Address1 ◀─▶ subnet bridge ◀─▶ Address2 in subnet 2    both directions
package bridgeconfig
