package proxy

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// The knowledge about proxies is limited and expires.
const (
	maxCandidates = 32
	// fresh is how long after its last advertisement a proxy is expected to
	// accept a connection. Some advertise only once in a second or two, and not
	// every advertisement is received.
	fresh = 30 * time.Second
	// forget is how long a proxy is remembered after its last sighting or back-off.
	forget = 10 * time.Minute

	firstBackoff = 2 * time.Second
	longBackoff  = 5 * time.Minute
	doubtful     = 3  // failures after which other proxies are preferred
	useless      = 10 // failures after which the back-off is at its maximum

	// In the choice a failure counts like a longer distance. A proxy that has
	// proved to have the key is preferred to one that only claims it: anybody
	// can advertise a Network ID.
	failurePenalty = 8   // dB
	provenBonus    = 20  // dB
	preferredBonus = 100 // dB
)

// Candidate is a proxy in range that belongs to one of this node's subnets.
type Candidate struct {
	Peer    bearer.Peer
	Adapter uint8
	RSSI    int8
	NetKey  mesh.KeyIndex
	Node    mesh.Address // unassigned if its service data does not identify it
	// Preferred says that it should be used before others as long as it does
	// not fail.
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

// fail notes that a connection failed or was lost. The proxy must be sighted
// again before the next attempt, because it may be gone.
func (c *candidate) fail(now time.Time) {
	c.failures++
	wait := longBackoff
	if shift := c.failures - 1; shift < useless {
		wait = min(firstBackoff<<shift, longBackoff)
	}
	c.notBefore = now.Add(wait)
	c.seen = time.Time{}
}

// candidates is what is known about the proxies in range.
type candidates []*candidate

func (l candidates) find(p bearer.Peer) *candidate {
	for _, c := range l {
		if c.Peer == p {
			return c
		}
	}
	return nil
}

// see records a sighting. If there is no room, the least suitable candidate is
// removed.
func (l *candidates) see(now time.Time, s Candidate) {
	*l = slices.DeleteFunc(*l, func(c *candidate) bool { return now.Sub(deadline.Latest(c.seen, c.notBefore)) > forget })
	if c := l.find(s.Peer); c != nil {
		if s.Node == mesh.Unassigned && s.NetKey == c.NetKey {
			s.Node, s.Preferred = c.Node, c.Preferred // it alternates between two advertisements
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
