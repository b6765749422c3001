package transport

import (
	"fmt"
	"maps"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// replayList is the message replay protection list (section 3.9.8). The
// package comment says how segmented messages are treated.
type replayList struct {
	// By address, in 32 bits: maps have a fast way for those, not for 16.
	sources map[uint32]*replayState
	limit   int
}

// replayState is what is known of one source.
type replayState struct {
	next    seqAuth // the lowest number that may be new
	segment seqAuth // the lowest SeqAuth of a segmented message that may be new
}

func (r *replayList) init(limit int) {
	r.sources = make(map[uint32]*replayState)
	r.limit = limit
}

// find returns nil for a source that was not heard yet.
func (r *replayList) find(src mesh.Address) *replayState { return r.sources[uint32(src)] }

// full reports whether there is no room for another source.
func (r *replayList) full() bool { return len(r.sources) >= r.limit }

// add makes room for a source, nil when there is none.
func (r *replayList) add(src mesh.Address) *replayState {
	if r.full() {
		return nil
	}
	s := &replayState{}
	r.sources[uint32(src)] = s
	return s
}

// accept notes a message that was authentic. It returns true when what is to
// be stored of the source has changed.
func (s *replayState) accept(auth seqAuth, segmented bool) (moved bool) {
	if moved = auth >= s.next; moved {
		s.next = auth + 1
	}
	if segmented {
		s.segment = max(s.segment, auth+1)
	}
	return moved
}

// Restore puts stored entries into the replay list. It returns an error when
// the list is too short for them or an entry is not one that a Layer made;
// what fits is in the list nevertheless.
func (l *Layer) Restore(entries ...ReplayEntry) error {
	var err error
	for _, e := range entries {
		if !e.Src.IsUnicast() || e.Seq > mesh.MaxSequenceNumber {
			err = fmt.Errorf("transport: replay entry of %s with sequence number %#x: expected a unicast address and 24 bits", e.Src, uint32(e.Seq))
			continue
		}
		next := seqAuthOf(e.IVIndex, e.Seq) + 1
		state := l.replay.find(e.Src)
		if state == nil {
			state = l.replay.add(e.Src)
		}
		if state == nil {
			err = fmt.Errorf("transport: more replay entries than the %d sources of the configuration: raise the limit", l.replay.limit)
			continue
		}
		state.next = max(state.next, next)
		state.segment = max(state.segment, next)
	}
	return err
}

// Sources is the number of sources in the replay list.
func (l *Layer) Sources() int { return len(l.replay.sources) }

// Forget drops what is known of a source. It is for a node that left the
// network, and only safe once its keys are no longer accepted or the IV index
// has moved on by two: what it sent could be replayed otherwise.
func (l *Layer) Forget(src mesh.Address) {
	delete(l.replay.sources, uint32(src))
	l.dropReassemblies(src)
}

// ForgetBefore drops the sources whose last message had a lower IV index. It
// is for the network's IV index having moved on: PDUs with an IV index below
// the current one less one are not received any more, so nothing of them can
// be replayed.
func (l *Layer) ForgetBefore(oldest mesh.IVIndex) {
	limit := seqAuthOf(oldest, 0)
	maps.DeleteFunc(l.replay.sources, func(_ uint32, s *replayState) bool { return s.next <= limit })
}
