// Package network is the network layer (Mesh Protocol 1.1, section 3.4). It
// encrypts and decrypts network PDUs and recognises duplicates.
//
// A network PDU has 14 to 29 octets. All numbers are big-endian:
//
//	+-----+-----+-----+-----+-----+-----+-----+---------------+--------+
//	| IVI | NID | CTL | TTL | SEQ | SRC | DST | transport PDU | NetMIC |
//	+-----+-----+-----+-----+-----+-----+-----+---------------+--------+
//	bit 1    7     1     7    24    16    16    8 to 128        32 (CTL 0)
//	                                            8 to  96        64 (CTL 1)
//	            |<---- obfuscated ----->|<------- encrypted --------->|
//
// IVI is the lowest bit of the IV index, and NID is seven bits derived from the
// NetKey; they are not encrypted. A receiver therefore makes the cheapest
// checks first and stops as soon as it can (Receiver.Open). Most PDUs on the
// air are copies of an earlier one: repeated by their source, or relayed with
// another TTL by its neighbours.
package network
