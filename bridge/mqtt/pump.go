package mqtt

import (
	"context"
	"errors"
	"time"
)

// resubscribe is the wait before a refused subscription is asked for again.
const resubscribe = 30 * time.Second

// pump moves items from the outbox to the broker, a window of them at a time,
// until the connection breaks or, when Close asked for it, nothing is left.
//
// Brokers acknowledge in order, therefore it waits for the oldest only.
func (l *link) pump() error {
	s := l.session
	retry := time.NewTicker(resubscribe)
	defer retry.Stop()
	for {
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
			return errSilent
		case <-s.out.wake:
		case <-l.lost:
			return l.gone()
		case <-leaving:
		case <-s.life.Done():
			return context.Canceled
		case <-retry.C:
			if len(l.refused) > 0 {
				err := l.subscribe(l.refused)
				if err != nil && !errors.Is(err, errRefused) {
					return err
				}
				s.reports.subscribed(err)
			}
		}
	}
}

// fill sends until the window is full or nothing waits.
func (l *link) fill() {
	limits := l.session.options.Limits
	for l.flight.len() < limits.Window {
		next := l.session.out.next()
		if next == nil {
			return
		}
		l.flight.push(flying{
			item:     next,
			token:    l.client.Publish(next.topic, next.qos, next.retained, next.payload),
			deadline: time.Now().Add(limits.Timeout),
		})
	}
}

// oldest gives the channels that tell of the oldest item's acknowledgement and
// of its deadline; both are nil when nothing is in flight.
func (l *link) oldest() (acked <-chan struct{}, silent <-chan time.Time) {
	first, ok := l.flight.peek()
	if !ok {
		return nil, nil
	}
	return first.token.Done(), time.After(time.Until(first.deadline))
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
		l.session.out.acked(first.item)
		l.flight.pop()
	}
}
