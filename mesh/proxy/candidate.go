package proxy

import (
	"math"
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
	// provenBackoff is the longest back-off of a proxy that has proved to have the
	// key. Somebody who copies its device address must not keep it away.
	provenBackoff = 30 * time.Second
	doubtful      = 3  // failures after which other proxies are preferred
	useless       = 10 // failures after which the back-off is longBackoff

	// failurePenalty is how a failure counts in the choice: like a longer distance.
	failurePenalty = 8 // dB

	// unknownRSSI is what a controller reports that has not measured. Such a proxy
	// counts as the weakest.
	unknownRSSI int8 = 127
)

// trust is what a proxy has shown of itself. Without a key anybody can copy a
// Network ID, which is always the same. A hash with a random number can only be
// repeated. Only who has the key can answer a configuration message.
type trust uint8

const (
	claimed    trust = iota // advertises the Network ID of a subnet
	recognized              // advertises a hash that fits a key and a random number
	proven                  // has answered a configuration message
	levels
)

// Candidate is a proxy in range that belongs to one of this node's subnets.
type Candidate struct {
	Peer    bearer.Peer
	Adapter uint8
	RSSI    int8 // dBm, 127 if it is not known
	NetKey  mesh.KeyIndex
	Node    mesh.Address // unassigned if its service data does not identify it
	// Identity is how it advertises.
	Identity Identification
	// Preferred says that it should be used before others as long as it does
	// not fail.
	Preferred bool
	// Former says that it has proved earlier to have the key, and now advertises
	// something that fits no key of this node. It may have missed the end of a key
	// refresh, or it has left the network. It is used when there is no other.
	Former bool
}

type candidate struct {
	Candidate
	first     time.Time // since when it is seen, without a longer pause
	seen      time.Time // zero: not since it failed
	failures  int
	reason    error // of the last failure
	notBefore time.Time
	proven    bool
	excluded  bool // it cannot be used, whatever it advertises
	mute      bool // it was left because devices fell silent behind it, and has brought nothing since
}

func (c *candidate) trust() trust {
	switch {
	case c.mute, c.Former:
		return claimed
	case c.proven:
		return proven
	case c.Identity != NetworkID:
		return recognized
	default:
		return claimed
	}
}

func (c *candidate) score() int {
	score := int(c.RSSI)
	if c.RSSI == unknownRSSI {
		score = math.MinInt8
	}
	return score - failurePenalty*c.failures
}

// shown is for how long it has been seen. Who changes its device address again and
// again is never seen for long.
func (c *candidate) shown() time.Duration { return max(c.seen.Sub(c.first), 0) }

// fail notes that a connection failed or was lost. The proxy must be sighted
// again before the next attempt, because it may be gone.
func (c *candidate) fail(now time.Time, reason error) {
	c.failures++
	c.reason = reason
	wait := longBackoff
	if shift := c.failures - 1; shift < useless {
		wait = min(firstBackoff<<shift, longBackoff)
	}
	switch {
	case c.excluded:
		wait = longBackoff
	case c.trust() == proven:
		wait = min(wait, provenBackoff)
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

// see records a sighting. If there is no room, the least useful candidate is
// removed, of several equal ones a random one: it must not be always the last that
// came. known says whether the proxy has proved earlier to have the key.
func (l *candidates) see(now time.Time, s Candidate, known bool, random int) {
	*l = slices.DeleteFunc(*l, func(c *candidate) bool { return now.Sub(deadline.Latest(c.seen, c.notBefore)) > forget })
	if c := l.find(s.Peer); c != nil {
		if s.NetKey == c.NetKey && s.Identity == NetworkID && !s.Former && !c.Former {
			s.Node, s.Preferred, s.Identity = c.Node, c.Preferred, c.Identity // it alternates between two advertisements
		}
		if now.Sub(deadline.Latest(c.seen, c.notBefore)) > fresh {
			c.first = now
		}
		c.Candidate, c.seen = s, now
		return
	}
	d := &candidate{Candidate: s, first: now, seen: now, proven: known}
	if len(*l) < maxCandidates {
		*l = append(*l, d)
		return
	}
	worst := (*l)[random%len(*l)]
	for _, c := range *l {
		if c.useful(now, worst) < 0 {
			worst = c
		}
	}
	if !worst.proven || known {
		*worst = *d
	}
}

// useful compares how useful it is to remember two candidates: one that has proved
// to have the key, then one that is still seen, has failed less, and is seen for
// longer. So a flood of new device addresses does not push a lasting proxy out.
func (c *candidate) useful(now time.Time, other *candidate) int {
	rank := func(c *candidate) [4]int {
		stale, known := 0, 0
		if now.Sub(deadline.Latest(c.seen, c.notBefore)) >= fresh {
			stale = 1
		}
		if c.proven {
			known = 1
		}
		return [4]int{known, -stale, -c.failures, int(c.shown() / time.Millisecond)}
	}
	a, b := rank(c), rank(other)
	return slices.Compare(a[:], b[:])
}

// order says in which order the levels of trust get their turn, after so many
// attempts in a row that failed. No number of false proxies of one level keeps the
// client from the others.
func order(vain int) [levels]trust {
	switch vain % 4 {
	case 1:
		return [levels]trust{recognized, claimed, proven}
	case 3:
		return [levels]trust{claimed, recognized, proven}
	default:
		return [levels]trust{proven, recognized, claimed}
	}
}

// better reports whether a is to be tried before b. In every second turn of a level
// of trust that is the stronger one; in the others it is the one that has failed
// less and is seen for longer, because the strongest ones may all be false.
func better(a, b *candidate, lasting bool) bool {
	if lasting {
		if a.failures != b.failures {
			return a.failures < b.failures
		}
		if x, y := a.shown()/time.Second, b.shown()/time.Second; x != y {
			return x > y
		}
	}
	return a.score() > b.score()
}
