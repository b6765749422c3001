// Package configuration implements the Configuration models (Mesh Protocol
// 1.1.1, chapter 4): the messages of section 4.3.2, the pages of the
// composition data of section 4.2.2, and the Configuration Server of section
// 4.4.1. A Configuration Client adds keys to a node, binds them to its models,
// sets publications and subscriptions, and switches features on and off.
//
//	client ── request, device key ──▶ Server ──▶ foundation.Host: state of the node
//	       ◀── status or list ───────
//
// Page 0 of the composition data describes the node:
//
//	| CID 16 | PID 16 | VID 16 | CRPL 16 | Features 16 | elements |
//	element: | Loc 16 | NumS 8 | NumV 8 | SIG models, 16 each | vendor models, 32 each |
package configuration
