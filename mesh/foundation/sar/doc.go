// Package sar implements the SAR Configuration models (Mesh Protocol 1.1.1,
// chapter 4): messages and server. The two states control how the lower
// transport layer of a node segments and reassembles messages; mesh/transport
// implements them.
//
//	SAR Transmitter: intervals and numbers of segment retransmissions
//	SAR Receiver:    when Segment Acknowledgments are sent, and when a message is discarded
package sar
