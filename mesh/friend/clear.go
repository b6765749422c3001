package friend

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// clearing is a friend clear procedure (section 3.6.6.3.1): it informs the
// former friend of a Low Power node until that friend confirms.
type clearing struct {
	netKey   mesh.KeyIndex
	former   mesh.Address
	what     Clear
	repeatAt time.Time
	interval time.Duration
	end      time.Time
}

// pastFriendship is a friendship that was cleared. It is kept so that a repeated
// Clear is confirmed again.
type pastFriendship struct {
	netKey mesh.KeyIndex
	lpn    mesh.Address
	since  uint16 // LPNCounter
	end    time.Time
}

const (
	firstRepeat        = time.Second
	maxClears          = 64
	maxPastFriendships = 64
)

// startClearing begins the procedure if the Low Power node had another friend
// before.
func (f *Friend) startClearing(now time.Time, s *friendship, out *Output) {
	if !s.previous.IsUnicast() || s.previous == f.cfg.Address {
		return
	}
	f.clears = slices.DeleteFunc(f.clears, func(c clearing) bool { return c.netKey == s.NetKey && c.what.LPN == s.LPN })
	if len(f.clears) >= maxClears {
		f.clears = slices.Delete(f.clears, 0, 1)
	}
	f.clears = append(f.clears, clearing{
		netKey:   s.NetKey,
		former:   s.previous,
		what:     Clear{LPN: s.LPN, LPNCounter: s.LPNCounter},
		interval: firstRepeat,
		end:      now.Add(2 * s.pollTimeout),
	})
	f.sendClear(now, &f.clears[len(f.clears)-1], out)
}

func (f *Friend) sendClear(now time.Time, c *clearing, out *Output) {
	c.repeatAt = now.Add(c.interval)
	c.interval *= 2
	f.control(c.netKey, c.former, mesh.MaxTTL, OpClear, c.what.Append, Link{}, out)
}

func (f *Friend) clearDeadline() time.Time {
	var next time.Time
	for i := range f.clears {
		next = deadline.Earliest(next, deadline.Earliest(f.clears[i].repeatAt, f.clears[i].end))
	}
	return next
}

func (f *Friend) tickClears(now time.Time, out *Output) {
	f.clears = slices.DeleteFunc(f.clears, func(c clearing) bool { return deadline.Due(c.end, now) })
	for i := range f.clears {
		if deadline.Due(f.clears[i].repeatAt, now) {
			f.sendClear(now, &f.clears[i], out)
		}
	}
}

// clearConfirmed ends the procedure.
func (f *Friend) clearConfirmed(m *Control) error {
	c, err := ParseClear(m.Params)
	if err != nil {
		return err
	}
	f.clears = slices.DeleteFunc(f.clears, func(k clearing) bool {
		return k.netKey == m.NetKey && k.former == m.Src && k.what == c
	})
	return nil
}

// clear ends a friendship at the request of another friend or of the Low Power
// node itself, and confirms it.
func (f *Friend) clear(now time.Time, m *Control, out *Output) error {
	c, err := ParseClear(m.Params)
	if err != nil {
		return err
	}
	if m.Secured {
		return malformed("Friend Clear", "flooding credentials", m.Src)
	}
	f.cleared = slices.DeleteFunc(f.cleared, func(w pastFriendship) bool { return deadline.Due(w.end, now) })
	s := f.find(m.NetKey, c.LPN)
	switch {
	case s != nil && (s.phase == established || !s.keep.IsZero()) && validClear(c.LPNCounter, s.LPNCounter):
		f.end(s, Cleared, out)
		if len(f.cleared) >= maxPastFriendships {
			f.cleared = slices.Delete(f.cleared, 0, 1)
		}
		f.cleared = append(f.cleared, pastFriendship{m.NetKey, c.LPN, s.LPNCounter, now.Add(s.pollTimeout)})
	case !slices.ContainsFunc(f.cleared, func(w pastFriendship) bool {
		return w.netKey == m.NetKey && w.lpn == c.LPN && validClear(c.LPNCounter, w.since)
	}):
		return nil
	}
	ttl := mesh.MaxTTL
	if m.TTL == 0 {
		ttl = 0 // a neighbour, perhaps the Low Power node itself
	}
	f.control(m.NetKey, m.Src, ttl, OpClearConfirm, c.Append, Link{}, out)
	return nil
}
