package proxy

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// fill begins as many connections as are missing.
func (c *Client) fill(now time.Time, out *ClientOutput) {
	c.now = now
	for c.on && len(c.links) < c.most {
		d := c.best(now)
		if d == nil {
			return
		}
		l := &clientLink{id: c.nextID(), to: d.Candidate, deadline: now.Add(connectTimeout)}
		c.links = append(c.links, l)
		c.counters.Connects++
		c.picks[d.trust()]++
		out.Connect = append(out.Connect, Connect{l.id, l.to})
	}
}

// best returns the proxy to connect to now, nil if there is none. A subnet
// without a connection comes first, then a preferred proxy, then the levels of trust
// in turn.
func (c *Client) best(now time.Time) *candidate {
	if now.Before(c.gathering) {
		return nil
	}
	turns := order(c.vain)
	var best *candidate
	var covered, preferred bool
	var turn int
	for _, d := range c.candidates {
		if now.Before(d.notBefore) || now.Sub(d.seen) >= fresh || c.has(d) {
			continue
		}
		has := slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.to.NetKey == d.NetKey })
		if has && d.Former {
			continue
		}
		wanted := d.Preferred && d.failures == 0 && c.vain == 0
		level := d.trust()
		at := slices.Index(turns[:], level)
		var first bool
		switch {
		case best == nil:
			first = true
		case has != covered:
			first = !has
		case d.Former != best.Former:
			first = best.Former
		case wanted != preferred:
			first = wanted
		case at != turn:
			first = at < turn
		default:
			first = better(d, best, c.picks[level]%2 == 1)
		}
		if first {
			best, covered, preferred, turn = d, has, wanted, at
		}
	}
	return best
}

// has reports whether there is a connection to a proxy already, with any device
// address.
func (c *Client) has(d *candidate) bool {
	return c.linkedTo(d.Node) != nil ||
		slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.to.Peer == d.Peer })
}

// linkedTo returns the connection to a node, nil if there is none or its node
// is unknown. Only who has the key counts: anybody can repeat a Node Identity.
func (c *Client) linkedTo(node mesh.Address) *clientLink {
	for _, l := range c.links {
		if l.proven && l.to.Node == node && node != mesh.Unassigned {
			return l
		}
	}
	return nil
}
