package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// beginning follows the first attempts to open an adapter. An adapter that is
// not there, or is lost while it is set up, is waited for, unless hci.wait is
// false. What a person has to change ends the program: a missing permission,
// another program that holds the adapter, an adapter without Low Energy.
type beginning struct {
	name string
	wait bool // hci.wait
	log  zerolog.Logger

	mu    sync.Mutex
	since time.Time // when the kernel was first found setting it up
	told  bool      // the log says that it is waited for

	tried chan struct{} // closed when it works, has failed, or is waited for
	works chan struct{} // closed when it has worked
	fails chan struct{} // closed when it has failed
	err   error         // why; read it only after fails
}

// setUpPatience is how long the service waits at start for an adapter that the
// kernel is still setting up, if hci.wait is false. At boot both start at the
// same time. A setup takes some seconds, and one that fails ten more.
const setUpPatience = 30 * time.Second

func newBeginning(name string, wait bool, log zerolog.Logger) *beginning {
	return &beginning{
		name: name, wait: wait, log: log,
		tried: make(chan struct{}), works: make(chan struct{}), fails: make(chan struct{}),
	}
}

// changed notes a new status of the controller. Only the first result counts.
func (b *beginning) changed(s controller.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if isClosed(b.works) || isClosed(b.fails) {
		return
	}
	switch s.State {
	case controller.Running:
		close(b.works)
		b.try()
	case controller.Down, controller.Recovering:
		b.failed(s.Err)
	}
}

// failed decides what follows a failed attempt. The caller holds the lock.
func (b *beginning) failed(err error) {
	settingUp := errors.Is(err, transport.ErrSettingUp)
	if settingUp && b.since.IsZero() {
		b.since = time.Now()
		b.log.Info().Str("adapter", b.name).Msg("waiting for the kernel, which is setting the adapter up")
	}
	switch {
	case settingUp && time.Since(b.since) < setUpPatience:
	case !b.wait || hopeless(err):
		b.err = err
		close(b.fails)
		b.try()
	default:
		if !b.told {
			b.told = true
			b.log.Warn().Err(err).Str("adapter", b.name).Msg("the adapter is not there; waiting for it (with --hci.wait=false the program ends instead)")
		}
		b.try()
	}
}

func (b *beginning) try() {
	if !isClosed(b.tried) {
		close(b.tried)
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// hopeless reports whether an adapter cannot be opened until a person changes
// something. An adapter that the kernel is setting up is not.
func hopeless(err error) bool {
	for _, final := range []error{transport.ErrSpec, transport.ErrPermission, transport.ErrUnsupported, controller.ErrUnsuitable} {
		if errors.Is(err, final) {
			return true
		}
	}
	return errors.Is(err, transport.ErrBusy) && !errors.Is(err, transport.ErrSettingUp)
}

// awaitBeginnings waits until each adapter has been tried, and fails if all have
// failed, so that the user sees the errors at once. The controller recovers from
// later failures.
func awaitBeginnings(ctx context.Context, all []*beginning) error {
	var failed []error
	for _, b := range all {
		select {
		case <-b.tried:
		case <-ctx.Done():
			return nil
		}
		if isClosed(b.fails) {
			failed = append(failed, fmt.Errorf("adapter %s: %w", b.name, b.err))
		}
	}
	if len(failed) < len(all) {
		for _, err := range failed {
			all[0].log.Error().Err(err).Msg("continuing without this adapter until it works")
		}
		return nil
	}
	return errors.Join(failed...)
}

// awaitAdapter waits until one of the adapters works, before a network is
// created for them: with a mistyped adapter there shall be no new network. It
// fails if all adapters have failed, or with the error of ctx.
func awaitAdapter(ctx context.Context, adapters []adapter, wait bool, log zerolog.Logger) error {
	inner, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	result := make(chan error, len(adapters))
	for _, a := range adapters {
		b := newBeginning(a.name, wait, log)
		c := controller.New(controller.Config{Name: a.name, Open: a.open, Status: b.changed, Log: slogger(log)})
		running.Go(func() { _ = c.Run(inner) }) // returns the context's error
		running.Go(func() {
			select {
			case <-b.works:
				result <- nil
			case <-b.fails:
				result <- fmt.Errorf("adapter %s: %w", b.name, b.err)
			case <-inner.Done():
			}
		})
	}
	var failed []error
	for range adapters {
		select {
		case err := <-result:
			if err == nil {
				return nil
			}
			failed = append(failed, err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errors.Join(failed...)
}
