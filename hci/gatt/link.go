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

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/connection"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// link is one connection from the wish for it to its end. One goroutine works it
// and tells of what happens, so that it is told in order.
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
	most   atomic.Int64   // octets of a PDU; 0 while the link is not open
	helper sync.WaitGroup // goroutines of this link

	finished chan struct{} // closed when nobody takes from in any more
}

// write queues a PDU. Before the link is open and after its end it is swallowed.
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

// disconnect ends the link; what Write has taken before is sent first, if that
// does not take long.
func (l *link) disconnect() {
	if l.most.Load() != 0 {
		select {
		case l.out <- nil: // the writer ends the link
			return
		default:
		}
	}
	l.cancel(errWanted)
}

// run works the link.
func (l *link) run() {
	st, n := l.st, &l.st.r.counters
	// The link has until the deadline to be open, whatever it takes.
	late := time.AfterFunc(st.r.cfg.Deadline, func() {
		if l.most.Load() == 0 {
			l.cancel(fmt.Errorf("gatt: expected %s to be ready within %s: %w", l.peer, st.r.cfg.Deadline, ErrTimeout))
		}
	})
	defer late.Stop()
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

// connect gets the connection: one that was made already, or one that is made
// now.
func (l *link) connect() (*path, error) {
	if l.incoming {
		return (<-l.made).path, nil
	}
	return l.st.initiate(l)
}

// serve readies the service and carries PDUs until the end, whose cause it
// returns.
func (l *link) serve(p *path) error {
	// The end of the link is the end of the connection, and the other way
	// round.
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

// useServer is a link on which this side is the client.
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

// serveClient is a link on which this side is the server.
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

// open tells that PDUs may go.
func (l *link) open(c *conn) {
	const header = 3 // of a write or a notification
	most := min(c.TxMTU(), l.st.r.cfg.MTU) - header
	l.most.Store(int64(most))
	l.st.r.counters.opened.Add(1)
	l.st.r.log.Debug("link open", "link", uint32(l.id), "peer", l.peer.String(), "longest", most)
	l.st.r.emit(l, bearer.LinkEvent{Kind: bearer.LinkOpened, MaxPDU: most})
}

// received takes a PDU from the peer to the link. It waits while many wait, and
// with it the peer.
func (l *link) received(pdu []byte) {
	select {
	case l.in <- pdu:
	case <-l.finished:
	}
}

// carry tells of what comes until the peer has unsubscribed, or until nothing
// comes any more: what came before the end of the connection is told, such as
// the last PDU of a provisioning.
func (l *link) carry(p *path, unsubscribed, exhausted <-chan struct{}) error {
	defer close(l.finished)
	for {
		select {
		case pdu := <-l.in:
			l.tell(pdu)
		case <-unsubscribed:
			select {
			case <-p.l2cap.Done(): // the end of the connection does that, too
				unsubscribed = nil
			default:
				return fmt.Errorf("gatt: %w", ErrUnsubscribed)
			}
		case <-exhausted:
			for len(l.in) > 0 {
				l.tell(<-l.in)
			}
			return p.l2cap.Err()
		}
	}
}

func (l *link) tell(pdu []byte) {
	l.st.r.counters.received.Add(1)
	l.st.r.emit(l, bearer.LinkEvent{Kind: bearer.LinkData, PDU: pdu})
}

// flushTime is how long the last PDUs of a link may take.
const flushTime = time.Second

// writer sends what Write has queued.
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
