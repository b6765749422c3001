package transport

import "time"

// Transmitter is the SAR Transmitter state (section 4.2.48), each field as on
// the air: 4 bits.
type Transmitter struct {
	SegmentIntervalStep                    uint8 // between segments: (n+1) * 10 ms
	UnicastRetransmissions                 uint8
	UnicastRetransmissionsWithoutProgress  uint8
	UnicastRetransmissionsIntervalStep     uint8 // (n+1) * 25 ms
	UnicastRetransmissionsIntervalIncrease uint8 // (n+1) * 25 ms for each hop of the TTL except the first
	MulticastRetransmissions               uint8
	MulticastRetransmissionsIntervalStep   uint8 // (n+1) * 25 ms
}

// DefaultTransmitter has the default values of section 4.2.48: 60 ms between
// segments, three transmissions, after 200 ms plus 50 ms per hop; to groups
// after 250 ms.
func DefaultTransmitter() Transmitter {
	return Transmitter{
		SegmentIntervalStep:                    5,
		UnicastRetransmissions:                 2,
		UnicastRetransmissionsWithoutProgress:  2,
		UnicastRetransmissionsIntervalStep:     7,
		UnicastRetransmissionsIntervalIncrease: 1,
		MulticastRetransmissions:               2,
		MulticastRetransmissionsIntervalStep:   9,
	}
}

const (
	segmentStep  = 10 * time.Millisecond
	repeatStep   = 25 * time.Millisecond
	discardStep  = 5 * time.Second
	nibble       = 0x0F
	maxThreshold = 0x1F
)

// steps is the time of a field that counts steps from zero.
func steps(n uint8, step time.Duration) time.Duration { return time.Duration(n&nibble+1) * step }

// SegmentInterval is the time between two segments of one message.
func (t Transmitter) SegmentInterval() time.Duration {
	return steps(t.SegmentIntervalStep, segmentStep)
}

// UnicastInterval is the time to wait for an acknowledgment of a message with
// this TTL (section 3.5.3.3.1).
func (t Transmitter) UnicastInterval(ttl uint8) time.Duration {
	interval := steps(t.UnicastRetransmissionsIntervalStep, repeatStep)
	if ttl > 0 {
		interval += time.Duration(ttl-1) * steps(t.UnicastRetransmissionsIntervalIncrease, repeatStep)
	}
	return interval
}

// MulticastInterval is the time between repetitions to a group or virtual
// address.
func (t Transmitter) MulticastInterval() time.Duration {
	return steps(t.MulticastRetransmissionsIntervalStep, repeatStep)
}

// Receiver is the SAR Receiver state (section 4.2.49), each field as on the
// air.
type Receiver struct {
	SegmentsThreshold   uint8 // 5 bits: acknowledgments of messages with a larger SegN are repeated
	AckDelayIncrement   uint8 // 3 bits: n+1.5 segment reception intervals
	DiscardTimeout      uint8 // 4 bits: (n+1) * 5 s
	SegmentIntervalStep uint8 // 4 bits, the segment reception interval: (n+1) * 10 ms
	AckRetransmissions  uint8 // 2 bits
}

// DefaultReceiver has the default values of section 4.2.49: acknowledgments at
// most 150 ms after the last new segment, none repeated, and a discard timeout
// of 10 s.
func DefaultReceiver() Receiver {
	return Receiver{SegmentsThreshold: 3, AckDelayIncrement: 1, DiscardTimeout: 1, SegmentIntervalStep: 5}
}

// SegmentInterval is the segment reception interval.
func (r Receiver) SegmentInterval() time.Duration { return steps(r.SegmentIntervalStep, segmentStep) }

// AckDelay is the time from a new segment to its acknowledgment: min(SegN +
// 0.5, acknowledgment delay increment) * segment reception interval (section
// 3.5.3.4).
func (r Receiver) AckDelay(segN uint8) time.Duration {
	halves := min(2*time.Duration(segN)+1, r.ackHalves())
	return halves * r.SegmentInterval() / 2
}

// AckPeriod is the minimum time between two acknowledgments of a message that
// is already complete.
func (r Receiver) AckPeriod() time.Duration { return r.ackHalves() * r.SegmentInterval() / 2 }

// ackHalves is the acknowledgment delay increment in halves of an interval.
func (r Receiver) ackHalves() time.Duration { return 2*time.Duration(r.AckDelayIncrement&7) + 3 }

// Discard is how long an incomplete message is kept after its last new segment.
func (r Receiver) Discard() time.Duration { return steps(r.DiscardTimeout, discardStep) }

// ackRepeats is how often an acknowledgment is repeated.
func (r Receiver) ackRepeats(segN uint8) uint8 {
	if segN <= r.SegmentsThreshold&maxThreshold {
		return 0
	}
	return r.AckRetransmissions & 3
}
