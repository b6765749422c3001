package command

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
)

// Refresh asks a device for its whole state, in the background: commands do not wait for
// it. done is told when it has ended, with an error when the device was not asked for
// everything. It is asked once for all that want it meanwhile.
func (p *Part) Refresh(d *registry.Device, done func(error)) {
	q := p.queue(d)
	q.refresh = true
	q.told = append(q.told, done)
	p.Resume(d)
}

// refresh begins to ask for the state, if that is wanted.
func (p *Part) refresh(d *registry.Device, q *queue) {
	if !q.refresh || q.refreshing || d.Busy || d.Translator == nil || p.h.Loop.Stopping() {
		return
	}
	q.refresh = false
	sending, err := prepare(d, "", &command{query: true})
	if err != nil || len(sending.Messages) == 0 {
		q.refreshed(err)
		return
	}
	q.refreshing = true
	to, messages := p.h.Requester(d).As(node.ClassProbe), requests(d, sending)
	if !d.LowPower() {
		to = to.Few()
	}
	if d.Near {
		to = to.Near()
	}
	p.h.Loop.Go(func(ctx context.Context) {
		_, err := send(ctx, to, messages)
		p.h.Loop.Post(func() {
			q.refreshing = false
			if sending.End(err == nil) {
				p.states.Changed(d)
			}
			d.Near = d.Near && err == nil
			if p.h.Devices.Has(d) && fault.Unanswered(err) {
				p.h.Log.Debug().Str("device", d.Record.Name).Err(err).Msg("the device did not tell its state")
				p.availability.Unanswered(d)
			}
			q.refreshed(err)
			p.Resume(d)
		})
	})
}

// refreshed tells those who wait for it that the state was asked for.
func (q *queue) refreshed(err error) {
	told := q.told
	q.told = nil
	for _, done := range told {
		done(err)
	}
}
