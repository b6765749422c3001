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
	// ErrClosed is what Send gets after the end of the connection.
	ErrClosed = errors.New("connection is closed")
	// ErrStalled ends a session: the controller keeps data and completes
	// nothing, and does not end the connection either.
	ErrStalled = errors.New("controller does not send")
	// ErrNoData is for a controller without buffers for LE data.
	ErrNoData = errors.New("controller has no buffers for LE data")
)

// pipeQueue is how many PDUs can wait on a Pipe.
const pipeQueue = 8

// flow shares the ACL buffers of the controller among the connections (Core,
// volume 4 part E, section 4.1.1). A connection may fill its share of them, at
// least one, so that a peer that takes nothing keeps nobody else from sending;
// whoever has something to send gets its turn after each packet.
type flow struct {
	mu       sync.Mutex
	buffers  packet.Buffers
	free     int
	pipes    []*Pipe       // in turn
	over     bool          // the session has ended
	deadline time.Duration // of commands
	kick     chan struct{}
	packet   []byte // being written; of the pump
}

// Pipe is the way of the data of one connection to the controller. It ends with
// the connection or with the session.
type Pipe struct {
	flow     *flow
	handle   uint16
	patience time.Duration

	// Guarded by flow.mu.
	queue  [pipeQueue][]byte // PDUs that wait; the first may be sent in part
	count  int
	sent   int           // octets of the first that the controller has
	held   int           // packets that the controller has and has not completed
	since  time.Time     // of the last completion, or of the first of held
	warned bool          // it was late once, and the connection is being ended
	idle   chan struct{} // signalled when nothing waits and nothing is held
	room   chan struct{} // signalled when there is room in the queue again
	closed chan struct{}
	isOver bool
}

func newFlow(deadline time.Duration) *flow {
	return &flow{deadline: deadline, kick: make(chan struct{}, 1)}
}

// Open makes the way of data to a new connection. The supervision timeout is
// that of the connection: for so long a controller may have good reasons to
// complete nothing. It may be called from Host.Event and must be, for a handle
// that is used again means another connection.
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
	f.close(handle) // a controller that gives out a handle twice has ended the first
	p := &Pipe{
		flow: f, handle: handle, patience: supervision + f.deadline,
		idle: make(chan struct{}, 1), room: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	f.pipes = append(f.pipes, p)
	return p, nil
}

// Send queues one L2CAP PDU, its header with it; the octets are copied. It
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

// TrySend is Send for who must not wait: false says that the PDU was not
// taken.
func (p *Pipe) TrySend(pdu []byte) bool {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	if p.isOver || p.count == pipeQueue {
		return false
	}
	p.queue[p.count] = slices.Clone(pdu)
	p.count++
	if p.count < pipeQueue {
		signal(p.room) // another may be waiting, too
	}
	p.flow.wake()
	return true
}

// Expect tells of a new supervision timeout of the connection.
func (p *Pipe) Expect(supervision time.Duration) {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	p.patience = supervision + p.flow.deadline
	p.flow.wake()
}

// Flush waits until the controller has sent what was given to it, at most until
// the context or the connection ends.
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

// signal puts a token into a channel with room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (f *flow) wake() { signal(f.kick) }

// find is the pipe of a connection, or nil. The lock is held.
func (f *flow) find(handle uint16) *Pipe {
	for _, p := range f.pipes {
		if p.handle == handle {
			return p
		}
	}
	return nil
}

// disconnected takes in that a connection has ended. The buffers of its packets
// are free: they are completed by the event (section 4.3).
func (f *flow) disconnected(handle uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close(handle)
}

// close ends a pipe. The lock is held.
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

// completed takes buffers back. A controller that gives back more than it has
// is told by the return value; no buffer comes of it.
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
			continue // of a connection that has just ended
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

// next takes the next packet whose turn it is and encodes it.
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

// fragment is what of the first PDU goes next.
func (p *Pipe) fragment(length int) packet.ACL {
	boundary := packet.BoundaryStart
	if p.sent > 0 {
		boundary = packet.BoundaryContinue
	}
	pdu := p.queue[0]
	return packet.ACL{Handle: p.handle, Boundary: boundary, Data: pdu[p.sent:min(len(pdu), p.sent+length)]}
}

// advance moves on by a fragment.
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

// overdue finds a connection whose data the controller keeps for too long, and
// when the next will be, or zero.
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

// pump writes the data of all connections, and watches that the controller
// sends it.
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

// writeData writes one packet of data, in turn with the commands.
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

// stalled deals with data that the controller keeps for longer than the
// supervision timeout allows. It may be the peer's doing, which acknowledges
// nothing but stays, so first the connection is ended. A controller that does
// not even end it is reset.
func (s *Session) stalled(ctx context.Context, p *Pipe, again bool) error {
	s.c.counters.stalled.Add(1)
	if again {
		err := fmt.Errorf("controller: expected the data of connection 0x%04x to be sent, or its end, within %s, got neither: %w", p.handle, 2*p.patience, ErrStalled)
		s.fail(err)
		return err
	}
	s.c.log.Warn("the data of a connection is not sent; the connection is ended", "connection", p.handle, "after", p.patience)
	if _, err := s.Do(ctx, packet.Disconnect(p.handle, packet.StatusRemoteUser)); err != nil && !s.alive() {
		return err
	}
	return nil
}
