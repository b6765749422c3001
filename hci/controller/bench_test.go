package controller_test

import (
	"context"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// quick is a transport that completes each command at once and allocates
// nothing after the start.
type quick struct {
	commands chan packet.Opcode
	closed   chan struct{}
}

func (q *quick) Read(p []byte) (int, error) {
	select {
	case op := <-q.commands:
		if op.Group() == 0x04 || op == packet.OpLEReadLocalSupportedFeatures {
			r := ret(op)
			return copy(p, append([]byte{4, 0x0e, byte(3 + len(r)), 1, byte(op & 0xff), byte(op >> 8)}, r...)), nil
		}
		p = p[:7]
		p[0], p[1], p[2], p[3], p[4], p[5], p[6] = 4, 0x0e, 4, 1, byte(op&0xff), byte(op>>8), 0
		return 7, nil
	case <-q.closed:
		return 0, transport.ErrClosed
	}
}

func (q *quick) Write(p []byte) error {
	q.commands <- packet.Opcode(p[1]) | packet.Opcode(p[2])<<8
	return nil
}

func (q *quick) Close() error {
	close(q.closed)
	return nil
}

// withSession calls f with the session of a quick controller.
func withSession(tb testing.TB, f func(ctx context.Context, s *controller.Session)) {
	done := make(chan struct{})
	h := &host{serve: func(ctx context.Context, s *controller.Session) error {
		f(ctx, s)
		close(done)
		<-ctx.Done()
		return nil
	}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	c := controller.New(controller.Config{Legacy: true, Hosts: []controller.Host{h}, Open: func(context.Context) (transport.Transport, error) {
		return &quick{commands: make(chan packet.Opcode, 10), closed: make(chan struct{})}, nil
	}})
	go func() {
		defer close(ended)
		_ = c.Run(ctx)
	}()
	<-done
	cancel()
	<-ended
	if n := c.Stats().Resets; n != 0 {
		tb.Errorf("%d resets", n)
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	withSession(t, func(ctx context.Context, s *controller.Session) {
		cmd := packet.LESetAdvertisingEnable(true)
		if n := testing.AllocsPerRun(200, func() {
			if _, err := s.Do(ctx, cmd); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// BenchmarkDo measures a command and its answer through two goroutines.
func BenchmarkDo(b *testing.B) {
	withSession(b, func(ctx context.Context, s *controller.Session) {
		cmd := packet.LESetAdvertisingEnable(true)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Do(ctx, cmd); err != nil {
				b.Fatal(err)
			}
		}
	})
}
