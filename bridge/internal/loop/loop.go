// Package loop is the one goroutine that owns the state of the bridge.
//
//	node.Event   ─ Report ─▶ ┐
//	mqtt.Message ─ Handle ─▶ ├─ queue ─▶ Serve ─▶ Handler
//	result       ─ Post ───▶ ┘             │
//	     ▲                                 │ Go
//	     └──────────── worker ◀────────────┘
//
// The loop never waits: not for the store, the broker, the node or a file. What
// takes time runs in a worker (Go), which returns its result as an input (Post).
//
// Report never waits either, so the radio side cannot be held up by the bridge.
// When the queue is full, events that only describe a moment are counted and
// dropped: messages, heartbeats, beacons of unprovisioned devices, faults. Events that
// change what the bridge must know are always queued; their number is bounded by
// requests and by the procedures of the network. Handle waits for room, which
// holds up the MQTT client and nothing else.
package loop

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
)

// Bounds of the queue.
const (
	// MaxEvents is how many events that may be dropped wait at most.
	MaxEvents = 4096
	// MaxMessages is how many messages of the broker wait at most.
	MaxMessages = 1024
)

// Handler takes the inputs, in the goroutine of Serve.
type Handler interface {
	Event(e node.Event)
	Message(m mqtt.Message)
	// Second is called every second; tick counts from 1.
	Second(tick int)
	// Handled is called after a batch of inputs, or a tick.
	Handled()
}

// Loop is the queue, the goroutine that empties it, and its workers. Make it with
// New.
type Loop struct {
	wake    chan struct{}
	room    chan struct{} // one token for each message of the broker in the queue
	ended   chan struct{}
	dropped atomic.Uint64
	workers sync.WaitGroup

	mu     sync.Mutex
	queue  []any // node.Event, mqtt.Message or func()
	events int   // in queue, of those that may be dropped

	// Owned by the goroutine of Serve.
	ctx      context.Context //nolint:containedctx // that of Serve, for the workers
	batch    []any
	stopping bool
}

// New makes a loop that is not served yet. Inputs wait for Serve.
func New() *Loop {
	return &Loop{
		wake:  make(chan struct{}, 1),
		room:  make(chan struct{}, MaxMessages),
		ended: make(chan struct{}),
	}
}

// Report queues an event of the node. It never waits. An event that may be
// dropped is dropped and counted when MaxEvents of them are in the queue.
func (l *Loop) Report(e node.Event) {
	l.mu.Lock()
	if momentary(e) {
		if l.events >= MaxEvents {
			l.mu.Unlock()
			l.dropped.Add(1)
			return
		}
		l.events++
	}
	l.queue = append(l.queue, e)
	l.mu.Unlock()
	l.signal()
}

// momentary reports whether an event may be dropped: what it says is repeated by
// its source, or was true for a moment only. Anybody in radio range can make many
// of them, and a node with a fault reports it again and again. Losing any other event
// would leave the bridge with a wrong picture.
func momentary(e node.Event) bool {
	switch e.(type) {
	case node.MessageReceived, node.DeviceHeard, node.HeartbeatReceived, node.ResetRefused, node.Faulted,
		node.ConfigurationRefused, node.KeysGiven, node.OwnAddressHeard, node.SourceSilenced:
		return true
	default:
		return false
	}
}

// Dropped counts the events that found the queue full.
func (l *Loop) Dropped() uint64 { return l.dropped.Load() }

// Handle queues a message of the broker. It waits while MaxMessages are in the
// queue, and returns when the loop has ended.
func (l *Loop) Handle(m mqtt.Message) {
	select {
	case l.room <- struct{}{}:
		l.put(m)
	case <-l.ended:
	}
}

// Post queues f, to be run by the loop. It never waits.
func (l *Loop) Post(f func()) { l.put(f) }

func (l *Loop) put(input any) {
	l.mu.Lock()
	l.queue = append(l.queue, input)
	l.mu.Unlock()
	l.signal()
}

func (l *Loop) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// take returns what is queued, valid until the next take.
func (l *Loop) take() []any {
	clear(l.batch)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.batch = l.batch[:0], l.queue
	l.events = 0
	return l.batch
}

// Now is the time, for the parts.
func (l *Loop) Now() time.Time { return time.Now() }

// Go runs f in a goroutine of its own, whose context ends with the loop. Call it
// in the loop. While the loop stops nothing is begun.
func (l *Loop) Go(f func(ctx context.Context)) {
	if l.stopping {
		return
	}
	ctx := l.ctx
	l.workers.Go(func() { f(ctx) })
}

// Context is the one that workers get. It ends when the loop stops.
func (l *Loop) Context() context.Context { return l.ctx }

// Stopping reports whether nothing new is to be begun.
func (l *Loop) Stopping() bool { return l.stopping }

// Done is closed when the loop has ended.
func (l *Loop) Done() <-chan struct{} { return l.ended }

// Serve gives the inputs to the handler until ctx ends. Then it waits for the
// workers, whose results are still run, and leaves everything else in the queue.
func (l *Loop) Serve(ctx context.Context, h Handler) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.ctx = ctx
	h.Handled()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for tick := 0; ctx.Err() == nil; h.Handled() {
		select {
		case <-ctx.Done():
		case <-l.wake:
			l.dispatch(h)
		case <-second.C:
			tick++
			h.Second(tick)
		}
	}
	cancel()
	l.stopping = true
	l.Drain(l.workers.Wait)
}

func (l *Loop) dispatch(h Handler) {
	for _, input := range l.take() {
		switch input := input.(type) {
		case func():
			input()
		case mqtt.Message:
			<-l.room
			h.Message(input)
		case node.Event:
			h.Event(input)
		}
	}
}

// Drain runs what is posted until wait has returned, for the end of the service.
func (l *Loop) Drain(wait func()) {
	ended := make(chan struct{})
	go func() { defer close(ended); wait() }()
	for waiting := true; waiting; {
		select {
		case <-l.wake:
		case <-ended:
			waiting = false
		}
		for posted := true; posted; {
			posted = false
			for _, input := range l.take() {
				if f, ok := input.(func()); ok {
					posted = true
					f()
				}
			}
		}
	}
}

// Close ends the loop: Handle does not wait any more.
func (l *Loop) Close() { close(l.ended) }
