// Package directed holds the transport control messages of directed forwarding
// (Mesh Protocol 1.1, section 3.6.5): how nodes look for a path, confirm it and
// try it out. Numbers are big endian, as in all control messages.
//
//	origin ── Path Request ──▶ ... ──▶ target
//	origin ◀── Path Reply ──── ... ◀── target
//	origin ── Path Confirmation ──▶ ...
//
// The messages are structs with codecs; no path discovery is made from them.
package directed
