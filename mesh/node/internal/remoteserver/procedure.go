package remoteserver

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is the Node Provisioning Protocol Interface procedures: a new device
// key, a new address, a new composition.

// Elements implements remote.Host. A new device key or address is always possible,
// a new composition only if the program has one.
func (s *Server) Elements(p remoteprovisioning.RefreshProcedure) int {
	n := s.host.State()
	switch p {
	case remoteprovisioning.RefreshDeviceKey:
		return len(n.Elements)
	case remoteprovisioning.RefreshNodeAddress:
		return s.cfg.Elements
	default:
		if !s.cfg.Composition.HasNewComposition() || s.cfg.Elements != len(n.Elements) {
			return 0
		}
		return len(n.Elements)
	}
}

// Check implements remote.Host.
func (s *Server) Check(p remoteprovisioning.RefreshProcedure, network provision.Network, address mesh.Address) (provision.ErrorCode, string) {
	n := s.host.State()
	k := n.Subnet(network.Index)
	switch {
	case k == nil || network.KeyRefresh != (k.Phase == state.SecondPhase):
		return provision.InvalidData, "expected a subnet of this node and the phase of its key"
	case !network.Key.Equal(k.Sending()):
		return provision.InvalidData, "expected the NetKey of the subnet"
	case network.IVIndex != n.IVIndex || network.IVUpdate != n.IVUpdate:
		return provision.InvalidData, "expected the IV index of the network"
	case p != remoteprovisioning.RefreshNodeAddress && address != n.Address:
		return provision.CannotAssign, "expected the node's address to stay"
	case p == remoteprovisioning.RefreshNodeAddress && overlap(address, s.cfg.Elements, n.Address, len(n.Elements)):
		return provision.CannotAssign, "expected addresses that the node does not have"
	}
	return 0, ""
}

// overlap reports whether two ranges of addresses have one in common.
func overlap(a mesh.Address, n int, b mesh.Address, m int) bool {
	return int(a) < int(b)+m && int(b) < int(a)+n
}

// Prepare implements remote.Host.
func (s *Server) Prepare(_ remoteprovisioning.RefreshProcedure, joined *provision.Joined) {
	s.renewed = joined
	s.cfg.Keys.SetCandidate(joined.DeviceKey)
}

// Commit implements remote.Host. A new device key is adopted with the first
// message under it.
func (s *Server) Commit(p remoteprovisioning.RefreshProcedure) {
	joined := s.renewed
	s.renewed = nil
	if joined == nil || p == remoteprovisioning.RefreshDeviceKey {
		return
	}
	before := s.host.State().Address
	s.host.Edit(func(n *state.Node) { n.Address = joined.Address })
	if err := s.cfg.Composition.TakeComposition(); err != nil {
		s.host.Edit(func(n *state.Node) { n.Address = before })
		s.host.Report(part.Faulted{Err: fmt.Errorf("node: the new composition cannot be used, the node keeps its address %s and its models: %w", before, err)})
		return
	}
	s.host.ConfigurationChanged()
	if joined.Address != before {
		s.host.Report(part.Joined{Address: joined.Address, NetKey: joined.Network.Index})
	}
}

// Discard implements remote.Host.
func (s *Server) Discard() {
	if s.renewed != nil {
		s.renewed = nil
		s.cfg.Keys.SetCandidate(crypto.Key{})
	}
}
