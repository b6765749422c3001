package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Opcodes of the SAR Configuration messages (section 4.3).
const (
	OpSARTransmitterGet    mesh.Opcode = 0x806C
	OpSARTransmitterSet    mesh.Opcode = 0x806D
	OpSARTransmitterStatus mesh.Opcode = 0x806E
	OpSARReceiverGet       mesh.Opcode = 0x806F
	OpSARReceiverSet       mesh.Opcode = 0x8070
	OpSARReceiverStatus    mesh.Opcode = 0x8071
)

// SARTransmitterGet asks for the SAR Transmitter state.
type SARTransmitterGet struct{ access.Empty }

// Opcode is 0x806C.
func (SARTransmitterGet) Opcode() mesh.Opcode { return OpSARTransmitterGet }

// SARTransmitterSet sets the SAR Transmitter state and is answered.
//
//	| SARSegmentIntervalStep 4 | SARUnicastRetransmissionsCount 4 |
//	| SARUnicastRetransmissionsWithoutProgressCount 4 |
//	| SARUnicastRetransmissionsIntervalStep 4 |
//	| SARUnicastRetransmissionsIntervalIncrement 4 |
//	| SARMulticastRetransmissionsCount 4 | SARMulticastRetransmissionsIntervalStep 4 | RFU 4 |
type SARTransmitterSet struct {
	Transmitter transport.Transmitter
}

// Opcode is 0x806D.
func (SARTransmitterSet) Opcode() mesh.Opcode { return OpSARTransmitterSet }

// Fields visits the parameters.
func (m *SARTransmitterSet) Fields(c *access.Codec) { sarTransmitter(c, &m.Transmitter) }

// SARTransmitterStatus reports the SAR Transmitter state.
//
//	| SARSegmentIntervalStep 4 | SARUnicastRetransmissionsCount 4 |
//	| SARUnicastRetransmissionsWithoutProgressCount 4 |
//	| SARUnicastRetransmissionsIntervalStep 4 |
//	| SARUnicastRetransmissionsIntervalIncrement 4 |
//	| SARMulticastRetransmissionsCount 4 | SARMulticastRetransmissionsIntervalStep 4 | RFU 4 |
type SARTransmitterStatus struct {
	Transmitter transport.Transmitter
}

// Opcode is 0x806E.
func (SARTransmitterStatus) Opcode() mesh.Opcode { return OpSARTransmitterStatus }

// Fields visits the parameters.
func (m *SARTransmitterStatus) Fields(c *access.Codec) { sarTransmitter(c, &m.Transmitter) }

// SARReceiverGet asks for the SAR Receiver state.
type SARReceiverGet struct{ access.Empty }

// Opcode is 0x806F.
func (SARReceiverGet) Opcode() mesh.Opcode { return OpSARReceiverGet }

// SARReceiverSet sets the SAR Receiver state and is answered.
//
//	| SARSegmentsThreshold 5 | SARAcknowledgmentDelayIncrement 3 |
//	| SARDiscardTimeout 4 | SARReceiverSegmentIntervalStep 4 |
//	| SARAcknowledgmentRetransmissionsCount 2 | RFU 6 |
type SARReceiverSet struct {
	Receiver transport.Receiver
}

// Opcode is 0x8070.
func (SARReceiverSet) Opcode() mesh.Opcode { return OpSARReceiverSet }

// Fields visits the parameters.
func (m *SARReceiverSet) Fields(c *access.Codec) { sarReceiver(c, &m.Receiver) }

// SARReceiverStatus reports the SAR Receiver state.
//
//	| SARSegmentsThreshold 5 | SARAcknowledgmentDelayIncrement 3 |
//	| SARDiscardTimeout 4 | SARReceiverSegmentIntervalStep 4 |
//	| SARAcknowledgmentRetransmissionsCount 2 | RFU 6 |
type SARReceiverStatus struct {
	Receiver transport.Receiver
}

// Opcode is 0x8071.
func (SARReceiverStatus) Opcode() mesh.Opcode { return OpSARReceiverStatus }

// Fields visits the parameters.
func (m *SARReceiverStatus) Fields(c *access.Codec) { sarReceiver(c, &m.Receiver) }

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
