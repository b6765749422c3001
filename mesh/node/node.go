package node

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Config wires a Node to its surroundings.
type Config struct {
	Options
	// Store keeps what the node must not forget. While it does not take something, the
	// node neither sends nor reports anything, drops what it hears, and refuses calls
	// with an error that wraps watch.ErrTrouble (standby.go).
	Store store.Store
	// Report is called from the node's goroutine for every event but the
	// RequestDone of calls of this Node, which return from those calls
	// (ProvisioningDone does both). It must not call the Node.
	Report func(Event)
	// Adjust changes the node's configuration before it begins, for what is
	// set locally and not over the air; nil for nothing.
	Adjust func(*state.Node)
}

// ErrStopped is returned by calls to a Node that does not run.
var ErrStopped = errors.New("node: the node has been stopped")

// queueSize is how many sightings may wait for the node; a radio brings some hundreds
// in a second.
const queueSize = 1024

// queuedCalls is how many calls may wait for the node before a further caller has
// to wait for room as well.
const queuedCalls = 16

// Node is a Core in its own goroutine, which Run owns.
type Node struct {
	cfg       Config
	core      *Core
	address   mesh.Address
	bearer    bearer.Bearer
	gatt      bearer.GATT // nil: none
	received  *inbox
	sightings chan bearer.Sighting
	links     *linkQueue
	calls     chan call
	stopped   chan struct{}
	missed    atomic.Uint64
	unsent    atomic.Uint64
	standby   standby

	// Owned by the goroutine that drives the core, or by the standby (standby.go).
	waiting      map[RequestID]chan<- RequestDone
	provisioning map[mesh.UUID]chan<- ProvisioningDone
	refreshing   map[mesh.UUID]chan<- RefreshDone
}

// call is something that the goroutine of the core does for another one.
type call struct {
	run func(now time.Time, c *Core)
	// refuse is called instead of run while the core waits for the store.
	refuse func(error)
	// done is where a request gets an error, in place of refuse.
	done chan<- RequestDone
}

// reads reports whether run changes nothing: then it is run all the same.
func (c *call) reads() bool { return c.refuse == nil && c.done == nil }

// Open makes a node of what its store holds. Into a new store goes fresh,
// before anything else happens.
func Open(cfg Config, fresh func() (Saved, error)) (*Node, error) {
	saved, err := Load(cfg.Store)
	if err != nil {
		return nil, err
	}
	if saved.Node == nil {
		if saved, err = fresh(); err != nil {
			return nil, err
		}
		changes, err := saved.Changes()
		if err != nil {
			return nil, err
		}
		if err := cfg.Store.Apply(changes...); err != nil {
			return nil, fmt.Errorf("node: %w", err)
		}
	}
	if cfg.Adjust != nil {
		cfg.Adjust(saved.Node)
	}
	core, err := New(time.Now(), cfg.Options, saved)
	if err != nil {
		return nil, err
	}
	return &Node{
		cfg:          cfg,
		core:         core,
		standby:      newStandby(cfg.Store),
		address:      saved.Node.Address,
		received:     newInbox(),
		sightings:    make(chan bearer.Sighting, queueSize),
		links:        newLinkQueue(),
		calls:        make(chan call, queuedCalls),
		stopped:      make(chan struct{}),
		waiting:      map[RequestID]chan<- RequestDone{},
		provisioning: map[mesh.UUID]chan<- ProvisioningDone{},
		refreshing:   map[mesh.UUID]chan<- RefreshDone{},
	}, nil
}

// Receive takes a PDU from a radio. It does not block: what comes while the
// queue is full is dropped and counted, as on a radio that is too slow.
func (n *Node) Receive(in *bearer.Incoming) {
	if !n.received.put(in) {
		n.missed.Add(1)
	}
}

// Run drives the node over a bearer until ctx ends. It is called once. It does not wait
// for a store that hangs: what that has not taken was neither sent nor reported.
func (n *Node) Run(ctx context.Context, b bearer.Bearer) {
	defer close(n.stopped)
	n.bearer = b
	driven := make(chan struct{})
	go func() { defer close(driven); n.drive(ctx) }()
	n.standBy(ctx, driven)
}

// drive is the goroutine of the core.
func (n *Node) drive(ctx context.Context) {
	timer := newAlarm()
	defer timer.stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.received.wake:
			// All of them together, so that one write to the replay journal serves them.
			batch := n.received.take()
			for i := range batch {
				n.core.Receive(time.Now(), &batch[i])
			}
		case s := <-n.sightings:
			n.core.ReceiveSighting(time.Now(), &s)
		case <-n.links.wake:
			for _, e := range n.links.take() {
				n.core.ReceiveLink(time.Now(), &e)
			}
		case c := <-n.calls:
			c.run(time.Now(), n.core)
		case <-timer.c():
			timer.rang()
			n.core.Tick(time.Now())
		}
		n.followPace()
		if !n.carryOut(ctx, n.core.Take()) || !n.catchUp(ctx) {
			return
		}
		timer.set(n.core.NextDeadline())
	}
}

// followPace takes over how fast the radio is, which may be another one than
// before.
func (n *Node) followPace() {
	if b, ok := n.bearer.(bearer.Paced); ok {
		if p := b.Pace(); p != (bearer.Pace{}) {
			n.core.SetPace(p)
		}
	}
}

// carryOut does what the core wants done, in the order that Output demands. It
// reports false when ctx ended before the store took it.
func (n *Node) carryOut(ctx context.Context, out *Output) bool {
	if len(out.Replay) > 0 || len(out.Persist) > 0 || out.ForgetReplay {
		if !n.persist(ctx, out) {
			return false
		}
	}
	for _, lane := range out.Cancel {
		n.bearer.Cancel(lane)
	}
	for i := range out.Send {
		if err := n.bearer.Send(out.Send[i]); err != nil {
			n.unsent.Add(1)
		}
	}
	n.carryOutGATT(out.GATT)
	for _, e := range out.Report {
		n.report(e)
	}
	return true
}

func (n *Node) report(e Event) {
	switch e := e.(type) {
	case RequestDone:
		if done, ok := n.waiting[e.ID]; ok {
			delete(n.waiting, e.ID)
			done <- e // has room for one
			return
		}
		if n.standby.gone[e.ID] {
			return // its caller has gone
		}
	case RefreshDone:
		if done, ok := n.refreshing[e.UUID]; ok {
			delete(n.refreshing, e.UUID)
			done <- e
		}
	case ProvisioningDone:
		if done, ok := n.provisioning[e.UUID]; ok {
			delete(n.provisioning, e.UUID)
			done <- e
		}
	}
	if n.cfg.Report != nil {
		n.cfg.Report(e)
	}
}

// call runs f in the node's goroutine and waits for it. An error means that f has not
// run and never will.
func (n *Node) call(ctx context.Context, f func(now time.Time, c *Core)) error {
	done := make(chan struct{})
	var refused error
	return n.await(ctx, done, &refused, call{
		run:    func(now time.Time, c *Core) { defer close(done); f(now, c) },
		refuse: func(err error) { defer close(done); refused = err },
	})
}

// read is call for an f that changes nothing. It runs while the store fails, too.
func (n *Node) read(ctx context.Context, f func(c *Core)) error {
	done := make(chan struct{})
	return n.await(ctx, done, new(error), call{
		run: func(_ time.Time, c *Core) { defer close(done); f(c) },
	})
}

// await waits for the end of a call, which closes done and sets refused if it was.
func (n *Node) await(ctx context.Context, done <-chan struct{}, refused *error, c call) error {
	if err := n.post(ctx, c); err != nil {
		return err
	}
	select {
	case <-done:
		return *refused
	case <-n.stopped:
		select {
		case <-done: // it was the last one
			return *refused
		default:
			return ErrStopped
		}
	}
}

// post queues a call for the node's goroutine. It waits only for room.
func (n *Node) post(ctx context.Context, c call) error {
	select {
	case n.calls <- c:
		return nil
	case <-n.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queuedRequest is a request on its way to the core. It belongs to drive, or to the
// standby.
type queuedRequest struct {
	id   RequestID // zero: the core does not have it yet
	gone bool      // its caller has gone
}

// Request sends an access message and waits for its end (Core.Request).
func (n *Node) Request(ctx context.Context, r Request) (Response, error) {
	done := make(chan RequestDone, 1)
	var q queuedRequest
	if err := n.post(ctx, call{
		run: func(now time.Time, c *Core) {
			if q.gone {
				return
			}
			var err error
			if q.id, err = c.Request(now, r); err != nil {
				done <- RequestDone{Err: err}
				return
			}
			n.waiting[q.id] = done
		},
		done: done,
	}); err != nil {
		return Response{}, err
	}
	select {
	case d := <-done:
		return d.Response, d.Err
	case <-n.stopped:
		return Response{}, ErrStopped
	case <-ctx.Done():
		// The node may be stopping as well, then nobody waits for the answer.
		n.cancelRequest(context.WithoutCancel(ctx), &q)
		return Response{}, ctx.Err()
	}
}

// Provision takes a device into the network and waits for the end of it.
func (n *Node) Provision(ctx context.Context, p Provision) (state.Peer, error) {
	done := make(chan ProvisioningDone, 1)
	var err error
	if failed := n.call(ctx, func(now time.Time, c *Core) {
		if err = c.Provision(now, p); err == nil {
			n.provisioning[p.UUID] = done
		}
	}); failed != nil {
		return state.Peer{}, failed
	}
	if err != nil {
		return state.Peer{}, err
	}
	select {
	case d := <-done:
		return d.Peer, d.Err
	case <-n.stopped:
		return state.Peer{}, ErrStopped
	case <-ctx.Done():
		_ = n.call(context.WithoutCancel(ctx), func(now time.Time, c *Core) {
			c.AbortProvisioning(now, p.UUID, "the request was cancelled")
		})
		return state.Peer{}, ctx.Err()
	}
}

// CancelProvisioning ends the provisioning of a device; the caller of Provision
// gets a *provision.Failure with the reason. It returns ErrNoProvisioning when
// none runs.
func (n *Node) CancelProvisioning(ctx context.Context, uuid mesh.UUID, reason string) error {
	return n.do(ctx, func(now time.Time, c *Core) error {
		if !c.AbortProvisioning(now, uuid, reason) {
			return ErrNoProvisioning
		}
		return nil
	})
}

// Refresh renews something on a node of the network and waits for the end of it
// (Core.Refresh). It continues when ctx ends: a refresh that stops half-way is
// worse than one that completes.
func (n *Node) Refresh(ctx context.Context, r Refresh) (state.Peer, error) {
	done := make(chan RefreshDone, 1)
	if err := n.do(ctx, func(now time.Time, c *Core) error {
		p := c.parts.peers.Find(r.Address)
		if p == nil {
			return ErrUnknownServer
		}
		err := c.Refresh(now, r)
		if err == nil { // else another one may be waiting
			n.refreshing[p.UUID] = done
		}
		return err
	}); err != nil {
		return state.Peer{}, err
	}
	select {
	case d := <-done:
		return d.Peer, d.Err
	case <-n.stopped:
		return state.Peer{}, ErrStopped
	case <-ctx.Done():
		return state.Peer{}, ctx.Err()
	}
}

// ProvisioningInput is Core.ProvisioningInput.
func (n *Node) ProvisioningInput(ctx context.Context, uuid mesh.UUID, value string) error {
	return n.do(ctx, func(now time.Time, c *Core) error { return c.ProvisioningInput(now, uuid, value) })
}

// do runs f in the node's goroutine, and returns its error or why it did not run.
func (n *Node) do(ctx context.Context, f func(now time.Time, c *Core) error) error {
	var err error
	if failed := n.call(ctx, func(now time.Time, c *Core) { err = f(now, c) }); failed != nil {
		return failed
	}
	return err
}

// Forget drops a node that left the network.
func (n *Node) Forget(ctx context.Context, uuid mesh.UUID) error {
	return n.call(ctx, func(now time.Time, c *Core) { c.Forget(now, uuid) })
}

// Shrink is Core.Shrink.
func (n *Node) Shrink(ctx context.Context, uuid mesh.UUID, elements int) error {
	var failed error
	err := n.call(ctx, func(now time.Time, c *Core) { failed = c.Shrink(now, uuid, elements) })
	return errors.Join(err, failed)
}

// WithModel runs f in the context of one of the node's models.
func (n *Node) WithModel(ctx context.Context, element int, id mesh.ModelID, f func(access.Context)) error {
	found := false
	if err := n.call(ctx, func(now time.Time, c *Core) { found = c.WithModel(now, element, id, f) }); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("node: element %d has no model %s", element, id)
	}
	return nil
}

// Peers lists the other nodes of the network.
func (n *Node) Peers(ctx context.Context) ([]state.Peer, error) {
	var peers []state.Peer
	err := n.read(ctx, func(c *Core) { peers = c.Peers() })
	return peers, err
}

// State is a copy of the node's configuration, keys included.
func (n *Node) State(ctx context.Context) (*state.Node, error) {
	var s *state.Node
	err := n.read(ctx, func(c *Core) { s = c.State() })
	return s, err
}

// ApplicationKey is an AppKey of the network, for configuring other nodes. It is
// the key in use for sending: the new one from phase 2 of its refresh on.
func (n *Node) ApplicationKey(ctx context.Context, index mesh.KeyIndex) (crypto.Key, error) {
	var key crypto.Key
	found := false
	if err := n.read(ctx, func(c *Core) {
		if k := c.host.state.AppKey(index); k != nil {
			key, found = c.host.state.Sending(k), true
		}
	}); err != nil {
		return crypto.Key{}, err
	}
	if !found {
		return crypto.Key{}, fmt.Errorf("node: the network has no AppKey %d", index)
	}
	return key, nil
}

// Address is the address of the node's primary element as it was opened;
// unassigned when it was not provisioned.
func (n *Node) Address() mesh.Address { return n.address }
