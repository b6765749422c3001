package sar

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Opcodes of the SAR Configuration messages (section 4.3).
const (
	OpTransmitterGet    mesh.Opcode = 0x806C
	OpTransmitterSet    mesh.Opcode = 0x806D
	OpTransmitterStatus mesh.Opcode = 0x806E
	OpReceiverGet       mesh.Opcode = 0x806F
	OpReceiverSet       mesh.Opcode = 0x8070
	OpReceiverStatus    mesh.Opcode = 0x8071
)

// TransmitterGet asks for the SAR Transmitter state.
type TransmitterGet struct{ access.Empty }

// Opcode is 0x806C.
func (TransmitterGet) Opcode() mesh.Opcode { return OpTransmitterGet }

// TransmitterSet sets the SAR Transmitter state. It is acknowledged.
//
//	| SARSegmentIntervalStep 4 | SARUnicastRetransmissionsCount 4 |
//	| SARUnicastRetransmissionsWithoutProgressCount 4 |
//	| SARUnicastRetransmissionsIntervalStep 4 |
//	| SARUnicastRetransmissionsIntervalIncrement 4 |
//	| SARMulticastRetransmissionsCount 4 | SARMulticastRetransmissionsIntervalStep 4 | RFU 4 |
type TransmitterSet struct {
	Transmitter transport.Transmitter
}

// Opcode is 0x806D.
func (TransmitterSet) Opcode() mesh.Opcode { return OpTransmitterSet }

// Fields visits the parameters.
func (m *TransmitterSet) Fields(c *access.Codec) { sarTransmitter(c, &m.Transmitter) }

// TransmitterStatus reports the SAR Transmitter state.
//
//	| SARSegmentIntervalStep 4 | SARUnicastRetransmissionsCount 4 |
//	| SARUnicastRetransmissionsWithoutProgressCount 4 |
//	| SARUnicastRetransmissionsIntervalStep 4 |
//	| SARUnicastRetransmissionsIntervalIncrement 4 |
//	| SARMulticastRetransmissionsCount 4 | SARMulticastRetransmissionsIntervalStep 4 | RFU 4 |
type TransmitterStatus struct {
	Transmitter transport.Transmitter
}

// Opcode is 0x806E.
func (TransmitterStatus) Opcode() mesh.Opcode { return OpTransmitterStatus }

// Fields visits the parameters.
func (m *TransmitterStatus) Fields(c *access.Codec) { sarTransmitter(c, &m.Transmitter) }

// ReceiverGet asks for the SAR Receiver state.
type ReceiverGet struct{ access.Empty }

// Opcode is 0x806F.
func (ReceiverGet) Opcode() mesh.Opcode { return OpReceiverGet }

// ReceiverSet sets the SAR Receiver state. It is acknowledged.
//
//	| SARSegmentsThreshold 5 | SARAcknowledgmentDelayIncrement 3 |
//	| SARDiscardTimeout 4 | SARReceiverSegmentIntervalStep 4 |
//	| SARAcknowledgmentRetransmissionsCount 2 | RFU 6 |
type ReceiverSet struct {
	Receiver transport.Receiver
}

// Opcode is 0x8070.
func (ReceiverSet) Opcode() mesh.Opcode { return OpReceiverSet }

// Fields visits the parameters.
func (m *ReceiverSet) Fields(c *access.Codec) { sarReceiver(c, &m.Receiver) }

// ReceiverStatus reports the SAR Receiver state.
//
//	| SARSegmentsThreshold 5 | SARAcknowledgmentDelayIncrement 3 |
//	| SARDiscardTimeout 4 | SARReceiverSegmentIntervalStep 4 |
//	| SARAcknowledgmentRetransmissionsCount 2 | RFU 6 |
type ReceiverStatus struct {
	Receiver transport.Receiver
}

// Opcode is 0x8071.
func (ReceiverStatus) Opcode() mesh.Opcode { return OpReceiverStatus }

// Fields visits the parameters.
func (m *ReceiverStatus) Fields(c *access.Codec) { sarReceiver(c, &m.Receiver) }

func sarTransmitter(c *access.Codec, s *transport.Transmitter) {
	c.Bits("sar_segment_interval_step", &s.SegmentIntervalStep, 4)
	c.Bits("sar_unicast_retransmissions_count", &s.UnicastRetransmissions, 4)
	c.Bits("sar_unicast_retransmissions_without_progress_count", &s.UnicastRetransmissionsWithoutProgress, 4)
	c.Bits("sar_unicast_retransmissions_interval_step", &s.UnicastRetransmissionsIntervalStep, 4)
	c.Bits("sar_unicast_retransmissions_interval_increment", &s.UnicastRetransmissionsIntervalIncrease, 4)
	c.Bits("sar_multicast_retransmissions_count", &s.MulticastRetransmissions, 4)
	c.Bits("sar_multicast_retransmissions_interval_step", &s.MulticastRetransmissionsIntervalStep, 4)
	c.Reserved(4)
}

func sarReceiver(c *access.Codec, s *transport.Receiver) {
	c.Bits("sar_segments_threshold", &s.SegmentsThreshold, 5)
	c.Bits("sar_acknowledgment_delay_increment", &s.AckDelayIncrement, 3)
	c.Bits("sar_discard_timeout", &s.DiscardTimeout, 4)
	c.Bits("sar_receiver_segment_interval_step", &s.SegmentIntervalStep, 4)
	c.Bits("sar_acknowledgment_retransmissions_count", &s.AckRetransmissions, 2)
	c.Reserved(6)
}
