package transport

// Counters count what a Layer has done since it was made. Each dropped PDU is
// counted by its reason.
type Counters struct {
	// Messages that were reported.
	Access  uint64
	Control uint64

	// PDUs that were dropped.
	Malformed       uint64 // invalid length or field
	Replayed        uint64 // not newer than the last of the source
	Silenced        uint64 // reports of sources whose replays have rising numbers
	ReplayListFull  uint64 // from a new source while the replay list is full
	NoKey           uint64 // no AppKey with this AID, no device key, or no label
	BadMIC          uint64 // no possible key decrypts it
	OldSegment      uint64 // of a message older than one of the same source
	RepeatedSegment uint64 // received before
	Contradictory   uint64 // inconsistent with the earlier segments
	StrayAck        uint64 // for no outgoing message, or without new information

	// Reassemblies.
	Reassembled uint64 // complete messages
	Discarded   uint64 // not complete in time
	Superseded  uint64 // dropped for a newer message of the same source
	Evicted     uint64 // dropped because all slots were in use
	Rejected    uint64 // sources informed that there is no room for their message

	// Sending.
	AcksSent       uint64
	AcksReceived   uint64 // that acknowledged something new
	SegmentsSent   uint64
	SegmentsResent uint64             // included in SegmentsSent
	Results        [Failed + 1]uint64 // segmented messages, by Result
	NoSequence     uint64             // acknowledgments not sent because there was no sequence number
}
