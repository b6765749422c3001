package gatt

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Config is what the parts work with.
type Config struct {
	Host     part.Host
	Layers   Layers
	Node     Node
	Subnets  Subnets
	Sequence transport.Sequencer
	IVIndex  IVIndex
	Models   Models
	Peers    Peers
	Device   Advertiser
	Options  part.ProxyOptions
	Monitor  bool // the node wants to hear what is sent to any group
}

// Parts are the parts that work over connections, in the order in which the node
// has them in its table.
type Parts struct {
	Connections *Connections
	Server      *Server
	Client      *Client
	Solicitor   *Solicitor
	Forwarding  *Forwarding // no part: the router asks it
}

// New makes the parts.
func New(cfg Config, links *Connections) Parts {
	x := exchange{
		host: cfg.Host, links: links, layers: cfg.Layers, node: cfg.Node,
		subnets: cfg.Subnets, sequence: cfg.Sequence, iv: cfg.IVIndex,
	}
	server := &Server{
		exchange: x, device: cfg.Device,
		server: proxy.NewServer(cfg.Options.Clients), clients: map[bearer.LinkID]*servedClient{},
	}
	links.Accept(bearer.ProxyService, server)
	client := &Client{
		exchange: x, options: cfg.Options, monitor: cfg.Monitor, models: cfg.Models, peers: cfg.Peers,
		server: server, client: proxy.NewClient(cfg.Options.Connections, links.NextID),
		proxies: map[bearer.LinkID]*usedProxy{}, lastOnAir: cfg.Host.Now(),
	}
	client.solicitor = &Solicitor{host: cfg.Host, subnets: cfg.Subnets, client: client}
	return Parts{
		Connections: links, Server: server, Client: client, Solicitor: client.solicitor,
		Forwarding: &Forwarding{links: links, client: client, server: server},
	}
}
