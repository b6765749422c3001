package echo

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
)

const (
	// mostTopic is how much of a topic is shown, in octets.
	mostTopic = 200
	// mostNamed is how many topics a warning names.
	mostNamed = 5
)

// send publishes B/bridge/echo.
func (p *Part) send() {
	if !p.started {
		return // it does not know its node yet
	}
	payload, err := json.Marshal(p.own)
	if err != nil {
		return // its fields can always be written
	}
	p.way.echo.await(p.h.Loop.Now())
	p.h.Publisher.Event(p.h.Topics.Bridge("echo"), payload, publish.AtLeastOnce)
}

// listen finds out which topics are silent, and warns when there are others than
// before. While messages wait to be sent nothing can be said.
func (p *Part) listen() {
	if p.cfg.Session == nil || p.way.connected.IsZero() {
		return
	}
	const someQueued, calmFor = 10, 5 * time.Second
	now := p.h.Loop.Now()
	if now.Sub(p.way.connected) < patience {
		return
	}
	switch queued := p.cfg.Session().Queued; {
	case queued > someQueued:
		p.way.calm = time.Time{}
		return
	case p.way.calm.IsZero():
		p.way.calm = now
		if !p.way.echo.since.IsZero() { // it may have been too old when its turn came
			p.way.echo.since = time.Time{}
			p.send()
		}
		return
	case now.Sub(p.way.calm) < calmFor:
		return
	}
	all := p.way.echo.late(now, p.way.connected)
	if !all && !p.way.echo.since.IsZero() {
		return // it may still come
	}
	var silent []string
	if all {
		silent = append(silent, p.h.Topics.Bridge("echo"))
	}
	for topic, v := range p.values {
		if v.late(now, p.way.connected) {
			silent = append(silent, topic)
		}
	}
	slices.Sort(silent)
	if slices.Equal(silent, p.way.silent) {
		return
	}
	grown := slices.ContainsFunc(silent, func(t string) bool { return !slices.Contains(p.way.silent, t) })
	denied := p.way.denied && all
	p.way.silent, p.way.denied = silent, all
	p.h.Publisher.Changed("health")
	switch {
	case len(silent) == 0:
		p.h.Log.Info().Msg("the broker takes what the bridge publishes, and gives it back")
	case !grown, denied:
	case all:
		p.h.Publisher.Warn("", "nothing that the bridge publishes comes back from the broker: its access rules do not allow this user to write, or to read, below %s. "+
			"Requests (%s) and commands (%s/+/set) may not arrive either. Topics: %s",
			p.h.Topics.Base(), p.h.Topics.Request("#"), p.h.Topics.Base(), named(silent))
	default:
		p.h.Publisher.Warn("", "the bridge cannot write these topics, or not read them back; check the broker's access rules for this user, and its limit for the size of a message: %s", named(silent))
	}
}

// named lists some topics.
func named(topics []string) string {
	list := make([]string, 0, mostNamed+1)
	for _, t := range topics[:min(len(topics), mostNamed)] {
		list = append(list, excerpt.Of(t, mostTopic))
	}
	if len(topics) > mostNamed {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}
