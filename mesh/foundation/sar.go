package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
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

// SARTransmitter is how a node sends segmented messages (SAR Transmitter
// state, section 4.2). Counts are of retransmissions, so one less than of
// transmissions.
//
//	| SARSegmentIntervalStep 4 | SARUnicastRetransmissionsCount 4 |
//	| SARUnicastRetransmissionsWithoutProgressCount 4 |
//	| SARUnicastRetransmissionsIntervalStep 4 |
//	| SARUnicastRetransmissionsIntervalIncrement 4 |
//	| SARMulticastRetransmissionsCount 4 | SARMulticastRetransmissionsIntervalStep 4 | RFU 4 |
type SARTransmitter struct {
	SegmentIntervalStep                        uint8 // of 10 ms, less one
	UnicastRetransmissionsCount                uint8
	UnicastRetransmissionsWithoutProgressCount uint8
	UnicastRetransmissionsIntervalStep         uint8 // of 25 ms, less one
	UnicastRetransmissionsIntervalIncrement    uint8 // of 25 ms, less one
	MulticastRetransmissionsCount              uint8
	MulticastRetransmissionsIntervalStep       uint8 // of 25 ms, less one
}

// Fields visits the parts of the state.
func (s *SARTransmitter) Fields(c *access.Codec) {
	c.Bits("sar_segment_interval_step", &s.SegmentIntervalStep, 4)
	c.Bits("sar_unicast_retransmissions_count", &s.UnicastRetransmissionsCount, 4)
	c.Bits("sar_unicast_retransmissions_without_progress_count", &s.UnicastRetransmissionsWithoutProgressCount, 4)
	c.Bits("sar_unicast_retransmissions_interval_step", &s.UnicastRetransmissionsIntervalStep, 4)
	c.Bits("sar_unicast_retransmissions_interval_increment", &s.UnicastRetransmissionsIntervalIncrement, 4)
	c.Bits("sar_multicast_retransmissions_count", &s.MulticastRetransmissionsCount, 4)
	c.Bits("sar_multicast_retransmissions_interval_step", &s.MulticastRetransmissionsIntervalStep, 4)
	c.Reserved(4)
}

// SARReceiver is how a node receives and acknowledges segmented messages (SAR
// Receiver state, section 4.2).
//
//	| SARSegmentsThreshold 5 | SARAcknowledgmentDelayIncrement 3 |
//	| SARDiscardTimeout 4 | SARReceiverSegmentIntervalStep 4 |
//	| SARAcknowledgmentRetransmissionsCount 2 | RFU 6 |
type SARReceiver struct {
	SegmentsThreshold                  uint8 // messages of more segments have their acknowledgment repeated
	AcknowledgmentDelayIncrement       uint8 // of segment intervals, less 1.5
	DiscardTimeout                     uint8 // of 5 s, less one
	ReceiverSegmentIntervalStep        uint8 // of 10 ms, less one
	AcknowledgmentRetransmissionsCount uint8
}

// Fields visits the parts of the state.
func (s *SARReceiver) Fields(c *access.Codec) {
	c.Bits("sar_segments_threshold", &s.SegmentsThreshold, 5)
	c.Bits("sar_acknowledgment_delay_increment", &s.AcknowledgmentDelayIncrement, 3)
	c.Bits("sar_discard_timeout", &s.DiscardTimeout, 4)
	c.Bits("sar_receiver_segment_interval_step", &s.ReceiverSegmentIntervalStep, 4)
	c.Bits("sar_acknowledgment_retransmissions_count", &s.AcknowledgmentRetransmissionsCount, 2)
	c.Reserved(6)
}

// SARTransmitterGet asks for the SAR Transmitter state.
type SARTransmitterGet struct{ access.Empty }

// Opcode is 0x806C.
func (SARTransmitterGet) Opcode() mesh.Opcode { return OpSARTransmitterGet }

// SARTransmitterSet sets the SAR Transmitter state and is answered. Parameters
// as SARTransmitter.
type SARTransmitterSet struct{ SARTransmitter }

// Opcode is 0x806D.
func (SARTransmitterSet) Opcode() mesh.Opcode { return OpSARTransmitterSet }

// SARTransmitterStatus reports the SAR Transmitter state. Parameters as
// SARTransmitter.
type SARTransmitterStatus struct{ SARTransmitter }

// Opcode is 0x806E.
func (SARTransmitterStatus) Opcode() mesh.Opcode { return OpSARTransmitterStatus }

// SARReceiverGet asks for the SAR Receiver state.
type SARReceiverGet struct{ access.Empty }

// Opcode is 0x806F.
func (SARReceiverGet) Opcode() mesh.Opcode { return OpSARReceiverGet }

// SARReceiverSet sets the SAR Receiver state and is answered. Parameters as
// SARReceiver.
type SARReceiverSet struct{ SARReceiver }

// Opcode is 0x8070.
func (SARReceiverSet) Opcode() mesh.Opcode { return OpSARReceiverSet }

// SARReceiverStatus reports the SAR Receiver state. Parameters as SARReceiver.
type SARReceiverStatus struct{ SARReceiver }

// Opcode is 0x8071.
func (SARReceiverStatus) Opcode() mesh.Opcode { return OpSARReceiverStatus }
