package gatt

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// This file finds proxies that swallow what they are to forward. They answer
// configuration messages, so nothing else shows it.
//
//	request of any device ── answered ──▶ the network is reached: nothing is counted
//	                     └── no answer ─▶ the device is silent
//	several silent devices, and nothing came over the connection meanwhile ──▶ drop it

// How many devices have to be silent.
const (
	// silentAtOnce is enough if the proxy has not brought anything meanwhile.
	silentAtOnce = 2
	// silentAnyway is enough if it has: it may forward in one direction only.
	silentAnyway = 5
	// mostSilent bounds what is remembered.
	mostSilent = 128
)

// silence is which devices have not answered.
type silence struct {
	// since is when the first of the silent devices was asked, which have not answered
	// since any device did.
	since  time.Time
	silent map[mesh.Address]bool
	// excused are those that were silent when a proxy was dropped for that, and have
	// not answered since. They may be off, so they do not count again.
	excused map[mesh.Address]bool
}

// answered notes an answer.
func (s *silence) answered(dst mesh.Address) {
	if len(s.silent) > 0 {
		clear(s.silent)
	}
	delete(s.excused, dst)
}

// missed notes a device that was asked and has not answered.
func (s *silence) missed(dst mesh.Address, asked time.Time) {
	if s.excused[dst] || len(s.silent) >= mostSilent {
		return
	}
	if s.silent == nil {
		s.silent = map[mesh.Address]bool{}
	}
	if len(s.silent) == 0 || asked.Before(s.since) {
		s.since = asked
	}
	s.silent[dst] = true
}

// excuse begins again after a proxy was dropped.
func (s *silence) excuse() {
	if s.excused == nil || len(s.excused)+len(s.silent) > mostSilent {
		s.excused = map[mesh.Address]bool{}
	}
	for a := range s.silent {
		s.excused[a] = true
	}
	clear(s.silent)
}

// RequestEnded implements requests.Outcomes. It takes the end of a request that has
// been sent since asked, and drops the proxies that have turned out to be of no use.
func (c *Client) RequestEnded(dst mesh.Address, asked time.Time, answered bool) {
	switch {
	case answered && c.isProxyInUse(dst):
		return // its own answer does not show that it forwards others
	case answered:
		c.silence.answered(dst)
		c.doubtsAir = false
		return
	case !dst.IsUnicast() || c.options.Client == part.ClientOff:
		return
	}
	c.silence.missed(dst, asked)
	if len(c.proxies) == 0 && len(c.silence.silent) >= silentAtOnce && !c.doubtsAir {
		// What is heard by advertising may be a beacon that somebody repeats.
		c.doubtsAir = true
		c.host.Wake(c)
	}
	dropped := false
	for _, l := range c.links.all {
		if used := c.proxies[l.ID]; used != nil && l.IsOpen() && c.swallows(used) {
			c.client.Mute(c.host.Now(), l.ID, c.output())
			dropped = true
		}
	}
	if dropped {
		c.silence.excuse()
	}
}

// swallows reports whether a proxy seems to forward nothing. What was asked before it
// was ready does not count.
func (c *Client) swallows(used *usedProxy) bool {
	if !used.proven || used.ready.After(c.silence.since) {
		return false
	}
	n := len(c.silence.silent)
	return n >= silentAtOnce && used.brought.Before(c.silence.since) || n >= silentAnyway
}

// isProxyInUse reports whether an element is one of a proxy that is connected.
func (c *Client) isProxyInUse(element mesh.Address) bool {
	if len(c.proxies) == 0 {
		return false
	}
	primary, _ := c.peers.DeviceKey(element)
	for _, used := range c.proxies {
		if used.proven && (used.node == element || used.node == primary) {
			return true
		}
	}
	return false
}

// delivered notes that a message of the network came over a connection to a proxy. The
// proxy's own messages do not count.
func (c *Client) delivered(id bearer.LinkID, src mesh.Address) {
	if used := c.proxies[id]; used != nil && !c.isProxyInUse(src) {
		used.brought = c.host.Now()
		c.client.Delivered(id)
	}
}
