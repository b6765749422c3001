package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Errors of a Pipe that callers branch on.
var (
	// ErrClosed is returned by Send after the end of the connection.
	ErrClosed = errors.New("connection is closed")
	// ErrStalled ends a session: the controller keeps data, completes nothing,
	// and does not end the connection either.
	ErrStalled = errors.New("controller does not send")
	// ErrNoData is returned for a controller without buffers for LE data.
	ErrNoData = errors.New("controller has no buffers for LE data")
)

// pipeQueue is how many PDUs can wait on a Pipe.
const pipeQueue = 8

// flow shares the ACL buffers of the controller among the connections (Core,
// volume 4 part E, section 4.1.1). A connection may use its share of them, but
// at least one, so that a peer that accepts nothing cannot block the others.
// Connections with something to send take turns after each packet.
type flow struct {
	mu       sync.Mutex
	buffers  packet.Buffers
	free     int
	pipes    []*Pipe       // in order of their turns
	over     bool          // the session has ended
	deadline time.Duration // deadline of commands
	kick     chan struct{}
	packet   []byte // packet being written; used by pump
}

// Pipe carries the data of one connection to the controller. It ends with the
// connection or with the session.
type Pipe struct {
	flow     *flow
	handle   uint16
	patience time.Duration

	// Guarded by flow.mu.
	queue  [pipeQueue][]byte // PDUs that wait; the first may be partly sent
	count  int
	sent   int           // octets of the first PDU that the controller has
	held   int           // packets that the controller has and has not completed
	since  time.Time     // time of the last completion, or of the first of held
	warned bool          // it was overdue once, and the connection is being ended
	idle   chan struct{} // signalled when nothing waits and nothing is held
	room   chan struct{} // signalled when the queue has room again
	closed chan struct{}
	isOver bool
}

func newFlow(deadline time.Duration) *flow {
	return &flow{deadline: deadline, kick: make(chan struct{}, 1)}
}

// Open makes the Pipe of a new connection. The supervision timeout is that of
// the connection: the controller may have good reasons to complete nothing for
// that long. Open must be called from Host.Event, because a handle that is used
// again means another connection.
func (s *Session) Open(handle uint16, supervision time.Duration) (*Pipe, error) {
	f := s.flow
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.buffers.Count == 0 {
		return nil, fmt.Errorf("controller: connection 0x%04x: %w", handle, ErrNoData)
	}
	if f.over {
		return nil, fmt.Errorf("controller: connection 0x%04x: %w", handle, ErrReset)
	}
	f.close(handle) // a controller that uses a handle twice has ended the first connection
	p := &Pipe{
		flow: f, handle: handle, patience: supervision + f.deadline,
		idle: make(chan struct{}, 1), room: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	f.pipes = append(f.pipes, p)
	return p, nil
}

// Send queues one L2CAP PDU including its header; the octets are copied. It
// waits while the queue is full.
func (p *Pipe) Send(ctx context.Context, pdu []byte) error {
	for {
		if p.TrySend(pdu) {
			return nil
		}
		select {
		case <-p.room:
		case <-p.closed:
			return fmt.Errorf("controller: connection 0x%04x: %w", p.handle, ErrClosed)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// TrySend is Send for callers that must not wait. It returns false if the PDU
// was not queued.
func (p *Pipe) TrySend(pdu []byte) bool {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	if p.isOver || p.count == pipeQueue {
		return false
	}
	p.queue[p.count] = slices.Clone(pdu)
	p.count++
	if p.count < pipeQueue {
		signal(p.room) // another caller may be waiting
	}
	p.flow.wake()
	return true
}

// Expect sets a new supervision timeout of the connection.
func (p *Pipe) Expect(supervision time.Duration) {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	p.patience = supervision + p.flow.deadline
	p.flow.wake()
}

// Flush waits until the controller has sent all queued data, at most until the
// context or the connection ends.
func (p *Pipe) Flush(ctx context.Context) {
	for {
		p.flow.mu.Lock()
		busy := p.count > 0 || p.held > 0
		p.flow.mu.Unlock()
		if !busy {
			return
		}
		select {
		case <-p.idle:
		case <-p.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// signal puts a token into a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (f *flow) wake() { signal(f.kick) }

// find returns the Pipe of a connection, or nil. The caller holds the lock.
func (f *flow) find(handle uint16) *Pipe {
	for _, p := range f.pipes {
		if p.handle == handle {
			return p
		}
	}
	return nil
}

// disconnected notes that a connection has ended. This frees the buffers of its
// packets (section 4.3).
func (f *flow) disconnected(handle uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close(handle)
}

// close ends a pipe. The caller holds the lock.
func (f *flow) close(handle uint16) {
	p := f.find(handle)
	if p == nil {
		return
	}
	f.pipes = slices.DeleteFunc(f.pipes, func(o *Pipe) bool { return o == p })
	f.free += p.held
	p.isOver = true
	p.held, p.count, p.queue = 0, 0, [pipeQueue][]byte{}
	close(p.closed)
	f.wake()
}

// end closes all pipes, with the session.
func (f *flow) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	for len(f.pipes) > 0 {
		f.close(f.pipes[0].handle)
	}
}

// completed takes buffers back. It returns false if the controller returns more
// than it has; the surplus is ignored.
func (f *flow) completed(rows packet.Completed, now time.Time) (sound bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sound = true
	for {
		handle, n, ok := rows.Next()
		if !ok {
			break
		}
		p := f.find(handle)
		if p == nil {
			continue // from a connection that has just ended
		}
		if n > p.held {
			sound, n = false, p.held
		}
		if n > 0 {
			p.held -= n
			f.free += n
			p.since, p.warned = now, false
			if p.held == 0 && p.count == 0 {
				signal(p.idle)
			}
		}
	}
	f.wake()
	return sound
}

// next takes the next packet in turn and encodes it.
func (f *flow) next(now time.Time) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.free == 0 || len(f.pipes) == 0 {
		return nil, false
	}
	share := max(1, f.buffers.Count/len(f.pipes))
	for i, p := range f.pipes {
		if p.count == 0 || p.held >= share {
			continue
		}
		f.pipes = append(slices.Delete(f.pipes, i, i+1), p)
		if p.held == 0 {
			p.since = now
		}
		p.held++
		f.free--
		f.packet = p.fragment(f.buffers.Length).AppendTo(f.packet[:0])
		p.advance(f.buffers.Length)
		return f.packet, true
	}
	return nil, false
}

// fragment is the part of the first PDU that is sent next.
func (p *Pipe) fragment(length int) packet.ACL {
	boundary := packet.BoundaryStart
	if p.sent > 0 {
		boundary = packet.BoundaryContinue
	}
	pdu := p.queue[0]
	return packet.ACL{Handle: p.handle, Boundary: boundary, Data: pdu[p.sent:min(len(pdu), p.sent+length)]}
}

// advance moves on by one fragment.
func (p *Pipe) advance(length int) {
	p.sent += length
	if p.sent < len(p.queue[0]) {
		return
	}
	copy(p.queue[:], p.queue[1:p.count])
	p.count--
	p.queue[p.count] = nil
	p.sent = 0
	signal(p.room)
}

// overdue returns a connection whose data the controller has kept for too long,
// and when the next will be overdue, or zero.
func (f *flow) overdue(now time.Time) (late *Pipe, again bool, next time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pipes {
		if p.held == 0 {
			continue
		}
		deadline := p.since.Add(p.patience)
		if !now.Before(deadline) {
			again = p.warned
			p.warned, p.since = true, now
			return p, again, now
		}
		if next.IsZero() || deadline.Before(next) {
			next = deadline
		}
	}
	return nil, false, next
}

// pump writes the data of all connections and watches that the controller sends
// it.
func (s *Session) pump(ctx context.Context) {
	defer s.flow.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if p, ok := s.flow.next(time.Now()); ok {
			if err := s.writeData(ctx, p); err != nil {
				return
			}
			continue
		}
		late, again, next := s.flow.overdue(time.Now())
		if late != nil {
			if err := s.stalled(ctx, late, again); err != nil {
				return
			}
			continue
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-s.flow.kick:
		case <-timer.C:
		case <-s.over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// writeData writes one data packet, alternating with commands.
func (s *Session) writeData(ctx context.Context, p []byte) error {
	select {
	case s.writing <- struct{}{}:
	case <-s.over:
		return ErrReset
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.writing }()
	s.c.counters.data.Add(1)
	if err := s.link.transport.Write(p); err != nil {
		s.fail(fmt.Errorf("controller: ACL data: %w", err))
		return err
	}
	return nil
}

// stalled handles data that the controller keeps for longer than the
// supervision timeout. The cause may be a peer that acknowledges nothing but
// stays, so the connection is ended first. If the controller does not end it,
// the controller is reset.
func (s *Session) stalled(ctx context.Context, p *Pipe, again bool) error {
	s.c.counters.stalled.Add(1)
	if again {
		err := fmt.Errorf("controller: expected the data of connection 0x%04x to be sent, or its end, within %s, neither happened: %w", p.handle, 2*p.patience, ErrStalled)
		s.fail(err)
		return err
	}
	s.c.log.Warn("the controller does not send the data of a connection; ending the connection", "connection", p.handle, "after", p.patience)
	if _, err := s.Do(ctx, packet.Disconnect(p.handle, packet.StatusRemoteUser)); err != nil && !s.alive() {
		return err
	}
	return nil
}
