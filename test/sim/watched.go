package sim

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
)

// watch observes the models of a node. Models that the node attaches itself to
// are left out, because nothing is configured here.
func (a *Audit) watch(of mesh.Address, models []access.Model) []access.Model {
	list := make([]access.Model, 0, len(models))
	for _, m := range models {
		switch m.(type) {
		case foundation.HostedModel, *remote.Server:
		default:
			m = watched{m, a, of}
		}
		list = append(list, m)
	}
	return list
}

// watched is a model whose messages are recorded. It has every optional
// interface of a model and forwards to the model that it wraps.
type watched struct {
	access.Model
	audit *Audit
	of    mesh.Address
}

// Receive implements access.Model.
func (w watched) Receive(ctx access.Context, in *access.Incoming) {
	w.audit.delivered(w.of, in)
	w.Model.Receive(ctx, in)
}

// NextDeadline implements access.Waker.
func (w watched) NextDeadline() time.Time {
	if m, ok := w.Model.(access.Waker); ok {
		return m.NextDeadline()
	}
	return time.Time{}
}

// Wake implements access.Waker.
func (w watched) Wake(ctx access.Context) {
	if m, ok := w.Model.(access.Waker); ok {
		m.Wake(ctx)
	}
}

// PublishPeriodically implements access.Publisher.
func (w watched) PublishPeriodically(ctx access.Context) {
	if m, ok := w.Model.(access.Publisher); ok {
		m.PublishPeriodically(ctx)
	}
}

// State implements access.Persistent.
func (w watched) State() []byte {
	if m, ok := w.Model.(access.Persistent); ok {
		return m.State()
	}
	return nil
}

// Restore implements access.Persistent.
func (w watched) Restore(state []byte) error {
	if m, ok := w.Model.(access.Persistent); ok {
		return m.Restore(state)
	}
	return nil
}
