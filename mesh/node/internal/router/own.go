package router

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// This file is what the node does about PDUs from its own address. Relays bring back
// what it has sent itself, within seconds. Anything else is somebody else's: of another
// node with the same address, such as one with a copy of this node's store, or of
// somebody who pretends to be this node.
//
//	            used more than a minute ago    used    not used yet
//	|───────────────────────────────────────|────────|─────────────
//	0                                       old      next
//	          a copy that is behind,          echo     a copy that is ahead
//	          or a recording                           or a forgery

const (
	// echoTime is how long a PDU of this node may take to come back.
	echoTime = time.Minute
	// reportPause is between two reports.
	reportPause = 10 * time.Second
)

// mark is which number was the next one at a moment.
type mark struct {
	at   time.Time
	iv   mesh.IVIndex
	next mesh.SequenceNumber
}

// ownNumbers knows which numbers were used long ago.
type ownNumbers struct {
	older, newer mark // at least echoTime apart
	reported     time.Time
}

// note notes the next number, about once in echoTime.
func (o *ownNumbers) note(now time.Time, s *sequence.Reserve) {
	switch iv := s.IVIndex(); {
	case o.newer.at.IsZero() || o.newer.iv != iv:
		o.older = mark{at: now, iv: iv}
		o.newer = mark{at: now, iv: iv, next: s.Peek()}
	case now.Sub(o.newer.at) >= echoTime:
		o.older, o.newer = o.newer, mark{at: now, iv: iv, next: s.Peek()}
	}
}

// isOld reports whether a number was used so long ago that it is no echo.
func (o *ownNumbers) isOld(seq mesh.SequenceNumber, iv mesh.IVIndex) bool {
	return iv == o.older.iv && seq < o.older.next
}

// heardOwn looks at a PDU from an address of this node. The node goes on behind a
// number that it has not used, since the others take its own messages for replays
// otherwise. What it skips is bounded, so that nobody can take all numbers from it.
func (r *Router) heardOwn(p *part.Received) {
	now, s := r.host.Now(), r.cfg.Sequence
	r.own.note(now, s)
	next := s.Peek()
	foreign, skipped := s.Heard(p.Seq, p.IVIndex)
	old := !foreign && r.own.isOld(p.Seq, p.IVIndex)
	if !foreign && !old {
		return
	}
	r.counters.OwnAddress++
	if !r.own.reported.IsZero() && now.Before(r.own.reported.Add(reportPause)) {
		return
	}
	r.own.reported = now
	r.host.Report(part.OwnAddressHeard{
		Src: p.Src, IVIndex: p.IVIndex, Seq: p.Seq, Next: next, Skipped: skipped, Old: old,
		Adapter: p.Origin.Adapter, RSSI: p.Origin.RSSI, Count: r.counters.OwnAddress,
	})
}
