package mqtt

import (
	"context"
	"time"
)

const (
	// resubscribe is how often refused subscriptions are asked for again, in
	// rounds of chores.
	resubscribe = 30
	// chores is the time between two rounds of what is not urgent.
	chores = time.Second
	// firstWindow is how many messages are sent ahead until it is known that the
	// broker is not slow.
	firstWindow = 4
	// leisurely is an acknowledgement that took so long that fewer messages are
	// sent ahead: what waits here can still be replaced by something newer.
	leisurely = time.Second
)

// pump moves items from the outbox to the broker, a window of them at a time,
// until the connection breaks or, when Close asked for it, nothing is left.
//
// Brokers acknowledge in order, therefore it waits for the oldest only.
func (l *link) pump() error {
	s := l.session
	round := time.NewTicker(chores)
	defer round.Stop()
	l.window = min(s.options.Limits.Window, firstWindow)
	s.reports.losses(time.Now(), s.out)
	for rounds := 1; ; {
		if len(s.subscriptions(l.asked)) > 0 {
			if err := l.subscribeNew(); err != nil {
				return err
			}
			s.reports.subscribed(l.refused)
		}
		l.fill()
		leaving := s.stay.Done()
		if s.stay.Err() != nil {
			if s.out.idle() {
				return nil
			}
			leaving = nil
		}
		acked, silent := l.oldest()
		select {
		case <-acked:
			if err := l.land(); err != nil {
				return err
			}
		case <-silent:
			if l.quietSince() >= s.options.Limits.Timeout {
				return errSilent
			}
		case <-s.out.wake:
		case <-l.lost:
			return l.gone()
		case <-leaving:
		case <-s.life.Done():
			return context.Canceled
		case now := <-round.C:
			s.reports.chores(now, s.out)
			if rounds++; rounds%resubscribe == 0 && len(l.refused) > 0 {
				if err := l.subscribeAgain(); err != nil {
					return err
				}
				s.reports.subscribed(l.refused)
			}
		}
	}
}

// fill sends until the window is full or nothing waits.
func (l *link) fill() {
	for l.flight.len() < l.window {
		next := l.session.out.next()
		if next == nil {
			return
		}
		l.flight.push(flying{
			item:  next,
			token: l.client.Publish(next.topic, next.qos, next.retained, next.payload),
			sent:  time.Now(),
		})
	}
}

// oldest gives the channels that tell of the oldest item's acknowledgement and
// that it is time to look whether the broker has been silent for too long; both are
// nil when nothing is in flight.
func (l *link) oldest() (acked <-chan struct{}, silent <-chan time.Time) {
	first, ok := l.flight.peek()
	if !ok {
		return nil, nil
	}
	return first.token.Done(), time.After(l.session.options.Limits.Timeout - l.quietSince())
}

// quietSince is how long the broker has owed the oldest acknowledgement without a
// sign that it is at work.
func (l *link) quietSince() time.Duration {
	since := l.progress
	if first, ok := l.flight.peek(); ok && first.sent.After(since) {
		since = first.sent
	}
	if at := l.conn.Load().discarding(); at.After(since) {
		since = at
	}
	return time.Since(since)
}

// land takes every acknowledged item at the front out of the flight.
func (l *link) land() error {
	for {
		first, ok := l.flight.peek()
		if !ok {
			return nil
		}
		select {
		case <-first.token.Done():
		default:
			return nil
		}
		if err := first.token.Error(); err != nil {
			return l.why(err)
		}
		l.progress = time.Now()
		l.adjust(l.progress.Sub(first.sent))
		l.session.out.acked(first.item)
		l.flight.pop()
	}
}

// adjust makes the window smaller when the broker is slow, and larger again when
// it is not.
func (l *link) adjust(took time.Duration) {
	if took >= leisurely {
		l.window = max(1, l.window/2)
	} else {
		l.window = min(l.session.options.Limits.Window, l.window+1)
	}
}
