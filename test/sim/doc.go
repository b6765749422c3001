// Package sim is a mesh network in fake time, made of nothing but node cores: a
// discrete-event simulation without goroutines, so that hundreds of nodes live
// through minutes in a second, and a seed gives the same run every time.
//
//	Station = node.Core + store + radio ──┐
//	Station = node.Core + store + radio ──┼── World: one queue of what happens next
//	Station = node.Core + store + radio ──┘   │
//	                                          └─ Audit: reads everything on the air
//
// A radio sends each PDU as often as its Network Transmit or Relay Retransmit
// state says (Mesh Protocol 1.1, sections 4.2.20 and 4.2.21), each time as one
// advertising event of 1.6 ms and with the 0 to 10 ms of random delay of the
// link layer (Core, volume 6 part B, 4.4.2.2.1). Every event is lost to every
// listener by a chance of its own.
//
// The Audit holds the network to what may never happen: a sequence number used
// twice, sequence numbers of one source out of order on the air, an access
// message handed to a model twice.
//
// The same scenarios with the whole HCI driver below the nodes are in the tests,
// on hci/virtual and testing/synctest.
package sim
