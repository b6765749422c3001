package update

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
)

// sender sends the messages of an update to a device. The interview does not bind the
// models of firmware updates, because most devices never use them: bind does, before the
// first message.
type sender struct {
	*requester.Requester
	peer    state.Peer
	unbound []element     // that have such models; none once they are bound
	turn    chan struct{} // holds a token while they are being bound
	bound   func()        // they are
}

// element is an element of a device and its models of firmware updates.
type element struct {
	address mesh.Address
	models  []mesh.ModelID
}

// sender makes one, in the loop.
func (p *Part) sender(d *registry.Device) *sender {
	s := &sender{Requester: p.h.Requester(d).As(node.ClassTransfer), peer: d.Peer(), turn: make(chan struct{}, 1)}
	app := d.Record.AppKey
	s.bound = func() {
		p.h.Loop.Post(func() {
			if p.h.Devices.Has(d) && d.Record.AppKey == app {
				d.Record.TransferBound = true
				p.h.Records.Keep(d)
			}
		})
	}
	if d.Record.TransferBound || d.Record.Composition == nil {
		return s
	}
	for i, e := range d.Record.Composition.Elements {
		at := element{address: d.Record.Address + mesh.Address(i)}
		for _, id := range e.Models {
			if commission.IsTransferModel(id) {
				at.models = append(at.models, id)
			}
		}
		if len(at.models) > 0 {
			s.unbound = append(s.unbound, at)
		}
	}
	return s
}

// bind binds the models of firmware updates, if that was not done before.
func (s *sender) bind(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if len(s.unbound) == 0 {
		return nil
	}
	for _, e := range s.unbound {
		if err := commission.BindModels(ctx, s.Requester, s.peer, e.address, s.AppKey, e.models...); err != nil {
			return err
		}
	}
	s.unbound = nil
	s.bound()
	return nil
}
