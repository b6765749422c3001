// Package sim is a mesh network in fake time that consists only of node cores.
// It is a discrete-event simulation without goroutines: hundreds of nodes run
// through minutes in a second, and a seed always gives the same run.
//
//	Station = node.Core + store + radio ──┐
//	Station = node.Core + store + radio ──┼── World: one queue of what happens next
//	Station = node.Core + store + radio ──┘   │
//	                                          └─ Audit: reads everything on the air
//
// A radio sends each PDU as often as its Network Transmit or Relay Retransmit
// state says (Mesh Protocol 1.1, sections 4.2.20 and 4.2.21), each time as one
// advertising event of 1.6 ms and with the random delay of 0 to 10 ms of the
// link layer (Core, volume 6 part B, 4.4.2.2.1). Each listener loses each event
// independently with a given probability.
//
// The Audit checks what must never happen: a sequence number used twice,
// sequence numbers of one source out of order on the air, an access message
// passed to a model twice.
//
// The tests run the same scenarios with the whole HCI driver below the nodes,
// on hci/virtual and testing/synctest.
package sim
