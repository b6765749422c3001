// Package ownnode keeps the last summary of the bridge's own node: its keys, its
// IV index, its counters. Asking the node takes time, so the loop works with what
// it was told last.
//
//	Refresh ─▶ worker ─▶ node.Summary ─▶ Take ─▶ bridge/info, bridge/health
package ownnode

import (
	"context"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

// Mesh tells about the node; *node.Node does.
type Mesh interface {
	Summary(ctx context.Context) (node.Summary, error)
}

// Loop runs what takes time outside and takes its result.
type Loop interface {
	Go(f func(ctx context.Context))
	Post(f func())
}

// Lists marks the lists of the bridge that have changed.
type Lists interface{ Changed(lists ...string) }

// Node belongs to the bridge's loop.
type Node struct {
	mesh    Mesh
	loop    Loop
	lists   Lists
	summary node.Summary
}

// New makes one that knows nothing yet.
func New(mesh Mesh, loop Loop, lists Lists) *Node { return &Node{mesh: mesh, loop: loop, lists: lists} }

// Summary is what the node told last; it must not be changed.
func (n *Node) Summary() *node.Summary { return &n.summary }

// Take takes a summary that a worker has asked for.
func (n *Node) Take(summary node.Summary) {
	if len(summary.Friendships) > 0 || len(n.summary.Friendships) > 0 {
		n.lists.Changed("devices")
	}
	n.summary = summary
	n.lists.Changed("info", "health")
}

// Refresh asks the node about itself.
func (n *Node) Refresh() {
	n.loop.Go(func(ctx context.Context) {
		summary, err := n.mesh.Summary(ctx)
		if err != nil {
			return // it was stopped
		}
		n.loop.Post(func() { n.Take(summary) })
	})
}

// CheckSubnet is an error when the network does not have the subnet of a request.
func (n *Node) CheckSubnet(index mesh.KeyIndex) error {
	if index > mesh.MaxKeyIndex {
		return fault.New("bad_value", "net_key: expected 0 to %d, got %d", mesh.MaxKeyIndex, index)
	}
	if index != mesh.PrimaryNetKey && !slices.Contains(n.summary.NetKeys, index) {
		return fault.New("unknown_subnet", "net_key: the network has no subnet %d; it has %v", index, n.summary.NetKeys)
	}
	return nil
}
