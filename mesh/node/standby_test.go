package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// storeFault is what can be wrong with a store while a node runs.
type storeFault struct {
	begin func(*failingStore) (end func())
	text  string // of the trouble
}

func fails(err error) func(*failingStore) func() {
	return func(m *failingStore) func() {
		m.set(fmt.Errorf("write /store/mesh.db: %w", err))
		return func() { m.set(nil) }
	}
}

func storeFaults() map[string]storeFault {
	return map[string]storeFault{
		"EIO":       {fails(syscall.EIO), "may be failing"},
		"ENOSPC":    {fails(syscall.ENOSPC), "free some space"},
		"read-only": {fails(syscall.EROFS), "mount its file system for writing"},
		"hangs":     {func(m *failingStore) func() { return m.hang() }, "check the disk or the network share"},
	}
}

// joined is a pair whose plug is a node of the gateway's network.
func joined(ctx context.Context, t *testing.T) (*pair, state.Peer) {
	t.Helper()
	p := runPair(ctx, t)
	<-p.heard
	peer, err := p.gateway.Provision(ctx, node.Provision{UUID: plugUUID, Auth: provision.Auth{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ping(ctx, peer.Address); err != nil {
		t.Fatal(err)
	}
	return p, peer
}

// write makes the node write to its store, and does not wait for it.
func (p *pair) write(ctx context.Context, operation string, peer state.Peer) {
	switch operation {
	case "apply":
		go func() {
			_ = p.gateway.Keys(ctx, func(k configuration.Keys) error {
				k.Host.Edit(func(n *state.Node) bool { n.DefaultTTL++; return true })
				return nil
			})
		}()
	case "append": // the answer goes into the replay list
		go func() { _, _ = p.ping(ctx, peer.Address) }()
	}
}

// While the store fails or hangs, in whatever operation, the node tells about itself,
// refuses at once what it cannot do, sends nothing, and says why. When the store works
// again, so does the node.
func TestNodeWithoutItsStore(t *testing.T) {
	for name, fault := range storeFaults() {
		for _, operation := range []string{"apply", "append"} {
			t.Run(operation+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, stop := context.WithCancel(t.Context())
					defer stop()
					p, peer := joined(ctx, t)
					p.memory.only = operation
					end := fault.begin(p.memory)
					defer end()
					p.write(ctx, operation, peer)
					time.Sleep(watch.Late)
					synctest.Wait()
					if err := <-p.failures; !errors.Is(err, watch.ErrTrouble) || !strings.Contains(err.Error(), fault.text) || !strings.Contains(err.Error(), "/store") {
						t.Fatalf("the failure was reported as %v", err)
					}
					p.expectRefusals(ctx, t, peer)
					sent := p.bearer.sent.Load()
					time.Sleep(time.Minute)
					p.expectRefusals(ctx, t, peer)
					if more := p.bearer.sent.Load() - sent; more > 0 {
						t.Errorf("%d PDUs were sent while the store did not take what had to be stored before", more)
					}
					select {
					case err := <-p.failures:
						t.Errorf("one failure was reported twice: %v", err)
					default:
					}

					end()
					time.Sleep(15 * time.Second)
					synctest.Wait()
					if err := <-p.failures; err != nil {
						t.Errorf("the end of the failure was reported as %v", err)
					}
					if _, err := p.ping(ctx, peer.Address); err != nil {
						t.Errorf("after the end of the failure: %v", err)
					}
				})
			})
		}
	}
}

// expectRefusals expects that all calls return at once: those that only read with
// their result, the others with what is wrong with the store.
func (p *pair) expectRefusals(ctx context.Context, t *testing.T, peer state.Peer) {
	t.Helper()
	began := time.Now()
	if s, err := p.gateway.Summary(ctx); err != nil || s.Address != gatewayAddress {
		t.Errorf("summary: %+v, %v", s, err)
	}
	if peers, err := p.gateway.Peers(ctx); err != nil || len(peers) != 1 {
		t.Errorf("peers: %v, %v", peers, err)
	}
	if s, err := p.gateway.State(ctx); err != nil || s == nil {
		t.Errorf("state: %v, %v", s, err)
	}
	if _, err := p.gateway.Exclusions(ctx); err != nil {
		t.Errorf("exclusions: %v", err)
	}
	if _, err := p.gateway.ApplicationKey(ctx, 0); err != nil {
		t.Errorf("AppKey: %v", err)
	}
	for name, call := range map[string]func() error{
		"request":   func() error { _, err := p.ping(ctx, peer.Address); return err },
		"provision": func() error { _, err := p.gateway.Provision(ctx, node.Provision{UUID: mesh.UUID{1}}); return err },
		"refresh":   func() error { _, err := p.gateway.Refresh(ctx, node.Refresh{Address: peer.Address}); return err },
		"forget":    func() error { return p.gateway.Forget(ctx, mesh.UUID{1}) },
		"IV update": func() error { return p.gateway.BeginIVUpdate(ctx) },
	} {
		if err := call(); !errors.Is(err, watch.ErrTrouble) {
			t.Errorf("%s: %v, expected what is wrong with the store", name, err)
		}
	}
	if d := time.Since(began); d > 0 {
		t.Errorf("the calls waited for %s", d)
	}
}

// A call that is under way when the store begins to hang ends after a while. What came
// of it later is nobody's any more.
func TestCallsThatWaitForTheStoreEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		p, peer := joined(ctx, t)
		release := p.memory.hang()
		defer release()
		began := time.Now()
		_, err := p.ping(ctx, peer.Address)
		if !errors.Is(err, watch.ErrTrouble) {
			t.Errorf("the request ended with %v", err)
		}
		if d := time.Since(began); d > 15*time.Second {
			t.Errorf("it waited for %s", d)
		}
		release()
		p.recovers(ctx, t, peer.Address)
	})
}

// A caller that goes while the store hangs does not wait for it, and its request is
// cancelled.
func TestCallerGoesWhileTheStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		p, peer := joined(ctx, t)
		release := p.memory.hang()
		defer release()
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := p.ping(short, peer.Address); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the request ended with %v", err)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("it waited for %s", d)
		}
		release()
		p.recovers(ctx, t, peer.Address)
	})
}

// With a store that takes five seconds for each write, everything works, slowly.
func TestNodeWithASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		p, peer := joined(ctx, t)
		p.memory.slowDown(5 * time.Second)
		for range 5 {
			if _, err := p.ping(ctx, peer.Address); err != nil && !errors.Is(err, watch.ErrTrouble) {
				t.Errorf("the request ended with %v", err)
			}
			if _, err := p.gateway.Summary(ctx); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Second)
		}
		if err := p.watched.Trouble(); err == nil || !strings.Contains(err.Error(), "too slow") {
			t.Errorf("the trouble is %v", err)
		}
		p.memory.slowDown(0)
		time.Sleep(20 * time.Second)
		if _, err := p.ping(ctx, peer.Address); err != nil {
			t.Errorf("the request ended with %v", err)
		}
		if err := p.watched.Trouble(); err != nil {
			t.Errorf("the trouble is %v", err)
		}
	})
}

// A store that was too slow once is watched for some seconds. Its writes take their usual
// time meanwhile, and nothing is refused because of one.
func TestCallsDuringAShortWriteAreNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		p, peer := joined(ctx, t)
		p.memory.slowDown(3 * time.Second)
		p.write(ctx, "apply", peer)
		time.Sleep(4 * time.Second)
		p.memory.slowDown(300 * time.Millisecond) // as on a worn memory card
		for range 5 {
			p.write(ctx, "apply", peer)
			time.Sleep(50 * time.Millisecond)
			if p.watched.Trouble() == nil {
				t.Fatal("the store is not watched any more")
			}
			if _, err := p.ping(ctx, peer.Address); err != nil {
				t.Errorf("the request ended with %v", err)
			}
		}
		p.memory.slowDown(0)
		time.Sleep(time.Second)
	})
}

// What is heard while the store hangs is not acted on later as if it were new, and is
// counted.
func TestWhatIsHeardMeanwhileIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		p, peer := joined(ctx, t)
		release := p.memory.hang()
		defer release()
		p.write(ctx, "append", peer)
		time.Sleep(5 * time.Second)
		for range 2000 {
			p.gateway.Receive(&bearer.Incoming{Kind: bearer.Message, Len: 20})
		}
		release()
		synctest.Wait()
		s, err := p.gateway.Summary(ctx)
		if err != nil || s.Missed < 2000 {
			t.Errorf("%d PDUs were counted, %v", s.Missed, err)
		}
	})
}

// A node that is stopped does not wait for a store that hangs, and does not send later
// what was not stored.
func TestStopWhileTheStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p, peer := joined(ctx, t)
		release := p.memory.hang()
		p.write(ctx, "append", peer)
		time.Sleep(time.Minute)
		sent := p.bearer.sent.Load()
		began := time.Now()
		stop()
		<-p.ended
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("it took %s", d)
		}
		if _, err := p.gateway.Summary(t.Context()); !errors.Is(err, node.ErrStopped) {
			t.Errorf("a call to the stopped node: %v", err)
		}
		release()
		synctest.Wait()
		if more := p.bearer.sent.Load() - sent; more > 0 {
			t.Errorf("%d PDUs were sent after the end", more)
		}
	})
}

// recovers checks that the node works again, once its store does.
func (p *pair) recovers(ctx context.Context, t *testing.T, to mesh.Address) {
	t.Helper()
	synctest.Wait()
	if _, err := p.ping(ctx, to); err != nil {
		t.Errorf("the next request: %v", err)
	}
}
