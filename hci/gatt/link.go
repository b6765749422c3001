package gatt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ble/ble"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/connection"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// link is one connection, from the request to its end. One goroutine runs it
// and reports its events, so that they are in order.
type link struct {
	id       bearer.LinkID
	incoming bool
	service  bearer.Service
	peer     bearer.Peer

	st     *station
	ctx    context.Context
	cancel context.CancelCauseFunc
	made   chan outcome
	out    chan []byte    // from Write
	in     chan []byte    // from the peer
	most   atomic.Int64   // largest PDU in octets; 0 while the link is not open
	helper sync.WaitGroup // goroutines of this link

	finished chan struct{} // closed when nobody receives from in any more
}

// write queues a PDU. Before the link is open and after its end the PDU is
// dropped.
func (l *link) write(pdu []byte) error {
	most := int(l.most.Load())
	switch {
	case most == 0:
		return nil
	case len(pdu) == 0 || len(pdu) > most:
		return fmt.Errorf("gatt: expected a PDU of 1 to %d octets, got %d", most, len(pdu))
	}
	select {
	case l.out <- slices.Clone(pdu):
		return nil
	default:
		l.st.r.counters.full.Add(1)
		return bearer.ErrFull
	}
}

// disconnect ends the link. PDUs that Write has accepted are sent first, if
// that does not take long.
func (l *link) disconnect() {
	if l.most.Load() != 0 {
		select {
		case l.out <- nil: // nil makes the writer end the link
			return
		default:
		}
	}
	l.cancel(errWanted)
}

// run does the link's work.
func (l *link) run() {
	st, n := l.st, &l.st.r.counters
	// The deadline covers everything until the link is open.
	late := time.AfterFunc(st.r.cfg.Deadline, func() {
		if l.most.Load() == 0 {
			l.cancel(fmt.Errorf("gatt: expected %s to be ready within %s: %w", l.peer, st.r.cfg.Deadline, ErrTimeout))
		}
	})
	defer late.Stop()
	if l.incoming {
		defer l.yield()()
	}
	p, err := l.connect()
	if err == nil {
		err = l.serve(p)
		p.l2cap.Close(err)
		l.cancel(err)
		st.hangUp(p)
		l.helper.Wait()
	}
	l.cancel(err)
	if wanted := context.Cause(l.ctx); errors.Is(wanted, errWanted) {
		err = nil
	}
	opened := l.most.Swap(0) != 0
	switch {
	case !opened && err != nil:
		n.failed.Add(1)
	case opened && err != nil:
		n.lost.Add(1)
	}
	if errors.Is(err, ErrRules) || errors.Is(err, connection.ErrRules) || errors.Is(err, connection.ErrFlood) {
		n.broken.Add(1)
	}
	closed := st.r.log.With("link", uint32(l.id), "peer", l.peer.String())
	if err != nil {
		closed = closed.With("error", err)
	}
	closed.Debug("link closed")
	st.forget(l)
	st.r.emit(l, bearer.LinkEvent{Kind: bearer.LinkClosed, Err: err})
}

// Times of connections that peers make.
const (
	// patience is how long a peer that does not subscribe may take the last room.
	// Others need some seconds to discover the services.
	patience = 5 * time.Second
	// yieldInterval is between two looks at whether others need the room.
	yieldInterval = time.Second
)

// yield ends the link when its peer has not subscribed for some time and takes room
// that others may need. It returns a function that ends the watch.
func (l *link) yield() (stop func() bool) {
	r := l.st.r
	ready := make(chan struct{})
	var timer *time.Timer
	timer = time.AfterFunc(patience, func() {
		<-ready
		r.mu.Lock()
		crowded := !r.room() && len(r.advertised) > 0
		r.mu.Unlock()
		switch {
		case l.most.Load() != 0 || l.ctx.Err() != nil:
		case crowded:
			r.counters.evicted.Add(1)
			l.cancel(fmt.Errorf("gatt: expected %s to subscribe within %s, because there is no room for others: %w", l.peer, patience, ErrTimeout))
		default:
			timer.Reset(yieldInterval)
		}
	})
	close(ready)
	return timer.Stop
}

// connect returns the connection: one that exists already, or a new one.
func (l *link) connect() (*path, error) {
	if l.incoming {
		return (<-l.made).path, nil
	}
	return l.st.initiate(l)
}

// serve prepares the service and carries PDUs until the end. It returns the
// cause of the end.
func (l *link) serve(p *path) error {
	// The end of the link ends the connection, and the other way round.
	stop := context.AfterFunc(l.ctx, func() { p.l2cap.Close(context.Cause(l.ctx)) })
	defer stop()
	if l.st.s.Info().Features&packet.LEFeatureDataLength != 0 {
		_, err := l.st.s.Do(l.ctx, packet.LESetDataLength(p.handle))
		if _, refused := packet.Refused(err); err != nil && !refused {
			return err
		}
	}
	if l.incoming {
		return l.serveClient(p)
	}
	return l.useServer(p)
}

// useServer runs a link on which this side is the client.
func (l *link) useServer(p *path) error {
	r := l.st.r
	c := newConn(p.l2cap, guard{mtu: r.cfg.MTU}, l.peer.String(), l.received, &r.counters.dropped)
	client, err := ready(c, l.service)
	if err != nil {
		p.l2cap.Close(err)
		close(l.finished)
		<-c.ended // go-ble reads no more
		return err
	}
	l.open(c)
	l.helper.Go(func() { l.writer(p, client.send) })
	return l.carry(p, nil, c.ended)
}

// serveClient runs a link on which this side is the server.
func (l *link) serveClient(p *path) error {
	r := l.st.r
	s, err := newServer(p.l2cap, r.cfg.MTU, l.peer, l.service, l.received, &r.counters)
	if err != nil {
		return err
	}
	answered := make(chan struct{})
	l.helper.Go(func() {
		defer close(answered)
		s.run()
	})
	var n ble.Notifier
	select {
	case n = <-s.notifier:
	case <-p.l2cap.Done():
		close(l.finished)
		return p.l2cap.Err()
	}
	l.open(s.conn)
	l.helper.Go(func() {
		l.writer(p, func(pdu []byte) error {
			_, err := n.Write(pdu)
			return err
		})
	})
	return l.carry(p, n.Context().Done(), answered)
}

// open reports that PDUs can be sent.
func (l *link) open(c *conn) {
	const header = 3 // of a write or a notification
	most := min(c.TxMTU(), l.st.r.cfg.MTU) - header
	l.most.Store(int64(most))
	l.st.r.counters.opened.Add(1)
	l.st.r.log.Debug("link open", "link", uint32(l.id), "peer", l.peer.String(), "longest", most)
	l.st.r.emit(l, bearer.LinkEvent{Kind: bearer.LinkOpened, MaxPDU: most})
}

// received passes a PDU from the peer to the link. While the queue is full it
// waits, and so does the peer.
func (l *link) received(pdu []byte) {
	select {
	case l.in <- pdu:
	case <-l.finished:
	}
}

// carry reports received PDUs until the peer has unsubscribed, or until all
// PDUs from before the end of the connection are reported, such as the last PDU
// of provisioning.
func (l *link) carry(p *path, unsubscribed, exhausted <-chan struct{}) error {
	defer close(l.finished)
	for {
		select {
		case pdu := <-l.in:
			l.deliver(pdu)
		case <-unsubscribed:
			select {
			case <-p.l2cap.Done(): // the end of the connection cancels as well
				unsubscribed = nil
			default:
				return fmt.Errorf("gatt: %w", ErrUnsubscribed)
			}
		case <-exhausted:
			for len(l.in) > 0 {
				l.deliver(<-l.in)
			}
			return p.l2cap.Err()
		}
	}
}

func (l *link) deliver(pdu []byte) {
	l.st.r.counters.received.Add(1)
	l.st.r.emit(l, bearer.LinkEvent{Kind: bearer.LinkData, PDU: pdu})
}

// flushTime limits the sending of a link's last PDUs.
const flushTime = time.Second

// writer sends the PDUs that Write has queued.
func (l *link) writer(p *path, send func([]byte) error) {
	for {
		select {
		case pdu := <-l.out:
			if pdu == nil {
				ctx, cancel := context.WithTimeout(l.ctx, flushTime)
				p.pipe.Flush(ctx)
				cancel()
				l.cancel(errWanted)
				return
			}
			if err := send(pdu); err != nil {
				p.l2cap.Close(err)
				return
			}
			l.st.r.counters.sent.Add(1)
		case <-p.l2cap.Done():
			return
		}
	}
}
