package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// ledger is a model that records its actions, where a lamp would only be on: a
// message that is acted on twice appears twice. Its state is as durable as that
// of any model.
type ledger struct{ done []byte } // transaction identifiers

func (*ledger) ID() mesh.ModelID       { return generic.OnOffServerID }
func (*ledger) Opcodes() []mesh.Opcode { return []mesh.Opcode{generic.OpOnOffSet} }
func (l *ledger) State() []byte        { return l.done }

func (l *ledger) Restore(state []byte) error {
	l.done = slices.Clone(state)
	return nil
}

func (l *ledger) Receive(ctx access.Context, in *access.Incoming) {
	var set generic.OnOffSet
	if access.Decode(in.Params, &set) == nil {
		l.done = append(l.done, set.TID)
		ctx.Reply(&generic.OnOffStatus{PresentOnOff: set.OnOff})
	}
}

var errDead = errors.New("the process is dead")

// victim is a node whose process can be killed between any two steps of
// processing an output. It is the store, bearer and listener of the node, so
// that it sees each step and can prevent it.
type victim struct {
	store.Store // the disk, which outlives the process
	lab         *lab
	number      int
	ledger      *ledger
	node        *node.Node
	stop        context.CancelFunc

	mu    sync.Mutex
	after int // steps until death; negative for never
	dead  bool
}

// step is called before each step; it returns false if the process is dead.
func (v *victim) step() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dead {
		return false
	}
	if v.after == 0 {
		v.dead = true
		v.stop()
		return false
	}
	v.after--
	return true
}

func (v *victim) isDead() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.dead
}

func (v *victim) Apply(changes ...store.Change) error {
	if !v.step() {
		return errDead
	}
	return v.Store.Apply(changes...)
}

func (v *victim) AppendReplay(entries []store.ReplayEntry) error {
	if !v.step() {
		return errDead
	}
	return v.Store.AppendReplay(entries)
}

func (v *victim) Send(o bearer.Outgoing) error {
	if v.step() {
		v.lab.send(v, o)
	}
	return nil
}

func (v *victim) Cancel(bearer.Lane) { v.step() }

func (v *victim) report(e node.Event) {
	if v.step() {
		v.lab.report(v, e)
	}
}

// lab is two nodes on a perfect air with a recorder of everything sent.
type lab struct {
	t     *testing.T
	ctx   context.Context
	parts sync.WaitGroup
	nodes [2]*victim

	mu       sync.Mutex
	audit    *sim.Audit
	tape     []bearer.Incoming
	sent     [2]int      // messages of each node, without beacons
	reported map[any]int // access messages that a node reported
}

// start makes a node from the content of its disk.
func (l *lab) start(number, after int) {
	old := l.nodes[number]
	v := &victim{lab: l, number: number, ledger: &ledger{}, after: -1}
	if v.Store = store.Store(store.NewMemory()); old != nil {
		v.Store = old.Store
	}
	elements := []access.Element{{Models: []access.Model{v.ledger}}}
	var err error
	v.node, err = node.Open(node.Config{
		Options: node.Options{Elements: elements, Random: sim.Random(1, number), Monitor: true},
		Store:   v,
		Report:  v.report,
	}, func() (node.Saved, error) { return sim.Configured(number, ttl, elements), nil })
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(l.ctx)
	v.stop, v.after = stop, after
	l.nodes[number] = v
	l.parts.Go(func() { v.node.Run(ctx, v) })
}

func (l *lab) send(from *victim, o bearer.Outgoing) {
	if o.Kind != bearer.Message {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	in := bearer.Incoming{Kind: o.Kind, Len: o.Len, Data: o.Data}
	l.audit.Read(in.PDU(), sim.Address(from.number))
	l.sent[from.number]++
	l.tape = append(l.tape, in)
	l.nodes[1-from.number].node.Receive(&in)
}

func (l *lab) report(at *victim, e node.Event) {
	if m, ok := e.(node.MessageReceived); ok && m.Opcode != generic.OpOnOffSetUnacknowledged {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reported[fmt.Sprint(at.number, m.Opcode, m.Params)]++
	}
}

// replay plays the recording to both nodes.
func (l *lab) replay() {
	l.mu.Lock()
	tape := slices.Clone(l.tape)
	l.mu.Unlock()
	for i := range tape {
		for _, v := range l.nodes {
			v.node.Receive(&tape[i])
		}
		synctest.Wait()
	}
}

// request sends one Set with its own transaction identifier.
func (l *lab) request(tid uint8) error {
	r, err := sim.Switch(sim.Address(1), tid%2 == 0, tid)
	if err != nil {
		l.t.Fatal(err)
	}
	r.Attempts = 1
	_, err = l.nodes[0].node.Request(l.ctx, r)
	return err
}

// crash kills a node after the given number of steps in the middle of six
// requests, restarts it, and replays everything that was ever on the air. It
// returns false if the node survived all of it.
func crash(t *testing.T, who, after, before int) (died bool) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := &lab{t: t, ctx: ctx, audit: sim.NewAudit(), reported: map[any]int{}}
		defer l.parts.Wait()
		defer stop()
		l.start(0, -1)
		l.start(1, -1)
		for range before { // uses up sequence numbers
			r := node.Request{Dst: 0xC123, TTL: mesh.DefaultTTL, Payload: []byte{0x82, 0x03, 0, 0}}
			if _, err := l.nodes[0].node.Request(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		v := l.nodes[who]
		v.mu.Lock()
		v.after = after
		v.mu.Unlock()
		const requests = 6
		for tid := range uint8(requests) {
			err := l.request(tid)
			if !died && v.isDead() {
				died = true
				l.start(who, -1)
				synctest.Wait()
				l.replay()
			} else if err != nil {
				t.Errorf("set %d: %v", tid, err)
			}
		}
		l.replay()
		time.Sleep(time.Minute) // simulated: late messages have arrived
		l.check()
	})
	return died
}

// check is what must hold whenever the nodes died.
func (l *lab) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.audit.Err(); err != nil {
		l.t.Error(err)
	}
	done := l.nodes[1].ledger.done
	for i, tid := range done {
		if slices.Contains(done[:i], tid) {
			l.t.Errorf("set %d was acted on twice: % x", tid, done)
		}
	}
	if len(done) < 5 {
		l.t.Errorf("only %d of 6 sets were acted on: % x", len(done), done)
	}
	answers := 0
	for what, times := range l.reported {
		if text := what.(string); text[0] == '0' {
			answers += times
		} else if times > 1 {
			l.t.Errorf("reported %d times: %s", times, text)
		}
	}
	if answers > l.sent[1] {
		l.t.Errorf("%d answers were reported, %d were sent", answers, l.sent[1])
	}
}

// The process of one of two nodes is killed before each step in turn.
func TestCrashAtEveryStep(t *testing.T) {
	for who, name := range []string{"the one that asks", "the one that acts"} {
		t.Run(name, func(t *testing.T) {
			for after := 0; ; after++ {
				if !crash(t, who, after, 0) {
					t.Logf("%d crash points", after)
					if after < 12 {
						t.Error("too few: six requests have more steps")
					}
					return
				}
				if t.Failed() {
					t.Fatalf("killed after %d steps", after)
				}
			}
		})
	}
}

// The same where one reserve of sequence numbers ends and the next begins.
func TestCrashAroundTheReserve(t *testing.T) {
	const reserve = 1024
	for _, before := range []int{reserve - 2, reserve - 1, reserve} {
		for after := range 8 {
			crash(t, 0, after, before)
			if t.Failed() {
				t.Fatalf("killed after %d messages and %d steps", before, after)
			}
		}
	}
}
