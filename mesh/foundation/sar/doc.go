// Package sar holds the SAR Configuration models (Mesh Protocol 1.1.1, chapter
// 4): messages and server. The two states say how the lower transport layer of a
// node segments what it sends and reassembles what it receives; mesh/transport
// acts on them.
//
//	SAR Transmitter: intervals and numbers of the segments that are sent again
//	SAR Receiver:    when a Segment Acknowledgment is sent, and when it is given up
package sar
