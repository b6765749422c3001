package transport

// Counters count what a Layer did since it was made. Each PDU that is dropped
// is counted by its reason.
type Counters struct {
	// Messages that were reported.
	Access  uint64
	Control uint64

	// PDUs that were dropped.
	Malformed       uint64 // a length or a field that cannot be
	Replayed        uint64 // not above the last of the source
	ReplayListFull  uint64 // from a source that the list has no room for
	NoKey           uint64 // no AppKey with this AID, no device key, or no label
	BadMIC          uint64 // no candidate key opens it
	OldSegment      uint64 // of a message older than one of the same source
	RepeatedSegment uint64 // was there already
	Contradictory   uint64 // differs from the segments before it in what all must share
	StrayAck        uint64 // an acknowledgment of nothing that is on its way, or with no news

	// Reassemblies.
	Reassembled uint64 // completed
	Discarded   uint64 // not complete in time
	Superseded  uint64 // given up for a newer message of the same source
	Evicted     uint64 // given up for want of room
	Rejected    uint64 // sources told that there is no room for their message

	// Sending.
	AcksSent       uint64
	AcksReceived   uint64 // that acknowledged something new
	SegmentsSent   uint64
	SegmentsResent uint64             // among SegmentsSent
	Results        [Failed + 1]uint64 // segmented messages, by Result
	NoSequence     uint64             // acknowledgments not sent because there was no sequence number
}
