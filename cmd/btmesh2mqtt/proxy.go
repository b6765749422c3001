package main

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/config"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// proxyClients is how many phones may use the bridge as their proxy at once.
const proxyClients = 3

// proxyOptions is the bridge's role in the proxy protocol.
func proxyOptions(c *config.MeshProxy) node.ProxyOptions {
	o := node.ProxyOptions{Connections: c.Connections, Clients: proxyClients}
	switch c.Client {
	case "auto":
		o.Client = node.ClientAuto
	case "on":
		o.Client = node.ClientOn
	}
	return o
}

// proxyFeature is the GATT Proxy state of the bridge.
func proxyFeature(c *config.MeshProxy) state.Feature {
	if c.Server {
		return state.Enabled
	}
	return state.Unsupported
}

// useGATT passes a node those of its radios that support connections.
func useGATT(n *node.Node, radios ...*radio) {
	all := make(bearer.GATTFanout, 0, len(radios))
	for _, r := range radios {
		all = append(all, r.gatt)
	}
	if all.Any() {
		n.UseGATT(all)
	}
}
