package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
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
	begin      *beginning
	told       func() // called after each change of the status

	mu      sync.Mutex
	status  controller.Status
	worked  time.Time   // when it last worked
	failed  []time.Time // when it stopped working, within the last minute
	failure error       // the last of these failures
}

// A radio that stops working this often within this time is unsteady: it may
// work at the moment, but what takes some seconds will fail.
const (
	unsteadyCount  = 3
	unsteadyWithin = time.Minute
	// lostAfter is how long an unsteady radio may be away until it is down.
	lostAfter = 10 * time.Second
)

// newRadio makes a radio that passes received PDUs to a node. told, if not nil,
// is called after each change of its status; it must not wait.
func newRadio(number int, a adapter, to listener, told func(), wait bool, log zerolog.Logger) *radio {
	r := &radio{name: a.name, told: told, begin: newBeginning(a.name, wait, log)}
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
	r.begin.changed(s)
	if r.note(s, time.Now()) && r.told != nil {
		r.told()
	}
}

// note records a status, and reports whether there is something to tell: an
// adapter that is opened again and again is down all the time.
func (r *radio) note(s controller.Status, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.status.State
	if s.State == controller.Opening && before == controller.Down {
		return false
	}
	if before == controller.Running {
		r.worked = now
		if s.State != controller.Stopped {
			r.forget(now)
			r.failed, r.failure = append(r.failed, now), s.Err
		}
	}
	r.status = s
	return true
}

// forget drops the failures that are too old to count. The caller holds the lock.
func (r *radio) forget(now time.Time) {
	for len(r.failed) > 0 && now.Sub(r.failed[0]) >= unsteadyWithin {
		r.failed = r.failed[1:]
	}
}

// state is the state for bridge/info and bridge/health, and what is wrong. The
// caller holds the lock.
func (r *radio) state(now time.Time) (state, wrong string) {
	r.forget(now)
	s := r.status
	gone := s.State == controller.Stopped || s.State == controller.Down && now.Sub(r.worked) >= lostAfter
	if len(r.failed) >= unsteadyCount && !gone {
		return document.AdapterUnsteady, fmt.Sprintf("it stopped working %d times within the last minute: %v", len(r.failed), r.failure)
	}
	if s.Err != nil {
		wrong = s.Err.Error()
	}
	return s.State.String(), wrong
}

// describe returns the radio for bridge/info and bridge/health.
func (r *radio) describe() bridge.Adapter {
	r.mu.Lock()
	status := r.status
	state, wrong := r.state(time.Now())
	r.mu.Unlock()
	sent, counted := r.bearer.Stats(), r.controller.Stats()
	a := bridge.Adapter{
		ID:        r.name,
		State:     state,
		Error:     wrong,
		Sent:      sent.Sent,
		Received:  sent.Received,
		Resets:    counted.Resets,
		Malformed: counted.Malformed + counted.Unframed,
		Dropped:   sent.Full + sent.Dropped,
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
