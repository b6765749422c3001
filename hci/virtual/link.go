package virtual

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Link is what the air does to advertisements in one direction, from one
// advertiser to one listener. The zero value is a perfect link.
type Link struct {
	Cut       bool          // the listener is out of range and hears nothing
	Loss      float64       // probability from 0 to 1 that an advertising event is not heard
	Duplicate float64       // probability from 0 to 1 that a heard event is heard twice
	Delay     time.Duration // between transmission and reception
	Jitter    time.Duration // largest additional delay, uniformly distributed; it changes the order
	RSSI      int8          // dBm in the reports; 0 means -60
}

// DefaultRSSI is reported for links without an RSSI.
const DefaultRSSI = -60

// pair is one direction between two controllers.
type pair struct{ from, to uint64 }

// SetDefaultLink changes the link of all pairs that SetLink does not name. To
// define a topology edge by edge, cut the default link.
func (a *Air) SetDefaultLink(l Link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.defaultLink = l
}

// SetLink changes the link from one controller to another. The controllers need
// not be attached yet. It stays until ClearLink.
func (a *Air) SetLink(from, to packet.Address, l Link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.links[pair{addressKey(from), addressKey(to)}] = l
}

// SetLinks is SetLink in both directions.
func (a *Air) SetLinks(one, other packet.Address, l Link) {
	a.SetLink(one, other, l)
	a.SetLink(other, one, l)
}

// ClearLink returns the link from one controller to another to the default.
func (a *Air) ClearLink(from, to packet.Address) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.links, pair{addressKey(from), addressKey(to)})
}

// link is how to hears from.
func (a *Air) link(from, to *Controller) Link {
	if len(a.links) > 0 {
		if l, ok := a.links[pair{from.key, to.key}]; ok {
			return l
		}
	}
	return a.defaultLink
}

// chance is a small random source for one reception or one event. Its draws
// depend only on its seeds, so that no draw affects another source.
type chance uint64

// newChance mixes its seeds by the steps of SplitMix64.
func newChance(seeds ...uint64) chance {
	var c chance
	for _, s := range seeds {
		c ^= chance(s)
		c = chance(c.next())
	}
	return c
}

func (c *chance) next() uint64 {
	*c += 0x9e3779b97f4a7c15
	z := uint64(*c)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hit is true with probability p.
func (c *chance) hit(p float64) bool {
	return p > 0 && float64(c.next()>>11)/(1<<53) < p
}

// below returns a duration in [0, limit).
func (c *chance) below(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(c.next() % uint64(limit))
}
