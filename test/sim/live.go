package sim

import (
	"context"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Live is a world whose time is that of the process, for programs that run beside it
// on the same air, such as a whole bridge. In a synctest bubble that is fake time. Its
// methods may be called from any goroutine; the world itself belongs to Run and Do.
type Live struct {
	mu      sync.Mutex
	world   *World
	began   time.Time
	changed chan struct{}
}

// NewLive makes a world live whose Options.Start is now. It stands still until Run.
func NewLive(w *World) *Live {
	return &Live{world: w, began: w.start, changed: make(chan struct{}, 1)}
}

// Run lets time pass until ctx ends.
func (l *Live) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.changed:
		}
		timer.Reset(time.Until(l.catchUp()))
	}
}

// catchUp does what is due and returns when to do it next.
func (l *Live) catchUp() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.world
	for now := time.Since(l.began); ; {
		if len(w.agenda) == 0 {
			return time.Now().Add(time.Hour)
		}
		if next := w.agenda[0].at; next > now {
			w.now = now
			return l.began.Add(next)
		}
		w.step()
	}
}

// Do runs f in the world, between two of its events.
func (l *Live) Do(f func(w *World)) {
	l.mu.Lock()
	l.world.now = max(l.world.now, time.Since(l.began))
	f(l.world)
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Antenna is a radio of a program outside the world.
type Antenna struct {
	live  *Live
	radio *radio
}

var _ bearer.Bearer = (*Antenna)(nil)

// Attach adds a radio that all stations hear, and that hears them. receive is called
// from the goroutine of Run and must not block.
func (l *Live) Attach(receive func(in *bearer.Incoming)) *Antenna {
	a := &Antenna{live: l}
	l.Do(func(w *World) {
		a.radio = w.newRadio(-1, func() mesh.Address { return mesh.Unassigned }, receive)
		for _, s := range w.Stations {
			a.radio.neighbours = append(a.radio.neighbours, s.radio)
			s.radio.neighbours = append(s.radio.neighbours, a.radio)
		}
	})
	return a
}

// Send implements bearer.Bearer.
func (a *Antenna) Send(o bearer.Outgoing) (err error) {
	a.live.Do(func(*World) { err = a.radio.Send(o) })
	return err
}

// Cancel implements bearer.Bearer.
func (a *Antenna) Cancel(lane bearer.Lane) {
	a.live.Do(func(*World) { a.radio.Cancel(lane) })
}

// Pace implements bearer.Paced.
func (a *Antenna) Pace() bearer.Pace {
	p := bearer.UsualPace()
	p.Parallel = slots
	return p
}

// Traffic is what the radio did so far.
func (a *Antenna) Traffic() (t Traffic) {
	a.live.Do(func(*World) { t = a.radio.traffic })
	return t
}
