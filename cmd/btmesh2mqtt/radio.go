package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// adapter is a controller from the configuration and a way to open it.
type adapter struct {
	name string
	open controller.Opener
}

// adapters reads hci.adapters.
func adapters(specs []string) ([]adapter, error) {
	var all []adapter
	for _, text := range specs {
		spec, err := transport.Parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, adapter{text, spec.Open})
	}
	return all, nil
}

// listener is a node as seen by its radios.
type listener interface {
	Receive(in *bearer.Incoming)
	ReceiveSighting(s *bearer.Sighting)
	ReceiveLink(e bearer.LinkEvent)
}

// radio is a controller with its bearers.
type radio struct {
	name       string
	controller *controller.Controller
	bearer     *advertiser.Bearer
	gatt       *gatt.Radio
	log        zerolog.Logger

	mu     sync.Mutex
	status controller.Status

	tried chan struct{} // closed when the first attempt to open it has ended
	first error         // result of that attempt; set before tried is closed
	since time.Time     // when the kernel was first found setting it up
}

// setUpPatience is how long the service waits at start for an adapter that the
// kernel is still setting up. At boot both start at the same time. A setup
// takes some seconds, and one that fails ten more.
const setUpPatience = 30 * time.Second

// newRadio makes a radio that passes received PDUs to a node.
func newRadio(number int, a adapter, to listener, log zerolog.Logger) *radio {
	r := &radio{name: a.name, log: log, tried: make(chan struct{})}
	r.bearer = advertiser.New(advertiser.Config{Receive: to.Receive, Connectable: true, Adapter: uint8(number), Log: slogger(log).With("adapter", a.name)})
	r.gatt = newGATT(number, a.name, r.bearer, to.ReceiveSighting, to.ReceiveLink, log)
	r.controller = controller.New(controller.Config{
		Name:   a.name,
		Open:   a.open,
		Hosts:  []controller.Host{r.bearer, r.gatt},
		Status: r.changed,
		Log:    slogger(log),
	})
	return r
}

// changed notes a new status of the controller.
func (r *radio) changed(s controller.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = s
	if s.State != controller.Running && s.State != controller.Down {
		return
	}
	select {
	case <-r.tried:
	default:
		if !r.setUp(s.Err) {
			r.first = s.Err
			close(r.tried)
		}
	}
}

// setUp reports whether an attempt failed because the kernel is still setting
// up the adapter, so that more attempts are worthwhile. The caller holds the
// lock.
func (r *radio) setUp(err error) bool {
	if !errors.Is(err, transport.ErrSettingUp) {
		return false
	}
	if r.since.IsZero() {
		r.since = time.Now()
		r.log.Info().Str("adapter", r.name).Stringer("patience", setUpPatience).
			Msg("waiting for the kernel, which is setting the adapter up")
	}
	return time.Since(r.since) < setUpPatience
}

// describe returns the radio for bridge/info and bridge/health.
func (r *radio) describe() bridge.Adapter {
	r.mu.Lock()
	status := r.status
	r.mu.Unlock()
	sent, resets := r.bearer.Stats(), r.controller.Stats()
	a := bridge.Adapter{
		ID:       r.name,
		State:    status.State.String(),
		Sent:     sent.Sent,
		Received: sent.Received,
		Resets:   resets.Resets,
		Dropped:  sent.Full + sent.Dropped,
	}
	if status.Err != nil {
		a.Error = status.Err.Error()
	}
	if status.State == controller.Running {
		a.Address = status.Info.Address.String()
		a.Kind = "legacy advertising"
		if status.Info.Extended {
			a.Kind = fmt.Sprintf("extended advertising, %d sets", status.Info.Sets)
		}
	}
	return a
}

// awaitRadios waits until each radio has been tried, and fails if none works,
// so that the user sees the error at once. An adapter that is being set up is
// tried for a while. The controller recovers from later failures.
func awaitRadios(ctx context.Context, radios []*radio) error {
	var failed []error
	for _, r := range radios {
		select {
		case <-r.tried:
		case <-ctx.Done():
			return nil
		}
		if r.first != nil {
			failed = append(failed, fmt.Errorf("adapter %s: %w", r.name, r.first))
		}
	}
	if len(failed) < len(radios) {
		for _, err := range failed {
			radios[0].log.Error().Err(err).Msg("continuing without this adapter until it works")
		}
		return nil
	}
	return errors.Join(failed...)
}
