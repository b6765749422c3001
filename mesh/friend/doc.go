// Package friend implements friendship (Mesh Protocol 1.1, section 3.6.6): a
// Friend node stores the messages for a sleeping Low Power node, and delivers
// them one by one when the Low Power node polls.
//
//	Low Power node                                 Friend
//	     │ Friend Request (to all friends) ─────────▶ │
//	     │ ◀────── Friend Offer, after a local delay  │
//	     │ Friend Poll, FSN 0 ──────────────────────▶ │  both: friendship
//	     │ ◀─────────────────── Friend Update         │  credentials from here on
//	     │ Friend Subscription List Add ────────────▶ │
//	     │ ◀──── Friend Subscription List Confirm     │
//	   sleeps                                      queues what others send
//	     │ Friend Poll, FSN 1 ──────────────────────▶ │
//	     ·   receive delay: the radio is off          ·
//	     │ ◀── message, or Friend Update without more │  in the receive window
//
// A Poll with a different FSN than the previous one acknowledges the PDU
// delivered for it. A Poll with the same FSN asks for the same PDU again.
//
// The package contains two state machines without clock, goroutines or I/O:
// Friend has the Friend role for a limited number of Low Power nodes, LowPower
// has the other role. Both receive the transport control messages that concern
// them, and output network PDUs to be encrypted with the credentials that a
// Link names.
//
// # The sequence numbers of a friend's own messages
//
// Messages from others are delivered unchanged except for a TTL lower by one.
// The friend's own messages to its Low Power node are not encrypted until they
// are delivered (Draft). Otherwise a Friend Update that overtook such a message
// in the queue would have the higher sequence number, and the Low Power node
// would drop the message as a replay.
package friend
