// Package outside does what may never return, such as reading a file on a network share
// that has gone away. The kernel lets nobody give up such a call, so it gets a goroutine
// of its own, which is left behind:
//
//	worker ─▶ Do ─▶ goroutine ─▶ file
//	  ▲       │         ┆
//	  └───────┴─ result ┘ or, after a while, an error
package outside

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

const (
	// patience is how long something may take. It is enough for 16 MiB over a slow link.
	patience = 20 * time.Second
	// grace is how long something may still take when the bridge stops.
	grace = 2 * time.Second
	// most is how many calls may be left behind before further ones are refused.
	most = 4
)

// Runner does things outside. Make it with New.
type Runner struct{ slots chan struct{} }

// New makes a runner.
func New() *Runner { return &Runner{slots: make(chan struct{}, most)} }

// Do returns what f returns. When f takes too long, or ctx has ended, Do returns an error
// that says so, and what f returns later is dropped. what names it for people, such as
// "reading the file x in firmware.dir". It waits: call it in a worker.
func Do[T any](ctx context.Context, r *Runner, what string, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	select {
	case r.slots <- struct{}{}:
	default:
		return none, fault.New("busy", "%s: %d earlier accesses to files have not ended; check the disk or the network share", what, most)
	}
	ended := make(chan result, 1)
	go func() {
		defer func() { <-r.slots }()
		value, err := f()
		ended <- result{value, err}
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	stopping := ctx.Done()
	for {
		select {
		case got := <-ended:
			return got.value, got.err
		case <-stopping:
			stopping = nil
			late.Reset(grace)
		case <-late.C:
			if err := ctx.Err(); err != nil {
				return none, err
			}
			return none, fault.New("timeout", "%s has not ended within %s; check the disk or the network share that it is on", what, patience)
		}
	}
}
