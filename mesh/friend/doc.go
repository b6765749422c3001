// Package friend is friendship (Mesh Protocol 1.1, section 3.6.6): a Friend
// node keeps the messages for a Low Power node that sleeps, and hands them over
// one by one when it is asked.
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
// A Poll with another FSN than the one before acknowledges what came for that
// one; a Poll with the same FSN asks for the same PDU again.
//
// Two machines are here, each without a clock, goroutine or I/O of its own:
// Friend has the Friend role for a bounded number of Low Power nodes, LowPower
// the other. Both are told of the transport control messages that concern them,
// and put out network PDUs to be sealed with the credentials that a Link names.
//
// # The sequence numbers of a friend's own messages
//
// What others sent is handed over as it came, only the TTL is one less. What
// the friend itself sends to its Low Power node is not encrypted until it is
// handed over (Draft): a Friend Update that overtook it in the queue would have
// the higher sequence number, and the Low Power node would take the message for
// a replay.
package friend
