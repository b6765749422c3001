// Package advertiser is the advertising bearer (Mesh Protocol 1.1, section
// 3.3.1). It sends mesh PDUs as non-connectable advertisements and receives
// those of other nodes by scanning all the time.
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
// share the controller's advertising sets (Core, volume 4 part E, section
// 7.8.53 onwards). A set sends legacy PDUs (ADV_NONCONN_IND) for exactly as
// many advertising events as the PDU has transmissions, and the controller
// reports the end. A controller that has only the legacy commands (section
// 7.8.5 onwards) has one slot. A timer stops it, rather a little late than too
// early.
//
// A solicitation (section 6.9) goes the same way, within the AD structures of a
// service.
//
// The bearer also sends connectable advertisements ([Bearer.Advertise]) for the
// host that handles the connections.
//
// If a controller refuses to advertise while it scans, the bearer pauses the
// scan around each transmission. If a controller loses the end of a set, or
// refuses a command that it should accept, it is reset (package controller).
// The PDUs that were on the air are then sent again, and the queue is kept.
package advertiser
