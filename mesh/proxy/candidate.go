package proxy

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// What is known of proxies is bounded and passes away.
const (
	maxCandidates = 32
	// fresh is how long after its last advertisement a proxy is expected to
	// take a connection: some advertise once in a second or two, and not
	// every advertisement is heard.
	fresh = 30 * time.Second
	// forget is after how long a proxy is as good as a new one.
	forget = 10 * time.Minute

	firstBackoff = 2 * time.Second
	longBackoff  = 5 * time.Minute
	doubtful     = 3  // failures after which others are looked for
	useless      = 10 // failures after which the back-off is the longest

	// In the choice a failure costs as much as some distance does, and a proxy
	// that has shown to have the key is preferred to one that only says so:
	// anybody can advertise a Network ID.
	failurePenalty = 8   // dB
	provenBonus    = 20  // dB
	preferredBonus = 100 // dB
)

// Candidate is a proxy in sight, of a subnet that this node is on.
type Candidate struct {
	Peer    bearer.Peer
	Adapter uint8
	RSSI    int8
	NetKey  mesh.KeyIndex
	Node    mesh.Address // unassigned when its service data does not tell
	// Preferred is one that shall be taken before others, as far as it does not
	// fail.
	Preferred bool
}

type candidate struct {
	Candidate
	seen      time.Time // zero: not since it failed
	failures  int
	notBefore time.Time
	proven    bool
}

func (c *candidate) score() int {
	score := int(c.RSSI) - failurePenalty*c.failures
	if c.proven {
		score += provenBonus
	}
	if c.Preferred && c.failures == 0 {
		score += preferredBonus
	}
	return score
}

// fail notes that a connection was not made, or not kept. Before the next one
// it must be sighted again: it may be gone.
func (c *candidate) fail(now time.Time) {
	c.failures++
	wait := longBackoff
	if shift := c.failures - 1; shift < useless {
		wait = min(firstBackoff<<shift, longBackoff)
	}
	c.notBefore = now.Add(wait)
	c.seen = time.Time{}
}

// candidates is what is known of the proxies around.
type candidates []*candidate

func (l candidates) find(p bearer.Peer) *candidate {
	for _, c := range l {
		if c.Peer == p {
			return c
		}
	}
	return nil
}

// see notes a sighting. When there is no room, the one that would be chosen
// last goes.
func (l *candidates) see(now time.Time, s Candidate) {
	*l = slices.DeleteFunc(*l, func(c *candidate) bool { return now.Sub(deadline.Latest(c.seen, c.notBefore)) > forget })
	if c := l.find(s.Peer); c != nil {
		if s.Node == mesh.Unassigned && s.NetKey == c.NetKey {
			s.Node, s.Preferred = c.Node, c.Preferred // it advertises both in turn
		}
		c.Candidate, c.seen = s, now
		return
	}
	if len(*l) < maxCandidates {
		*l = append(*l, &candidate{Candidate: s, seen: now})
		return
	}
	worst := slices.MinFunc(*l, func(a, b *candidate) int { return a.score() - b.score() })
	if int(s.RSSI) > worst.score() {
		*worst = candidate{Candidate: s, seen: now}
	}
}
