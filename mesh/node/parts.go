package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/beacons"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/followers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/friendship"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/gatt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/heartbeats"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/ivupdate"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/models"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/probe"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/provisioner"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/remoteserver"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/requests"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
)

// This file joins the parts of a node. A new part is one line in table.

// assembly is the parts of a node before they are a list.
type assembly struct {
	host   *host
	router *router.Router

	keys         *keys.Keys
	peers        *peers.Peers
	requests     *requests.Requests
	models       *models.Models
	ivUpdate     *ivupdate.Procedure
	friendships  *friendship.Friendships
	followers    *followers.Followers
	heartbeats   *heartbeats.Heartbeats
	private      *beacons.Private
	beacons      *beacons.Beacons
	gatt         gatt.Parts
	pbADV        *provisioner.PBADV
	scanner      *provisioner.Scanner
	device       *provisioner.Device
	provisioner  *provisioner.Provisioner
	remoteClient *provisioner.RemoteClient
	remoteServer *remoteserver.Server
}

// entry is a line of the table: how a part is got.
type entry func(*assembly) part.Part

// table lists the parts of a node in the order in which they load, get inputs,
// act on changes and tick. A part that others build on comes before them.
func table() []entry {
	return []entry{
		func(a *assembly) part.Part { return a.keys },
		func(a *assembly) part.Part { return a.peers },
		func(a *assembly) part.Part { return a.ivUpdate },
		func(a *assembly) part.Part { return a.followers },
		func(a *assembly) part.Part { return a.requests },
		func(a *assembly) part.Part { return a.pbADV },
		func(a *assembly) part.Part { return a.scanner },
		func(a *assembly) part.Part { return a.device },
		func(a *assembly) part.Part { return a.provisioner },
		func(a *assembly) part.Part { return a.remoteClient },
		func(a *assembly) part.Part { return a.remoteServer },
		func(a *assembly) part.Part { return a.models },
		func(a *assembly) part.Part { return a.friendships.LowPower },
		func(a *assembly) part.Part { return a.friendships.Friend }, // not on a Low Power node
		func(a *assembly) part.Part { return a.friendships },
		func(a *assembly) part.Part { return a.heartbeats },
		func(a *assembly) part.Part { return a.beacons },
		func(a *assembly) part.Part { return a.private },
		func(a *assembly) part.Part { return a.gatt.Connections },
		func(a *assembly) part.Part { return a.gatt.Client },
		func(a *assembly) part.Part { return a.gatt.Server },
		func(a *assembly) part.Part { return a.gatt.Solicitor },
	}
}

// assemble makes the parts and connects each with the others that it needs.
func (c *Core) assemble(saved *Saved) *assembly {
	o, h := &c.options, c.host
	a := &assembly{host: h, router: c.router}
	var provisioning *provisioner.Provisioner // made below
	a.peers = peers.New(h, peers.Options{
		Addresses: o.Addresses,
		Elements:  len(o.Elements),
		Reserved:  func() []peers.Range { return provisioning.Reserved() },
	}, saved.Peers, saved.Exclusions)
	a.keys = keys.New(h, a.router, a.peers)
	a.ivUpdate = ivupdate.New(h, &h.sequence, a.router)
	a.followers = followers.New(h, a.router, a.peers)
	if o.Resident {
		a.keys.StayResident(probe.New(h, a.router, a.peers))
		a.ivUpdate.StayResident(probe.New(h, a.router, a.peers))
	}
	a.friendships = friendship.New(h)
	a.requests = requests.New(h, a.router, a.friendships.Friend, a.peers)
	a.heartbeats = heartbeats.New(h, a.router, a.friendships.LowPower, o.Monitor)
	a.models = models.New(h, a.router, a.friendships, models.Options{
		Elements: o.Elements, KeepComposition: o.KeepComposition, Attach: c.attach,
	})
	a.friendships.Connect(friendship.Config{
		Sequence: &h.sequence, Layers: a.router, Keys: a.keys, IVIndex: a.ivUpdate,
		Requests: a.requests, Features: a.heartbeats, Models: a.models,
		Friend: o.Friend, LowPower: o.LowPower,
	})

	links := gatt.NewConnections(h)
	a.pbADV = provisioner.NewPBADV(h)
	a.scanner = provisioner.NewScanner(h, o.Monitor)
	a.device = provisioner.NewDevice(provisioner.DeviceConfig{
		Host: h, PBADV: a.pbADV, Links: links, Options: o.Device, Elements: len(o.Elements),
		Join: c.join, Advertising: func() { a.gatt.Server.Wake() }, Identify: func() { a.gatt.Server.Identify() },
	})
	a.gatt = gatt.New(gatt.Config{
		Host: h, Layers: a.router, Node: inlet{c}, Subnets: a.keys, Sequence: &h.sequence,
		IVIndex: a.ivUpdate, Models: a.models, Peers: a.peers, Device: a.device,
		Options: o.Proxy, Monitor: o.Monitor,
	}, links)
	provisioning, a.remoteClient = provisioner.New(provisioner.Config{
		Host: h, PBADV: a.pbADV, Scanner: a.scanner, Links: links, Peers: a.peers, Proxies: a.gatt.Client,
	}, a.requests)
	a.provisioner = provisioning
	a.remoteServer = remoteserver.New(remoteserver.Config{
		Host: h, Sender: a.router, Radio: a.pbADV, Keys: a.keys, Composition: a.models, Elements: len(o.Elements),
	})
	a.private = beacons.NewPrivate(h, a.keys, a.ivUpdate)
	a.beacons = beacons.New(h, a.keys, a.ivUpdate, a.gatt.Client, a.private)
	a.ivUpdate.SendTo(a.peers, a.beacons, a.gatt.Server, a.gatt.Client, a.requests)
	a.requests.Tell(a.gatt.Client)
	a.router.Connect(router.Parts{
		Keys: a.keys, Subnets: a.keys, Watchers: []router.Watcher{a.keys, a.followers}, Proxy: a.gatt.Forwarding,
		Friendship: a.friendships, Peers: a.peers,
		IVIndex: a.ivUpdate, Receiver: inlet{c},
	})
	return a
}

// attach introduces the node to the models that work on it.
func (c *Core) attach(m access.Model) {
	if s, ok := m.(foundation.HostedModel); ok {
		s.Attach(configHost{c})
	}
	if s, ok := m.(*remote.Server); ok {
		c.parts.remoteServer.Serve(s)
	}
}
