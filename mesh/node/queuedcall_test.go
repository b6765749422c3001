package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// TestRequestBehindItsCancellation: the standby gives a request back to the queue while
// its caller goes. It is not sent then.
func TestRequestBehindItsCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, saved := echoMember(t, 1)
		n, err := Open(Config{Options: o, Store: store.NewMemory()}, func() (Saved, error) { return saved, nil })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, err := n.Request(ctx, Request{Dst: 2, TTL: mesh.DefaultTTL, Payload: echoPayload(nil), Respond: echoOpcode()})
			ended <- err
		}()
		request := <-n.calls
		cancel()
		synctest.Wait()
		n.calls <- request
		for range 2 {
			c := <-n.calls
			c.run(time.Now(), n.core)
		}
		if err := <-ended; err == nil {
			t.Error("the caller got an answer")
		}
		if sent := n.core.Take().Send; len(sent) > 0 || len(n.waiting) > 0 {
			t.Errorf("%d PDUs are sent and %d requests wait, expected none", len(sent), len(n.waiting))
		}
	})
}
