package controller_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

const supervision = 4 * time.Second

// inSession runs f with a session of a script in a bubble.
func inSession(t *testing.T, s *script, f func(t *testing.T, c *controller.Controller, session *controller.Session, st *states)) {
	synctest.Test(t, func(t *testing.T) {
		sessions := make(chan *controller.Session, 100)
		h, st := &host{}, &states{}
		h.serve = func(ctx context.Context, s *controller.Session) error {
			sessions <- s
			<-ctx.Done()
			return ctx.Err()
		}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add})
		f(t, c, <-sessions, st)
	})
}

// taken returns the data packets that the controller has received, as "handle
// boundary length", and clears them.
func (s *script) taken() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, a := range s.data {
		all = append(all, fmt.Sprintf("%d/%d/%d", a.Handle, a.Boundary, len(a.Data)))
	}
	s.data = nil
	return strings.Join(all, " ")
}

func (s *script) done(rows ...uint16) {
	p := []byte{byte(len(rows) / 2)}
	for _, v := range rows {
		p = binary.LittleEndian.AppendUint16(p, v)
	}
	s.event(packet.EventCompletedPackets, p...)
}

func open(t *testing.T, s *controller.Session, handle uint16) *controller.Pipe {
	t.Helper()
	p, err := s.Open(handle, supervision)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFragments checks that PDUs are cut to the size of the buffers, and that
// no more packets are sent at once than there are buffers.
func TestFragments(t *testing.T) {
	s := &script{}
	inSession(t, s, func(t *testing.T, c *controller.Controller, session *controller.Session, _ *states) {
		if b := session.Info().Buffers; b != (packet.Buffers{Length: 27, Count: 4}) {
			t.Fatalf("buffers %+v", b)
		}
		p := open(t, session, 1)
		for _, n := range []int{60, 27, 28, 5} {
			if err := p.Send(t.Context(), make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.taken(); got != "1/0/27 1/1/27 1/1/6 1/0/27" {
			t.Errorf("first %s", got)
		}
		s.done(1, 2, 7, 5) // and of a connection that has ended
		if got := s.taken(); got != "1/0/27 1/1/1" {
			t.Errorf("then %s", got)
		}
		s.done(1, 4)
		if got := s.taken(); got != "1/0/5" {
			t.Errorf("at last %s", got)
		}
		s.done(1, 9) // more than it has
		synctest.Wait()
		if n := c.Stats(); n.Data != 7 || n.Overcompleted != 1 || n.Malformed != 0 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestBuffersAreShared checks that a connection that accepts nothing does not
// block the others, and returns its buffers when it ends.
func TestBuffersAreShared(t *testing.T) {
	s := &script{}
	inSession(t, s, func(t *testing.T, _ *controller.Controller, session *controller.Session, _ *states) {
		stuck, lively := open(t, session, 1), open(t, session, 2)
		for range 6 {
			if !stuck.TrySend(make([]byte, 10)) || !lively.TrySend(make([]byte, 20)) {
				t.Fatal("no room in the queue")
			}
		}
		if got := s.taken(); got != "1/0/10 2/0/20 1/0/10 2/0/20" && got != "1/0/10 1/0/10 2/0/20 2/0/20" {
			t.Errorf("first %s", got)
		}
		s.done(2, 2)
		if got := s.taken(); got != "2/0/20 2/0/20" {
			t.Errorf("then %s", got)
		}
		s.event(packet.EventDisconnectionComplete, 0, 1, 0, 8)
		if got := s.taken(); got != "2/0/20 2/0/20" {
			t.Errorf("after the end of the other %s", got)
		}
		if err := stuck.Send(t.Context(), []byte{1}); !errors.Is(err, controller.ErrClosed) || stuck.TrySend([]byte{1}) {
			t.Errorf("sending after the end: %v", err)
		}
		// A handle that is used again is another connection.
		again := open(t, session, 1)
		if err := again.Send(t.Context(), []byte{1}); err != nil {
			t.Error(err)
		}
		s.done(2, 4)
		if got := s.taken(); got != "1/0/1" {
			t.Errorf("again %s", got)
		}
	})
}

// TestSendWaits checks that the queue is limited, and that waiting callers get
// room in turn or are released.
func TestSendWaits(t *testing.T) {
	s := &script{}
	inSession(t, s, func(t *testing.T, c *controller.Controller, session *controller.Session, _ *states) {
		p := open(t, session, 1)
		var senders sync.WaitGroup
		for range 3 {
			senders.Go(func() {
				for range 20 {
					if err := p.Send(t.Context(), []byte{1, 2, 3}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for c.Stats().Data < 60 {
			synctest.Wait()
			if p.TrySend([]byte{9}) && c.Stats().Data < 4 {
				t.Error("a full queue accepted another PDU")
			}
			s.done(1, 1)
			synctest.Wait()
		}
		senders.Wait()
		for p.TrySend([]byte{9}) {
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Send(ctx, []byte{1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("full: %v", err)
		}
		waiting := make(chan error)
		go func() { waiting <- p.Send(t.Context(), []byte{1}) }()
		synctest.Wait()
		s.event(packet.EventHardwareError, 1) // ends the session
		if err := <-waiting; !errors.Is(err, controller.ErrClosed) {
			t.Errorf("after the session: %v", err)
		}
	})
}

// TestStall checks that a connection whose data is kept is ended, and that a
// controller that does not end it is reset.
func TestStall(t *testing.T) {
	s := &script{}
	inSession(t, s, func(t *testing.T, c *controller.Controller, session *controller.Session, st *states) {
		p := open(t, session, 1)
		began := time.Now()
		p.TrySend([]byte{1})
		p.TrySend([]byte{1})
		time.Sleep(3 * time.Second)
		s.done(1, 1) // still alive
		time.Sleep(supervision + controller.DefaultDeadline - time.Millisecond)
		if got := s.sent(); got[len(got)-1] == packet.OpDisconnect {
			t.Errorf("disconnected after %s", time.Since(began))
		}
		time.Sleep(2 * time.Millisecond)
		if got := s.sent(); got[len(got)-1] != packet.OpDisconnect {
			t.Errorf("not disconnected after %s: %v", time.Since(began), got)
		}
		if n := c.Stats(); n.Stalled != 1 || n.Resets != 0 {
			t.Errorf("stats %+v", n)
		}
		time.Sleep(supervision + controller.DefaultDeadline + time.Millisecond)
		if n := c.Stats(); n.Stalled != 2 || n.Resets != 1 {
			t.Errorf("stats %+v", n)
		}
		st.mu.Lock()
		defer st.mu.Unlock()
		reported := false
		for _, status := range st.list {
			reported = reported || status.State == controller.Recovering && errors.Is(status.Err, controller.ErrStalled)
		}
		if !reported {
			t.Error("it was not reported")
		}
	})
}

// TestStalledPeer: the peer is at fault, so the connection ends and the
// controller continues.
func TestStalledPeer(t *testing.T) {
	s := &script{}
	s.answer = func(s *script, op packet.Opcode, params []byte) {
		obey(s, op, params)
		if op == packet.OpDisconnect {
			s.event(packet.EventDisconnectionComplete, 0, params[0], params[1], byte(packet.StatusLocalHost))
		}
	}
	inSession(t, s, func(t *testing.T, c *controller.Controller, session *controller.Session, _ *states) {
		p := open(t, session, 1)
		for range 4 {
			p.TrySend([]byte{1})
		}
		time.Sleep(time.Minute)
		if n := c.Stats(); n.Stalled != 1 || n.Resets != 0 {
			t.Errorf("stats %+v", n)
		}
		s.taken()
		other := open(t, session, 2)
		for range 4 {
			other.TrySend([]byte{1})
		}
		if got := s.taken(); got != "2/0/1 2/0/1 2/0/1 2/0/1" {
			t.Errorf("the buffers were not returned: %s", got)
		}
	})
}

// TestBuffers asks for the buffers with both commands.
func TestBuffers(t *testing.T) {
	for name, test := range map[string]struct {
		le, shared []byte
		want       packet.Buffers
	}{
		"LE buffers":         {[]byte{0, 251, 0, 8}, nil, packet.Buffers{Length: 251, Count: 8}},
		"shared with BR/EDR": {[]byte{0, 0, 0, 0}, []byte{0, 0xfd, 3, 64, 10, 0, 8, 0}, packet.Buffers{Length: 1021, Count: 10}},
		"not reported":       {[]byte{1}, []byte{1}, packet.Buffers{}},
		"too short":          {[]byte{0, 26, 0, 8}, []byte{0, 0, 0, 0, 0, 0, 0, 0}, packet.Buffers{}},
		"malformed":          {[]byte{0}, []byte{0, 1}, packet.Buffers{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			s.answer = func(s *script, op packet.Opcode, params []byte) {
				switch op {
				case packet.OpLEReadBufferSize:
					s.complete(op, 1, test.le...)
				case packet.OpReadBufferSize:
					s.complete(op, 1, test.shared...)
				default:
					obey(s, op, params)
				}
			}
			inSession(t, s, func(t *testing.T, _ *controller.Controller, session *controller.Session, _ *states) {
				if got := session.Info().Buffers; got != test.want {
					t.Errorf("got %+v", got)
				}
				if _, err := session.Open(1, supervision); errors.Is(err, controller.ErrNoData) != (test.want.Count == 0) {
					t.Errorf("opening: %v", err)
				}
			})
		})
	}
}
