package vm

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// plug is a virtual device of ours on an adapter: the node of the demo's plug.
type plug struct {
	t       *testing.T
	uuid    mesh.UUID
	adapter string
	options node.DeviceOptions
	memory  store.Store

	// Since start.
	node   *node.Node
	device *device.Plug // in the goroutine of the node
	stop   func()

	mu      sync.Mutex
	events  []node.Event
	changed chan struct{} // closed when there is another event
}

// newPlug starts a plug that waits to be provisioned.
func newPlug(t *testing.T, adapter string, number byte, o node.DeviceOptions) *plug {
	t.Helper()
	p := &plug{
		t: t, uuid: mesh.UUID{0x9C, 0x06, 6: 0x40, 8: 0x80, 15: number},
		adapter: adapter, options: o, memory: store.NewMemory(), changed: make(chan struct{}),
	}
	p.start()
	return p
}

// start starts the plug, again after stop with what it remembers.
func (p *plug) start() {
	p.t.Helper()
	p.device = device.NewPlug()
	var err error
	p.node, err = node.Open(node.Config{
		Options: node.Options{Elements: p.device.Elements(), Random: rand.Reader, Device: p.options},
		Store:   p.memory,
		Report:  p.report,
	}, func() (node.Saved, error) { return node.NewDevice(p.uuid), nil })
	if err != nil {
		p.t.Fatal(err)
	}
	n, r := p.node, tune(p.t, p.adapter, p.node.Receive)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx, r.bearer)
	}()
	p.stop = func() {
		cancel()
		<-done
		r.stop()
	}
	p.t.Cleanup(p.stop)
	r.await(p.t, controller.Running)
}

func (p *plug) report(e node.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
	close(p.changed)
	p.changed = make(chan struct{})
}

// mark is the number of events so far, for happens.
func (p *plug) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.events)
}

// happens waits for an event of type E, after a mark, that matches.
func happens[E node.Event](p *plug, mark int, what string, match func(E) bool) E {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		all, changed := slices.Clone(p.events), p.changed
		p.mu.Unlock()
		for ; mark < len(all); mark++ {
			if e, ok := all[mark].(E); ok && match(e) {
				return e
			}
		}
		select {
		case <-changed:
		case <-late:
			p.t.Fatalf("the plug says nothing of %s; events: %+v", what, all)
		}
	}
}

// at runs f in the context of the Generic OnOff Server.
func (p *plug) at(f func(access.Context)) {
	p.t.Helper()
	if err := p.node.WithModel(p.t.Context(), device.Primary, generic.OnOffServerID, f); err != nil {
		p.t.Fatal(err)
	}
}

// is tells whether the plug is on.
func (p *plug) is() (on bool) {
	p.t.Helper()
	p.at(func(ctx access.Context) { on = p.device.IsOn(ctx.Now()) })
	return on
}

// becomes waits until the plug is on or off. A status does not say which command it
// answers: one of an earlier command may come before this command is carried out.
func (p *plug) becomes(on bool) {
	p.t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for late := time.Now().Add(patience); p.is() != on; <-poll.C {
		if time.Now().After(late) {
			p.t.Fatalf("the plug does not become on: %t", on)
		}
	}
}

// press is somebody at the plug.
func (p *plug) press() {
	p.t.Helper()
	p.at(p.device.Toggle)
}

// state is its configuration, with keys.
func (p *plug) state() *state.Node {
	p.t.Helper()
	s, err := p.node.State(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// iv waits until the plug is at an IV index and in a state of the IV Update
// procedure.
func (p *plug) iv(index mesh.IVIndex, update bool) {
	p.t.Helper()
	mark := p.mark()
	if s := p.state(); s.IVIndex == index && s.IVUpdate == update {
		return
	}
	happens(p, mark, fmt.Sprintf("IV index %d, updating %t", index, update), func(e node.IVIndexChanged) bool {
		return e.IVIndex == index && e.Update == update
	})
}

// phase waits until the plug is in a phase of the refresh of its NetKey.
func (p *plug) phase(want state.Phase) {
	p.t.Helper()
	mark := p.mark()
	if p.state().Subnets[0].Phase == want {
		return
	}
	happens(p, mark, fmt.Sprintf("phase %v", want), func(e node.KeyRefreshChanged) bool { return e.Phase == want })
}

// understood checks that nothing which the plug has heard since start was
// malformed, did not fit its keys or came again.
func (p *plug) understood() {
	p.t.Helper()
	s, err := p.node.Summary(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	c := s.Counters
	for what, n := range map[string]uint64{
		"PDUs of no known form":           c.Malformed + c.Network.Malformed + c.Transport.Malformed,
		"PDUs that no key opens":          c.Network.BadMIC + c.Transport.BadMIC + c.Transport.NoKey,
		"segments that contradict others": c.Transport.Contradictory,
		"messages with old numbers":       c.Transport.Replayed + c.Transport.OldSegment,
	} {
		if n != 0 {
			p.t.Errorf("%d %s: %+v", n, what, c)
		}
	}
}
