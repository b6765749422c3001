package proxy

import (
	"cmp"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// maxStatus is how many proxies Status lists.
const maxStatus = 8

// Status is what a client knows about a proxy.
type Status struct {
	Peer   bearer.Peer
	Node   mesh.Address // of its primary element; what it claims unless Proven is set
	NetKey mesh.KeyIndex
	RSSI   int8 // dBm, 127 if it is not known
	// Connected says that it is in use, since then.
	Connected bool
	Since     time.Time
	// Proven says that it has shown that it has the key.
	Proven bool
	// Mute says that devices fell silent behind it, and that it has brought nothing
	// since.
	Mute     bool
	Failures int       // in a row
	Reason   error     // of the last failure, nil for none
	Again    time.Time // it is not tried before
}

// Status lists the proxies in range: first those in use, then those that have proved to
// have the key, then those that have failed. It leaves out all others, and what is more
// than a few.
func (c *Client) Status() []Status {
	var list []Status
	for _, d := range c.candidates {
		s := Status{
			Peer: d.Peer, Node: d.Node, NetKey: d.NetKey, RSSI: d.RSSI, Proven: d.proven, Mute: d.mute,
			Failures: d.failures, Reason: d.reason, Again: d.notBefore,
		}
		for _, l := range c.links {
			if l.to.Peer == d.Peer && l.proven && l.phase != ending && l.phase != gone {
				s.Connected, s.Since = true, l.opened
			}
		}
		if s.Connected || s.Proven || s.Failures > 0 {
			list = append(list, s)
		}
	}
	rank := func(s Status) int {
		switch {
		case s.Connected:
			return 0
		case s.Proven:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), -cmp.Compare(a.Failures, b.Failures))
	})
	return list[:min(len(list), maxStatus)]
}
