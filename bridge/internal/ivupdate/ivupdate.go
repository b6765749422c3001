// Package ivupdate is the IV Update procedure on request (Mesh Protocol 1.1.1,
// section 3.11.5): network/iv_update begins or ends it, and bridge/info shows how
// long the network has been in its state.
package ivupdate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
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
		change = p.end(in.Force)
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

// Times of the wait for devices.
const (
	followTime = time.Minute
	askAgain   = 3 * time.Second
)

// end is what ends the update. In test mode it first waits for the devices: nobody has
// waited 96 hours for them to hear of the update, and those that have not would not
// hear the bridge afterwards.
func (p *Part) end(force bool) func(context.Context) error {
	names := map[mesh.Address]string{}
	for _, d := range p.h.Devices.Sorted() {
		if !d.LowPower() && !d.Record.LeftBehind {
			names[d.Record.Address] = d.Record.Name
		}
	}
	return func(ctx context.Context) error {
		own, err := p.h.Mesh.Summary(ctx)
		if err != nil {
			return err
		}
		if own.IVUpdate && own.IV.TestMode && !force {
			if err := p.await(ctx, names); err != nil {
				return err
			}
		}
		return p.h.Mesh.EndIVUpdate(ctx)
	}
}

// await waits for devices to follow. It returns an error that names those that do not.
func (p *Part) await(ctx context.Context, names map[mesh.Address]string) error {
	missing := slices.Sorted(maps.Keys(names))
	for waited := time.Duration(0); ; waited += askAgain {
		var err error
		if missing, err = p.h.Mesh.NotFollowed(ctx, missing); err != nil || len(missing) == 0 {
			return err
		}
		if waited >= followTime {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askAgain):
		}
	}
	list := make([]string, 0, len(missing))
	for _, a := range missing {
		list = append(list, names[a])
	}
	slices.Sort(list)
	const most = 10
	if more := len(list) - most; more > 0 {
		list = append(list[:most], fmt.Sprintf("and %d more", more))
	}
	return fault.New("not_followed", "these devices have not followed the IV Update, and would not hear the bridge after its end: %s; "+
		"devices that are not in test mode follow 96 hours after the last change. Try again later, or send \"force\":true",
		strings.Join(list, ", "))
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
