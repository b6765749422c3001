package lists

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
)

// How long a list of devices waits after a change for further ones. While many devices
// join, each of them changes it several times, and it has all of them every time. Events
// tell at once what happens.
const (
	shortWait = 5 * time.Second
	longWait  = time.Minute
	longList  = 100_000 // octets; from then on the long wait holds
)

// pace is when the lists that have changed are published.
type pace struct {
	due    map[string]time.Time // of lists that have changed
	forced map[string]bool      // published although they are as they were
	octets map[string]int       // of the last publication
}

func newPace() pace {
	return pace{due: map[string]time.Time{}, forced: map[string]bool{}, octets: map[string]int{}}
}

// note takes the marks of the publisher.
func (p *pace) note(marks []publish.Mark, now time.Time) {
	for _, m := range marks {
		at := now
		if !m.Again {
			at = now.Add(p.wait(m.List))
		}
		if due, waits := p.due[m.List]; !waits || at.Before(due) {
			p.due[m.List] = at
		}
		p.forced[m.List] = p.forced[m.List] || m.Again
	}
}

// wait is how long a list waits for further changes.
func (p *pace) wait(list string) time.Duration {
	switch {
	case list != devices && list != unprovisioned:
		return 0
	case p.octets[list] > longList:
		return longWait
	default:
		return shortWait
	}
}

// take returns whether a list is to be published now, and whether even if it is as it was
// published last.
func (p *pace) take(list string, now time.Time) (due, again bool) {
	at, waits := p.due[list]
	if !waits || at.After(now) {
		return false, false
	}
	again = p.forced[list]
	delete(p.due, list)
	delete(p.forced, list)
	return true, again
}

// hasten makes all lists that have changed due.
func (p *pace) hasten(now time.Time) {
	for list := range p.due {
		p.due[list] = now
	}
}
