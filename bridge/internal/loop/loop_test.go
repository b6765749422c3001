package loop

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler notes what it gets.
type handler struct {
	got     []any
	batches int
	seconds int
	hold    chan struct{} // nil: it returns at once
}

func (h *handler) wait() {
	if h.hold != nil {
		<-h.hold
	}
}

func (h *handler) Event(e node.Event)     { h.wait(); h.got = append(h.got, e) }
func (h *handler) Message(m mqtt.Message) { h.wait(); h.got = append(h.got, m.Topic) }
func (h *handler) Second(int)             { h.seconds++ }
func (h *handler) Handled()               { h.batches++ }

// serve runs a loop until the function that it returns is called.
func serve(l *Loop, h Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Serve(ctx, h); l.Close() }()
	return func() { cancel(); <-ended }
}

func TestInputsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, h := New(), &handler{}
		l.Report(node.HeartbeatReceived{Src: 1}) // before it is served
		l.Handle(mqtt.Message{Topic: "a"})
		l.Post(func() { h.got = append(h.got, "posted") })
		l.Report(node.Left{})
		stop := serve(l, h)
		synctest.Wait()
		stop()
		if want := []any{node.HeartbeatReceived{Src: 1}, "a", "posted", node.Left{}}; !slices.Equal(h.got, want) {
			t.Errorf("got %v, expected %v", h.got, want)
		}
		if h.batches > 3 { // at the beginning, after the inputs, at the end
			t.Errorf("%d batches for one burst", h.batches)
		}
	})
}

// Report does not wait whatever the handler does. Events that only describe a
// moment are dropped and counted, all others come through in their order.
func TestReportNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, h := New(), &handler{hold: make(chan struct{})}
		stop := serve(l, h)
		l.Report(node.Left{})
		synctest.Wait() // the handler holds this one
		const many = 3 * MaxEvents
		for i := range many {
			l.Report(node.MessageReceived{Src: mesh.Address(i)})
			if i%100 == 0 {
				l.Report(node.ProvisioningDone{UUID: mesh.UUID{0: byte(i >> 8), 1: byte(i)}})
			}
		}
		close(h.hold)
		synctest.Wait()
		stop()
		var messages, others int
		for _, e := range h.got {
			switch e := e.(type) {
			case node.MessageReceived:
				if e.Src != mesh.Address(messages) {
					t.Fatalf("message %d is that of %s: they are out of order", messages, e.Src)
				}
				messages++
			case node.ProvisioningDone:
				others++
			}
		}
		if messages != MaxEvents || l.Dropped() != many-MaxEvents || others != (many+99)/100 {
			t.Errorf("%d messages and %d others came through, %d were dropped", messages, others, l.Dropped())
		}
	})
}

// Handle waits for room, and no longer when the loop has ended.
func TestHandleWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, h := New(), &handler{hold: make(chan struct{})}
		stop := serve(l, h)
		var clients sync.WaitGroup
		const more = 10
		handled := 0
		clients.Go(func() {
			for range MaxMessages + 1 + more {
				l.Handle(mqtt.Message{Topic: "a"})
				handled++
			}
		})
		synctest.Wait()
		if handled != MaxMessages+1 { // one is in the handler
			t.Errorf("%d messages were taken, expected %d", handled, MaxMessages+1)
		}
		close(h.hold)
		clients.Wait()
		stop()
		for range MaxMessages + more {
			clients.Go(func() { l.Handle(mqtt.Message{}) })
		}
		clients.Wait() // it does not wait for a loop that has ended
	})
}

// Workers end before Serve does, and what they post is run.
func TestServeWaitsForItsWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, h := New(), &handler{}
		var ran []string
		l.Post(func() {
			l.Go(func(ctx context.Context) {
				<-ctx.Done()
				time.Sleep(time.Second)
				l.Post(func() {
					ran = append(ran, "result")
					l.Go(func(context.Context) { t.Error("something was begun while the loop stops") })
					l.Post(func() { ran = append(ran, "afterwards") })
				})
			})
		})
		stop := serve(l, h)
		time.Sleep(2 * time.Second)
		l.Report(node.Left{})
		synctest.Wait()
		seen := len(h.got)
		stop()
		if !slices.Equal(ran, []string{"result", "afterwards"}) {
			t.Errorf("ran %v", ran)
		}
		if !l.Stopping() || len(h.got) != seen || h.seconds == 0 {
			t.Errorf("stopping %t, %d inputs, %d ticks", l.Stopping(), len(h.got), h.seconds)
		}
	})
}

func BenchmarkReport(b *testing.B) {
	l, h := New(), &counter{}
	stop := serve(l, h)
	var e node.Event = node.MessageReceived{Src: 1}
	b.ReportAllocs()
	for b.Loop() {
		l.Report(e)
	}
	stop()
}

type counter struct{ handler }

func (c *counter) Event(node.Event) {}

// Events that anybody in radio range can cause, or that a node with a fault reports
// after every input, do not fill the memory of a bridge that is busy.
func TestEventsOfOthersAreBounded(t *testing.T) {
	for _, e := range []node.Event{
		node.MessageReceived{},
		node.DeviceHeard{},
		node.HeartbeatReceived{},
		node.ResetRefused{},
		node.Faulted{},
		node.ConfigurationRefused{},
		node.KeysGiven{},
		node.OwnAddressHeard{},
		node.SourceSilenced{},
	} {
		l := New()
		for range MaxEvents + 10 {
			l.Report(e)
		}
		if l.Dropped() != 10 || len(l.queue) != MaxEvents {
			t.Errorf("%T: %d dropped, %d in the queue, expected 10 and %d", e, l.Dropped(), len(l.queue), MaxEvents)
		}
	}
}

// What the last worker posted is run at the end, and what that posts as well.
func TestEndRunsWhatWasPosted(t *testing.T) {
	for range 50 { // the end of the worker and its post come in any order
		synctest.Test(t, func(t *testing.T) {
			l, h := New(), &handler{}
			ran := false
			l.Post(func() {
				l.Go(func(ctx context.Context) {
					<-ctx.Done()
					l.Post(func() { l.Post(func() { l.Post(func() { ran = true }) }) })
				})
			})
			stop := serve(l, h)
			synctest.Wait()
			if stop(); !ran {
				t.Error("a function that was posted at the end was not run")
			}
		})
	}
}
