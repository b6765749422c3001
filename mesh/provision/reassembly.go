package provision

// reassembly reassembles the segments of one transaction in memory of a fixed
// size. The zero value waits for a start PDU.
type reassembly struct {
	started bool
	segN    uint8
	fcs     uint8
	total   int
	have    uint8 // bit set of the received segments
	data    [maxTransaction]byte
}

// verdict is the result of a segment.
type verdict uint8

const (
	segmentTaken verdict = iota
	segmentKnown         // it was received before
	segmentEarly         // a continuation without a start
	segmentWrong         // it is inconsistent in itself or with earlier segments
	segmentsBad          // all are received, and the FCS is wrong
	segmentsDone         // all are received and correct: pdu returns them
)

// start takes a start PDU. If it contradicts the previous start, reassembly
// begins again: either of them may be forged, and keeping the first would let
// one forged PDU block the transaction.
func (r *reassembly) start(g *generic) verdict {
	if g.total < 1 || g.total > maxTransaction || g.high != lastSegment(g.total) {
		return segmentWrong
	}
	if _, to := span(0, g.total); len(g.data) != to {
		return segmentWrong
	}
	if !r.started {
		r.begin(g)
		return r.take(0, g.data)
	}
	if g.total == r.total && g.fcs == r.fcs {
		return segmentKnown
	}
	r.begin(g)
	if v := r.take(0, g.data); v != segmentTaken {
		return v
	}
	return segmentWrong
}

func (r *reassembly) begin(g *generic) {
	r.started, r.segN, r.total, r.fcs, r.have = true, g.high, g.total, g.fcs, 0
}

// continuation takes a continuation PDU.
func (r *reassembly) continuation(g *generic) verdict {
	switch {
	case !r.started:
		return segmentEarly
	case g.high == 0 || g.high > r.segN:
		return segmentWrong
	}
	if from, to := span(g.high, r.total); len(g.data) != to-from {
		return segmentWrong
	}
	if r.have&(1<<g.high) != 0 {
		return segmentKnown
	}
	return r.take(g.high, g.data)
}

func (r *reassembly) take(index uint8, data []byte) verdict {
	from, _ := span(index, r.total)
	copy(r.data[from:], data)
	r.have |= 1 << index
	if r.have != 1<<(r.segN+1)-1 {
		return segmentTaken
	}
	r.started = false // the next start PDU begins again
	if checksum(r.pdu()) != r.fcs {
		return segmentsBad
	}
	return segmentsDone
}

// pdu returns the transaction after segmentsDone, until the next segment.
func (r *reassembly) pdu() []byte { return r.data[:r.total] }
