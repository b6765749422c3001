// Package directed contains the transport control messages of directed
// forwarding (Mesh Protocol 1.1, section 3.6.5), with which nodes find, confirm
// and test a path. Numbers are big-endian, as in all control messages.
//
//	origin ── Path Request ──▶ ... ──▶ target
//	origin ◀── Path Reply ──── ... ◀── target
//	origin ── Path Confirmation ──▶ ...
//
// The messages are structs with codecs. Path discovery itself is not
// implemented.
package directed
