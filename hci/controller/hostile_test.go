package controller_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// TestEventsBeforeTheStart checks that events from before the Reset reach no
// host.
func TestEventsBeforeTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := &script{}, &host{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			s.event(packet.EventLEMeta, 0x12, 0x43, 0, 0, 0, 1)
			obey(s, op, nil)
		}
		_, _ = start(t, controller.Config{Open: s.open, Hosts: []controller.Host{h}})
		synctest.Wait()
		if n, events := h.seen(); n != 1 || len(events) != 0 {
			t.Errorf("%d sessions, events %v", n, events)
		}
	})
}

// TestUnaskedAnswerBringsNoCredits checks that only expected answers change the
// credits.
func TestUnaskedAnswerBringsNoCredits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			if op != packet.OpLERand {
				obey(s, op, nil)
			}
		}
		c, _ := start(t, controller.Config{Open: s.open})
		synctest.Wait()
		before := len(s.sent())
		for range 2 {
			go func() { _, _ = c.Do(t.Context(), packet.NewCommand(packet.OpLERand)) }()
		}
		synctest.Wait()
		s.complete(packet.OpReadBDAddr, 7, 0)
		synctest.Wait()
		if n := len(s.sent()) - before; n != 1 {
			t.Errorf("%d commands in flight, with one credit", n)
		}
		for range 2 {
			s.complete(packet.OpLERand, 1, 0)
			synctest.Wait()
		}
		if n := len(s.sent()) - before; n != 2 || c.Stats().Late != 1 {
			t.Errorf("%d commands in all, stats %+v", n, c.Stats())
		}
	})
}

// TestAnswerBeforeTheQuestion checks that an early event does not count as the
// answer.
func TestAnswerBeforeTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		stuck := make(chan struct{})
		s.answer = func(s *script, op packet.Opcode, _ []byte) {
			switch op {
			case packet.OpLESetScanEnable:
				<-stuck
				s.complete(op, 2, 0)
			case packet.OpLERand:
				s.complete(op, 2, 0, 9)
			default:
				s.complete(op, 2, ret(op)...)
			}
		}
		c, _ := start(t, controller.Config{Open: s.open})
		synctest.Wait()
		go func() { _, _ = c.Do(t.Context(), packet.LESetScanEnable(true, false)) }()
		synctest.Wait()
		got := make(chan []byte, 1)
		go func() {
			ret, err := c.Do(t.Context(), packet.NewCommand(packet.OpLERand))
			if err != nil {
				t.Error(err)
			}
			got <- ret
		}()
		time.Sleep(time.Millisecond) // it has its credit and waits for the other's Write
		s.complete(packet.OpLERand, 2, 0, 0xee)
		time.Sleep(time.Millisecond)
		close(stuck)
		if ret := <-got; !bytes.Equal(ret, []byte{9}) {
			t.Errorf("returned %x", ret)
		}
		if n := c.Stats().Late; n != 1 {
			t.Errorf("%d late", n)
		}
	})
}

// TestGivenUpBeforeSent checks that a command that is given up keeps no credit.
func TestGivenUpBeforeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		c, _ := start(t, controller.Config{Open: s.open})
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // whether it is sent or given up is random
			_, _ = c.Do(gone, packet.ReadBDAddr())
		}
		if _, err := c.Do(t.Context(), packet.ReadBDAddr()); err != nil {
			t.Error(err)
		}
		if n := c.Stats(); n.Unanswered != 0 || n.Resets != 0 {
			t.Errorf("stats %+v", n)
		}
	})
}
