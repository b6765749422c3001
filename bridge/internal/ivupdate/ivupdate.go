// Package ivupdate is the IV Update procedure on request (Mesh Protocol 1.1.1,
// section 3.11.5): network/iv_update begins or ends it, and bridge/info shows how
// long the network has been in its state.
package ivupdate

import (
	"context"
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
)

// Part begins and ends the IV Update procedure. Make it with New.
type Part struct {
	part.None
	h *part.Host
}

var _ part.Informer = (*Part)(nil)

// New makes the part.
func New(h *part.Host) *Part { return &Part{h: h} }

// Requests implements part.Part.
func (p *Part) Requests() []request.Definition {
	return []request.Definition{request.Define(updateMeta(), p.update)}
}

// update takes the network to the next IV index, or, while an update is in
// progress, ends that.
func (p *Part) update(c *request.Call[updateOut], in updateIn) {
	change := p.h.Mesh.BeginIVUpdate
	if in.To == "normal" {
		change = p.h.Mesh.EndIVUpdate
	}
	p.h.Loop.Go(func(ctx context.Context) {
		var err error
		if in.TestMode != nil {
			err = p.h.Mesh.SetIVTestMode(ctx, *in.TestMode)
		}
		if err == nil {
			err = change(ctx)
		}
		summary, failed := p.h.Mesh.Summary(ctx)
		p.h.Loop.Post(func() {
			if failed == nil {
				p.h.Own.Take(summary)
			}
			own := p.h.Own.Summary()
			c.Answer(&updateOut{IVIndex: own.IVIndex, InProgress: own.IVUpdate}, failure(err))
		})
	})
}

// failure gives the errors of the procedure their codes.
func failure(err error) error {
	switch {
	case errors.Is(err, node.ErrIVTooEarly):
		return fault.New("too_early", "%w; for tests, \"test_mode\":true does without them", err)
	case errors.Is(err, node.ErrIVUpdating), errors.Is(err, node.ErrIVNormal):
		return fault.New("wrong_state", "%w", err)
	default:
		return err
	}
}

// Info implements part.Informer.
func (p *Part) Info(i *document.Info) {
	iv := p.h.Own.Summary().IV
	i.Network.IV = document.IV{
		Hours:    int(iv.Elapsed / time.Hour),
		Possible: iv.TestMode || iv.Elapsed >= beacon.MinStateDuration,
		TestMode: iv.TestMode,
	}
}
