package bridge

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

// resetRefused tells that another provisioner wanted the bridge out of the
// network. The bridge stays: with its keys the only way to all its devices would
// be gone, for a message that anybody can send who has its device key.
func (s *Service) resetRefused(e node.ResetRefused) {
	s.complain("the node %s wanted to remove the bridge from its network with a Config Node Reset; nothing was done: "+
		"who wants that stops the bridge and deletes its store", e.By)
	s.event("reset_refused", map[string]any{"by": e.By})
}
