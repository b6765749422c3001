// Package advertiser is the advertising bearer (Mesh Protocol 1.1, section
// 3.3.1): it sends mesh PDUs as non-connectable advertisements and hears those
// of others by scanning all the time.
//
//	Send ─▶ lanes ─▶ slot 0 ─▶ advertising set 0 ─┐
//	        lanes ─▶ slot 1 ─▶ advertising set 1 ─┼─▶ air
//	        lanes ─▶ ...                          ┘
//
//	air ─▶ advertising report ─▶ AD structure ─▶ bearer.Incoming ─▶ Receive
//
//	+----------+-----------------------+-------------------+
//	| length 1 | type 0x29, 0x2A, 0x2B | PDU, 1..29 octets |  AD structure
//	+----------+-----------------------+-------------------+
//
// PDUs of one lane go on the air one after the other. PDUs of different lanes
// share the advertising sets that the controller has (Core, volume 4 part E,
// section 7.8.53 on). A set sends legacy PDUs, ADV_NONCONN_IND, for exactly as
// many advertising events as the PDU has transmissions, and the controller
// reports its end. A controller with only the legacy commands (section 7.8.5
// on) has one slot, which a timer stops, a little late rather than early.
//
// A solicitation (section 6.9) goes the same way, with the AD structures of a
// service around it.
//
// Beside the PDUs it advertises what others can connect to ([Bearer.Beckon]),
// for whoever has the connections.
//
// A controller that refuses to advertise while it scans is met by pausing the
// scan around what is sent. A controller that loses the end of a set, or
// refuses what it should not, is reset (package controller); what was on the
// air then is sent again and what is queued stays.
package advertiser
