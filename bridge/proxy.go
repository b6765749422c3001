package bridge

import (
	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// proxyConnected tells that the network is reached through a proxy.
func (s *Service) proxyConnected(in node.ProxyConnected) {
	s.log.Info().Stringer("proxy", in.Peer).Str("device", s.proxyName(in.Node)).Msg("the network is reached through a proxy")
	s.event("proxy_connected", s.proxyData(in.Peer, in.Node))
	s.refreshSummary()
}

// proxyLost tells that a proxy is gone. Another one is looked for already.
func (s *Service) proxyLost(in node.ProxyLost) {
	level := zerolog.WarnLevel
	data := s.proxyData(in.Peer, in.Node)
	if in.Err == nil {
		level = zerolog.InfoLevel // the bridge has ended it
	} else {
		data["reason"] = clip(in.Err.Error())
	}
	s.log.WithLevel(level).Stringer("proxy", in.Peer).Str("device", s.proxyName(in.Node)).AnErr("reason", in.Err).
		Msg("the connection to a proxy has ended")
	s.event("proxy_lost", data)
	s.refreshSummary()
}

// proxyData is what events say about a proxy: the device when it is one that the
// bridge knows.
func (s *Service) proxyData(peer bearer.Peer, address mesh.Address) map[string]any {
	data := map[string]any{"peer": peer.String()}
	if name := s.proxyName(address); name != "" {
		data["friendly_name"] = name
	}
	return data
}

func (s *Service) proxyName(address mesh.Address) string {
	if address == mesh.Unassigned {
		return ""
	}
	if m := s.find(address.String()); m != nil {
		return m.record.Name
	}
	return ""
}
