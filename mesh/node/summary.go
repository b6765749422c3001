package node

import (
	"context"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// Summary is what a node tells about itself, without keys.
type Summary struct {
	UUID     mesh.UUID
	Address  mesh.Address // unassigned while the node is not provisioned
	Elements int
	IVIndex  mesh.IVIndex
	IVUpdate bool
	IV       IVSummary
	// IVIndexUnknown: the node listens until it learns the IV index, and sends
	// nothing.
	IVIndexUnknown bool
	SequenceLeft   int
	Subnets        []SubnetSummary
	NetKeys        []mesh.KeyIndex
	AppKeys        []mesh.KeyIndex
	Friendships    []friend.Status // with Low Power nodes
	Requests       RequestQueue
	Proxies        []proxy.Status // that the node uses or has tried to use
	Counters       Counters
	Missed         uint64 // PDUs dropped because the node did not keep up
	Unsent         uint64 // PDUs that the bearer had no room for
}

// Summary describes the node as it is now.
func (n *Node) Summary(ctx context.Context) (Summary, error) {
	var s Summary
	err := n.read(ctx, func(c *Core) {
		st := c.host.state
		s = Summary{
			UUID:           st.UUID,
			Address:        st.Address,
			Elements:       len(st.Elements),
			IVIndex:        st.IVIndex,
			IVUpdate:       st.IVUpdate,
			IV:             c.ivSummary(),
			IVIndexUnknown: st.IVIndexUnknown,
			SequenceLeft:   c.SequenceLeft(),
			Subnets:        c.subnetSummaries(),
			Friendships:    c.Friendships(),
			Requests:       c.parts.requests.Queue(),
			Proxies:        c.Proxies(),
			Counters:       c.Counters(),
			Missed:         n.missed.Load(),
			Unsent:         n.unsent.Load(),
		}
		for _, k := range st.Subnets {
			s.NetKeys = append(s.NetKeys, k.Index)
		}
		for _, k := range st.AppKeys {
			s.AppKeys = append(s.AppKeys, k.Index)
		}
	})
	return s, err
}
