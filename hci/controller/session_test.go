package controller_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

func TestDoReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			switch op {
			case packet.OpLERand:
				s.complete(op, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8)
			case packet.OpLESetAdvertisingEnable:
				s.complete(op, 1, byte(packet.StatusCommandDisallowed))
			case packet.OpDisconnect: // completed by its own event
				s.event(packet.EventCommandStatus, 0, 1, byte(op&0xff), byte(op>>8))
			case packet.OpLESetScanEnable:
				s.event(packet.EventCommandStatus, byte(packet.StatusUnknownCommand), 1, byte(op&0xff), byte(op>>8))
			default:
				obey(s, op, nil)
			}
		}
		c, _ := start(t, controller.Config{Open: s.open})
		if ret, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand)); err != nil || !bytes.Equal(ret, []byte{1, 2, 3, 4, 5, 6, 7, 8}) {
			t.Errorf("LE Rand: %x, %v", ret, err)
		}
		_, err := c.Do(t.Context(), packet.LESetAdvertisingEnable(true))
		if !errors.Is(err, packet.StatusCommandDisallowed) || !strings.Contains(err.Error(), "LE Set Advertising Enable") {
			t.Errorf("refused: %v", err)
		}
		if ret, err := c.Do(t.Context(), packet.NewCommand(packet.OpDisconnect, 0, 0, 0x13)); err != nil || ret != nil {
			t.Errorf("status: %x, %v", ret, err)
		}
		if _, err := c.Do(t.Context(), packet.LESetScanEnable(true, false)); !errors.Is(err, packet.StatusUnknownCommand) {
			t.Errorf("status: %v", err)
		}
		if n := c.Stats(); n.Refused != 2 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestCredits checks that no more commands are in flight than the controller
// accepts, and that all are sent.
func TestCredits(t *testing.T) {
	for _, credits := range []byte{1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			pending, most := 0, 0
			s := &script{}
			s.answer = func(s *script, op packet.Opcode, _ []byte) {
				mu.Lock()
				pending++
				most = max(most, pending)
				mu.Unlock()
				go func() {
					time.Sleep(10 * time.Millisecond)
					mu.Lock()
					pending--
					mu.Unlock()
					s.complete(op, credits, ret(op)...)
				}()
			}
			c, _ := start(t, controller.Config{Open: s.open})
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if _, err := c.Do(t.Context(), packet.LESetScanEnable(true, false)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if most != int(credits) {
				t.Errorf("%d credits: %d commands at once", credits, most)
			}
		})
	}
}

// TestNoCredits uses a controller that first accepts no command and later does.
func TestNoCredits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op == packet.OpLERand {
				s.complete(op, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
				return
			}
			obey(s, op, nil)
		}
		c, _ := start(t, controller.Config{Open: s.open})
		if _, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand)); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.Do(t.Context(), packet.LESetScanEnable(true, false))
			done <- err
		}()
		time.Sleep(time.Second)
		select {
		case err := <-done:
			t.Fatalf("sent without a credit: %v", err)
		default:
		}
		s.complete(packet.OpNone, 1)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := c.Stats(); n.Resets != 0 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestCreditsNeverComeBack is a stall, too: the controller is reset, and the
// waiting command is sent.
func TestCreditsNeverComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op == packet.OpLERand {
				s.complete(op, 0, 0)
				return
			}
			obey(s, op, nil)
		}
		c, _ := start(t, controller.Config{Open: s.open})
		if _, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := c.Do(t.Context(), packet.LESetScanEnable(true, false)); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != controller.DefaultDeadline {
			t.Errorf("took %s", took)
		}
		if n := c.Stats(); n.Unanswered != 1 || n.Resets != 1 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestMissingCompletion drops one completion. The affected command returns an
// error, the controller is reset once, and all waiting commands are sent.
func TestMissingCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, st := &script{}, &host{}, &states{}
		var dropped atomic.Bool
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op == packet.OpLESetScanEnable && !dropped.Swap(true) {
				return
			}
			obey(s, op, nil)
		}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add})
		synctest.Wait()
		began := time.Now()
		lost := make(chan error, 1)
		go func() {
			_, err := c.Do(t.Context(), packet.LESetScanEnable(true, false))
			lost <- err
		}()
		synctest.Wait()
		var waiting sync.WaitGroup
		for range 20 {
			waiting.Go(func() {
				if _, err := c.Do(t.Context(), packet.LESetAdvertisingEnable(true)); err != nil {
					t.Errorf("a waiting command: %v", err)
				}
			})
		}
		err := <-lost
		if !errors.Is(err, controller.ErrUnanswered) || !errors.Is(err, controller.ErrReset) || !strings.Contains(err.Error(), "LE Set Scan Enable") {
			t.Errorf("the lost one: %v", err)
		}
		waiting.Wait()
		synctest.Wait()
		if took := time.Since(began); took != controller.DefaultDeadline {
			t.Errorf("took %s", took)
		}
		if got := strings.Join(st.all(), ", "); got != "opening, running, recovering: controller does not answer, running" {
			t.Errorf("states: %s", got)
		}
		if n, _ := h.seen(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		if n := c.Stats(); n.Unanswered != 1 || n.Resets != 1 || n.Opens != 1 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestLateCompletion delivers the missing answer in the next session, where it
// must not count for another command with the same opcode.
func TestLateCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		var n atomic.Int32
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			switch {
			case op == packet.OpLERand:
				if n.Add(1) > 1 {
					go func() {
						time.Sleep(time.Second)
						s.complete(op, 1, 0, byte(n.Load()))
					}()
				}
			case op == packet.OpReset && n.Load() == 1:
				s.complete(packet.OpLERand, 7, 0, 1) // late, and with its own credits
				obey(s, op, nil)
			default:
				obey(s, op, nil)
			}
		}
		c, _ := start(t, controller.Config{Open: s.open})
		if _, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand)); !errors.Is(err, controller.ErrUnanswered) {
			t.Fatalf("first: %v", err)
		}
		ret, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand))
		if err != nil || !bytes.Equal(ret, []byte{2}) {
			t.Errorf("second: %x, %v", ret, err)
		}
		if n := c.Stats().Late; n != 1 {
			t.Errorf("%d late answers", n)
		}
	})
}

// TestDeadController answers nothing, not even Reset, until it is opened again.
func TestDeadController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, st := &script{}, &host{}, &states{}
		var dead atomic.Bool
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if dead.Load() && s.opened() == 1 {
				return
			}
			obey(s, op, nil)
		}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}, Status: st.add, Deadline: time.Second})
		synctest.Wait()
		dead.Store(true)
		if _, err := c.Do(t.Context(), packet.ReadBDAddr()); !errors.Is(err, controller.ErrUnanswered) {
			t.Error(err)
		}
		time.Sleep(3 * time.Second)
		if n, _ := h.seen(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		want := "opening, running, recovering: controller does not answer, down: controller does not answer, opening, running"
		if got := strings.Join(st.all(), ", "); got != want {
			t.Errorf("states: %s", got)
		}
		if n := c.Stats(); n.Opens != 2 || n.Unanswered != 2 {
			t.Errorf("stats %+v", n)
		}
	})
}

// TestWriteThatHangs uses a transport that accepts no more octets, like a
// serial port with flow control stopped. It is closed during the Write.
func TestWriteThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op == packet.OpLESetScanEnable && s.opened() == 1 {
				<-s.current().closed
				return
			}
			obey(s, op, nil)
		}
		h := &host{serve: func(ctx context.Context, s *controller.Session) error {
			if _, err := s.Do(ctx, packet.LESetScanEnable(true, false)); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}}
		c, _ := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}})
		time.Sleep(5 * time.Second)
		if n, _ := h.seen(); n != 2 || c.Stats().Opens != 2 {
			t.Errorf("%d sessions, stats %+v", n, c.Stats())
		}
	})
}

// TestDoGivesUp checks that callers return while the controller is slow or
// absent.
func TestDoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op == packet.OpLERand {
				go func() {
					time.Sleep(time.Second)
					s.complete(op, 1, 0, 9)
				}()
				return
			}
			obey(s, op, nil)
		}
		c, _ := start(t, controller.Config{Open: s.open})
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var both sync.WaitGroup
		for range 2 { // one is sent, one waits for the credit
			both.Go(func() {
				if _, err := c.Do(short, packet.NewCommand(packet.OpLERand)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		both.Wait()
		// An answer that nobody waits for any more still returns the credit.
		if ret, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand)); err != nil || !bytes.Equal(ret, []byte{9}) {
			t.Errorf("afterwards: %x, %v", ret, err)
		}
		if n := c.Stats(); n.Resets != 0 || n.Late != 0 {
			t.Errorf("stats %+v", n)
		}
		if _, err := controller.New(controller.Config{}).Do(short, packet.Reset()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a controller that does not run: %v", err)
		}
	})
}

// TestStopWhileDead checks that Run ends in bounded time with a controller that
// answers nothing.
func TestStopWhileDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if len(s.sent()) < 10 {
				obey(s, op, nil)
			}
		}
		h := &host{serve: func(ctx context.Context, s *controller.Session) error {
			_, err := s.Do(ctx, packet.LESetScanEnable(true, false))
			return err
		}}
		_, stop := start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}})
		synctest.Wait()
		began := time.Now()
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}
