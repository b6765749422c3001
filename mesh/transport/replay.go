package transport

import (
	"fmt"
	"maps"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// replayList is the message replay protection list (section 3.9.8). The package
// comment describes how segmented messages are handled.
type replayList struct {
	// By address, in 32 bits, for which maps have a fast implementation, unlike
	// for 16.
	sources map[uint32]*replayState
	limit   int
}

// replayState is what is known about one source.
type replayState struct {
	next    seqAuth // the lowest number that may be new
	segment seqAuth // the lowest SeqAuth of a segmented message that may be new

	// Messages that were refused since the last one that was accepted.
	highest seqAuth // of them
	refused uint32  // how many, each with a higher number than the one before
	since   int64   // when the first came, in ns since 1970
}

// Limits of what is reported of a source whose messages are refused.
const (
	// farBehind is how far below the list numbers are that no delay explains.
	farBehind = 256
	// enoughRefused is how many of them, one higher than the other, are reported:
	// the source goes on to send, but the list is ahead of it.
	enoughRefused = 5
	// moreRefused is after how many it is reported again.
	moreRefused = 1000
)

// Silence says that messages of a source are refused as replays though their
// numbers go up: the list has a number of the source that is far above the one that
// the source is at. Somebody has sent messages in its name, or the source has lost
// its sequence number. Or somebody replays a recording of it.
type Silence struct {
	Src     mesh.Address
	Listed  ReplayEntry // the last that was accepted
	Heard   ReplayEntry // the last that was refused
	Refused uint32      // so many since Since; 0 when a message was accepted again
	Since   time.Time
}

// refuse counts a replay, and reports a source that is silenced.
func (l *Layer) refuse(src mesh.Address, s *replayState, auth seqAuth, out *Output) {
	l.counters.Replayed++
	if s.next-auth <= farBehind || auth <= s.highest {
		return
	}
	if s.refused == 0 {
		s.since = l.now.UnixNano()
	}
	s.highest = auth
	s.refused++
	if s.refused == enoughRefused || s.refused%moreRefused == 0 {
		l.counters.Silenced++
		out.Silenced = append(out.Silenced, s.silence(src))
	}
}

func (s *replayState) silence(src mesh.Address) Silence {
	entry := func(a seqAuth) ReplayEntry { return ReplayEntry{Src: src, IVIndex: a.iv(), Seq: a.seq()} }
	return Silence{Src: src, Listed: entry(s.next - 1), Heard: entry(s.highest), Refused: s.refused, Since: time.Unix(0, s.since)}
}

// heardAgain ends the silence of a source.
func (s *replayState) heardAgain(src mesh.Address, out *Output) {
	if s.refused >= enoughRefused {
		over := s.silence(src)
		over.Refused = 0
		out.Silenced = append(out.Silenced, over)
	}
	s.highest, s.refused = 0, 0
}

func (r *replayList) init(limit int) {
	r.sources = make(map[uint32]*replayState)
	r.limit = limit
}

// find returns nil for a source that was not heard yet.
func (r *replayList) find(src mesh.Address) *replayState { return r.sources[uint32(src)] }

// full reports whether there is no room for another source.
func (r *replayList) full() bool { return len(r.sources) >= r.limit }

// add makes room for a source, nil if there is none.
func (r *replayList) add(src mesh.Address) *replayState {
	if r.full() {
		return nil
	}
	s := &replayState{}
	r.sources[uint32(src)] = s
	return s
}

// accept records an authentic message. It returns true if the stored entry of
// the source has changed.
func (s *replayState) accept(auth seqAuth, segmented bool) (moved bool) {
	if moved = auth >= s.next; moved {
		s.next = auth + 1
	}
	if segmented {
		s.segment = max(s.segment, auth+1)
	}
	return moved
}

// Restore puts stored entries into the replay list. It returns an error if the
// list is too short for them or an entry is invalid; the other entries are
// added nevertheless.
func (l *Layer) Restore(entries ...ReplayEntry) error {
	var err error
	for _, e := range entries {
		if !e.Src.IsUnicast() || e.Seq > mesh.MaxSequenceNumber {
			err = fmt.Errorf("transport: replay entry of %s with sequence number %#x: expected a unicast address and a 24-bit number", e.Src, uint32(e.Seq))
			continue
		}
		next := seqAuthOf(e.IVIndex, e.Seq) + 1
		state := l.replay.find(e.Src)
		if state == nil {
			state = l.replay.add(e.Src)
		}
		if state == nil {
			err = fmt.Errorf("transport: expected at most %d replay entries, got more; raise the limit", l.replay.limit)
			continue
		}
		state.next = max(state.next, next)
		state.segment = max(state.segment, next)
	}
	return err
}

// Sources returns the number of sources in the replay list.
func (l *Layer) Sources() int { return len(l.replay.sources) }

// Forget removes a source from the list. It is for a node that left the
// network. It is only safe once the node's keys are no longer accepted or the
// IV index has increased by two: otherwise its messages could be replayed.
func (l *Layer) Forget(src mesh.Address) {
	delete(l.replay.sources, uint32(src))
	l.dropReassemblies(src)
}

// ForgetBefore removes the sources whose last message had a lower IV index,
// after the network's IV index has increased. PDUs with an IV index below the
// current one minus one are not received any more, so they cannot be replayed.
func (l *Layer) ForgetBefore(oldest mesh.IVIndex) {
	limit := seqAuthOf(oldest, 0)
	maps.DeleteFunc(l.replay.sources, func(_ uint32, s *replayState) bool { return s.next <= limit })
}
