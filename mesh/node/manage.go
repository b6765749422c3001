package node

import (
	"context"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how a Node changes the whole network: its IV index, and its own
// keys on the way to changing those of others.

// BeginIVUpdate is Core.BeginIVUpdate.
func (n *Node) BeginIVUpdate(ctx context.Context) error {
	return n.change(ctx, (*Core).BeginIVUpdate)
}

// EndIVUpdate is Core.EndIVUpdate.
func (n *Node) EndIVUpdate(ctx context.Context) error {
	return n.change(ctx, (*Core).EndIVUpdate)
}

// NotFollowed is Core.NotFollowed.
func (n *Node) NotFollowed(ctx context.Context, nodes []mesh.Address) (missing []mesh.Address, err error) {
	err = n.change(ctx, func(c *Core, now time.Time) (failed error) {
		missing, failed = c.NotFollowed(now, nodes)
		return failed
	})
	return missing, err
}

// SetIVTestMode is Core.SetIVTestMode.
func (n *Node) SetIVTestMode(ctx context.Context, on bool) error {
	return n.call(ctx, func(now time.Time, c *Core) { c.SetIVTestMode(now, on) })
}

// Keys runs f on the keys of the node, in its goroutine. What f changes is in
// the store before anything is sent with it.
func (n *Node) Keys(ctx context.Context, f func(configuration.Keys) error) error {
	return n.change(ctx, func(c *Core, now time.Time) error {
		var err error
		c.do(now, func() { err = f(configuration.Keys{Host: configHost{c}}) })
		return err
	})
}

func (n *Node) change(ctx context.Context, f func(*Core, time.Time) error) error {
	var err error
	if failed := n.call(ctx, func(now time.Time, c *Core) { err = f(c, now) }); failed != nil {
		return failed
	}
	return err
}

// IVSummary is how the node is placed in the IV Update procedure.
type IVSummary struct {
	Elapsed  time.Duration // in the present state, as far as the node ran
	TestMode bool
}

// SubnetSummary is a NetKey without the key.
type SubnetSummary struct {
	NetKey  mesh.KeyIndex
	Phase   state.Phase // of its key refresh
	AppKeys []mesh.KeyIndex
}

func (c *Core) ivSummary() IVSummary {
	return IVSummary{Elapsed: c.parts.ivUpdate.Elapsed(), TestMode: c.parts.ivUpdate.TestMode()}
}

func (c *Core) subnetSummaries() []SubnetSummary {
	list := make([]SubnetSummary, 0, len(c.host.state.Subnets))
	for _, k := range c.host.state.Subnets {
		s := SubnetSummary{NetKey: k.Index, Phase: k.Phase}
		for _, a := range c.host.state.AppKeys {
			if a.NetKey == k.Index {
				s.AppKeys = append(s.AppKeys, a.Index)
			}
		}
		list = append(list, s)
	}
	return list
}

// Exclusions is Core.Exclusions.
func (n *Node) Exclusions(ctx context.Context) ([]Exclusion, error) {
	var list []Exclusion
	err := n.read(ctx, func(c *Core) { list = c.Exclusions() })
	return list, err
}
