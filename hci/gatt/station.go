package gatt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/connection"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// ErrOutOfSync ends a session with a controller that does not report the end of a
// connection or an attempt.
var ErrOutOfSync = errors.New("the controller has lost track of a connection")

// station is the radio on one controller for one session.
type station struct {
	r   *Radio
	s   *controller.Session
	ctx context.Context // of the session

	initiating chan struct{}           // capacity 1: held by the link whose turn it is to connect
	strangers  chan uint16             // connections that have to be ended
	failed     chan error              // capacity 1: the controller has to be reset
	links      sync.WaitGroup          // the links' goroutines
	ended      context.CancelCauseFunc // ends all links

	// Guarded by Radio.mu.
	over       bool
	exclusive  bool             // it can only connect while the radio is silent
	attempting *link            // the link that gets the next connection as central
	paths      map[uint16]*path // by connection handle
}

// path is a connection that the controller has established.
type path struct {
	handle      uint16
	supervision time.Duration
	l2cap       *connection.Connection
	pipe        *controller.Pipe
	gone        chan struct{} // closed with the end of the connection
}

// outcome is the result of an attempt.
type outcome struct {
	path   *path
	status packet.Status
}

// Serve runs the radio on a controller for one session.
func (r *Radio) Serve(ctx context.Context, s *controller.Session) error {
	// retire ends the links, because it knows the cause.
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	st := &station{
		r: r, s: s, ctx: inner, ended: cancel,
		initiating: make(chan struct{}, 1),
		strangers:  make(chan uint16, 64),
		failed:     make(chan error, 1),
		paths:      map[uint16]*path{},
	}
	r.mu.Lock()
	r.station = st
	r.refresh()
	r.mu.Unlock()
	err := st.run(ctx)
	st.retire(ctx, err)
	return err
}

// run disconnects unwanted connections until the session is over.
func (st *station) run(ctx context.Context) error {
	for {
		select {
		case handle := <-st.strangers:
			_, err := st.s.Do(ctx, packet.Disconnect(handle, packet.StatusRemoteResources))
			if _, refused := packet.Refused(err); err != nil && !refused {
				return err
			}
		case err := <-st.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// retire ends all links and waits for them.
func (st *station) retire(ctx context.Context, cause error) {
	if cause == nil {
		cause = context.Cause(ctx)
		st.endConnections(cause)
	}
	cause = fmt.Errorf("gatt: %w: %w", ErrRadio, cause)
	st.r.mu.Lock()
	st.over = true
	st.r.station = nil
	for _, p := range st.paths {
		p.l2cap.Close(cause)
	}
	st.r.mu.Unlock()
	st.ended(cause)
	st.links.Wait()
}

// endConnections ends the connections before the radio is released, so that the peers
// need not wait for their supervision timeouts. The controller's hosts have 200
// ms to return.
func (st *station) endConnections(cause error) {
	if !errors.Is(cause, context.Canceled) {
		return // the controller does not work
	}
	const patience = 120 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	st.r.mu.Lock()
	st.over = true
	paths := slices.Collect(maps.Values(st.paths))
	st.r.mu.Unlock()
	for _, p := range paths {
		if _, err := st.s.Do(ctx, packet.Disconnect(p.handle, packet.StatusRemotePowerOff)); err != nil {
			if _, refused := packet.Refused(err); !refused {
				return
			}
		}
	}
	for _, p := range paths {
		select {
		case <-p.gone:
		case <-ctx.Done():
			return
		}
	}
}

// add starts a link. The caller holds the lock.
func (st *station) add(l *link) {
	l.st = st
	l.ctx, l.cancel = context.WithCancelCause(st.ctx)
	l.made = make(chan outcome, 1)
	l.out = make(chan []byte, writeQueue)
	l.in = make(chan []byte, writeQueue)
	l.finished = make(chan struct{})
	st.r.links[l.id] = l
	st.r.refresh()
	st.links.Go(l.run)
}

// forget removes a link that has ended.
func (st *station) forget(l *link) {
	st.r.mu.Lock()
	defer st.r.mu.Unlock()
	delete(st.r.links, l.id)
	st.r.refresh()
}

// Event handles the events about connections and sightings.
func (r *Radio) Event(e packet.Event) {
	if e.Code == packet.EventDisconnectionComplete {
		r.disconnected(e)
		return
	}
	if e.Code != packet.EventLEMeta {
		return
	}
	sub, err := e.Subevent()
	if err != nil {
		r.counters.strange.Add(1)
		return
	}
	switch sub {
	case packet.SubeventAdvertisingReport, packet.SubeventExtendedAdvertisingReport:
		err = r.hear(e)
	case packet.SubeventConnectionComplete, packet.SubeventEnhancedConnectionComplete:
		err = r.connected(e)
	case packet.SubeventConnectionUpdateComplete:
		err = r.updated(e)
	}
	if err != nil {
		r.counters.strange.Add(1)
	}
}

// Data takes the data of connections.
func (r *Radio) Data(a packet.ACL) {
	r.mu.Lock()
	var p *path
	if r.station != nil {
		p = r.station.paths[a.Handle]
	}
	r.mu.Unlock()
	if p == nil {
		r.counters.strange.Add(1)
		return
	}
	p.l2cap.Receive(a)
}

// connected handles a new connection or a failed attempt.
func (r *Radio) connected(e packet.Event) error {
	made, err := e.ConnectionComplete()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.station
	if st == nil {
		return nil // the reset that follows ends it
	}
	var l *link
	if made.Role == packet.RoleCentral || made.Status != packet.StatusSuccess {
		l, st.attempting = st.attempting, nil
	}
	if made.Status != packet.StatusSuccess {
		if l != nil {
			l.made <- outcome{status: made.Status}
		}
		return nil
	}
	if l == nil && (made.Role == packet.RoleCentral || len(r.advertised) == 0 || !r.room() || st.over) {
		st.send(made.Handle)
		return nil
	}
	p, err := st.path(made)
	if err != nil {
		st.send(made.Handle)
		if l != nil {
			l.made <- outcome{status: packet.StatusMemoryExceeded}
		}
		return err
	}
	if l == nil {
		l = &link{id: r.nextIncoming(), incoming: true, service: r.service, peer: peer(made.PeerType, made.Peer)}
		st.add(l)
	}
	l.made <- outcome{path: p}
	return nil
}

// send requests the end of an unwanted connection.
func (st *station) send(handle uint16) {
	select {
	case st.strangers <- handle:
	default: // only a faulty adapter reports so many connections
		st.r.counters.strange.Add(1)
	}
}

// path opens the way to the peer of a new connection. The caller holds the
// lock.
func (st *station) path(made packet.ConnectionComplete) (*path, error) {
	pipe, err := st.s.Open(made.Handle, made.Supervision)
	if err != nil {
		return nil, err
	}
	if old := st.paths[made.Handle]; old != nil {
		old.end(packet.StatusUnknownConnection)
	}
	p := &path{handle: made.Handle, supervision: made.Supervision, pipe: pipe, gone: make(chan struct{})}
	p.l2cap = connection.New(connection.Config{
		Role: made.Role, Sender: pipe, MTU: st.r.cfg.MTU,
		Update: func(wanted packet.ConnectionParameters) { st.update(p, wanted) },
	})
	st.paths[made.Handle] = p
	return p, nil
}

// end notes that the connection has ended.
func (p *path) end(reason packet.Status) {
	p.l2cap.Close(fmt.Errorf("gatt: the connection has ended: %w", reason))
	close(p.gone)
}

// nextIncoming is a new number for a connection that a peer made. The number
// contains the adapter, because the radios of a service share the numbers. The
// caller holds the lock.
func (r *Radio) nextIncoming() bearer.LinkID {
	const numbers = 1 << 24
	r.incoming = (r.incoming + 1) % numbers
	return bearer.FirstIncoming | bearer.LinkID(r.cfg.Adapter&0x7f)*numbers | bearer.LinkID(r.incoming)
}

func (r *Radio) disconnected(e packet.Event) {
	end, err := e.DisconnectionComplete()
	if err != nil {
		r.counters.strange.Add(1)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.station == nil || end.Status != packet.StatusSuccess {
		return
	}
	if p := r.station.paths[end.Handle]; p != nil {
		delete(r.station.paths, end.Handle)
		p.end(end.Reason)
	}
}

// updated notes new parameters of a connection.
func (r *Radio) updated(e packet.Event) error {
	update, err := e.ConnectionUpdate()
	if err != nil || update.Status != packet.StatusSuccess {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.station == nil {
		return nil
	}
	if p := r.station.paths[update.Handle]; p != nil {
		p.supervision = update.Supervision
		p.pipe.Expect(update.Supervision)
	}
	return nil
}

// update applies parameters that a peripheral requested and that were accepted.
// It is called from Data, which must not wait for commands.
func (st *station) update(p *path, wanted packet.ConnectionParameters) {
	st.r.mu.Lock()
	defer st.r.mu.Unlock()
	if st.over {
		return
	}
	st.links.Go(func() {
		if _, err := st.s.Do(st.ctx, packet.LEConnectionUpdate(p.handle, wanted)); err != nil {
			st.r.log.Debug("the parameters of a connection were not changed", "error", err, "connection", p.handle)
		}
	})
}
