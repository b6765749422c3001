// Package fake is a mesh network for the tests of the bridge. Its nodes answer
// at once, late, with a refusal, or not at all. It has no radio and no
// cryptography; the virtual devices of mesh/device have both.
//
//	bridge ── Request ──▶ Network ── by address ──▶ Node ── answer, or silence
//	       ◀─ Report ──── MessageReceived, then the Response, as a node does
package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Durations in the fake network.
const (
	Latency = 50 * time.Millisecond // until an answer
	Silence = 24 * time.Second      // until a request ends without an answer
	Joining = 2 * time.Second       // for a provisioning
)

// Network is a mesh network as the bridge uses it. Its methods may be called
// from several goroutines.
type Network struct {
	// Report receives the events of the bridge's own node.
	Report func(node.Event)
	// Asked is called with each request before it is sent; may be nil.
	Asked func(node.Request)
	// AppKey and DeviceKey are the keys of the network and of every node.
	AppKey, DeviceKey crypto.Key

	mu      sync.Mutex
	nodes   map[mesh.UUID]*Node // provisioned
	outside map[mesh.UUID]*Node // unprovisioned
	refused map[mesh.UUID]error // results of failing provisionings
	next    mesh.Address
	asked   int
	own     own
	offers  map[mesh.UUID]provision.Capabilities
	inputs  map[mesh.UUID]chan string // of provisionings that wait for a value
	how     map[mesh.UUID]node.Provision
	wanted  []node.Provision

	friendships []friend.Status
	requests    node.RequestQueue
	proxies     []proxy.Status
}

// New makes a network without nodes.
func New() *Network {
	return &Network{
		Report:  func(node.Event) {},
		nodes:   map[mesh.UUID]*Node{},
		outside: map[mesh.UUID]*Node{},
		refused: map[mesh.UUID]error{},
		offers:  map[mesh.UUID]provision.Capabilities{},
		inputs:  map[mesh.UUID]chan string{},
		how:     map[mesh.UUID]node.Provision{},
		next:    0x0100,
		own:     newOwn(),
	}
}

// Place adds an unprovisioned device.
func (n *Network) Place(nodes ...*Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range nodes {
		n.outside[d.UUID] = d
		delete(n.refused, d.UUID)
	}
}

// Refuse makes the provisioning of a device fail.
func (n *Network) Refuse(uuid mesh.UUID, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused[uuid] = err
}

// Join provisions devices without a provisioning procedure.
func (n *Network) Join(nodes ...*Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range nodes {
		n.join(d)
	}
}

func (n *Network) join(d *Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n.begin()
	d.joined(&n.own)
	d.address = n.next
	n.next += mesh.Address(d.elements())
	n.nodes[d.UUID] = d
	delete(n.outside, d.UUID)
}

// toGroup passes a group message to all nodes. The nodes check themselves
// whether they are in the group.
func (n *Network) toGroup(ctx context.Context, r node.Request) (node.Response, error) {
	op, params, err := access.ParseOpcode(r.Payload)
	if err != nil {
		return node.Response{}, err
	}
	n.mu.Lock()
	nodes := slices.Collect(maps.Values(n.nodes))
	n.mu.Unlock()
	for _, d := range nodes {
		if d.Answer != nil {
			d.Answer(Message{Element: ToGroup, Opcode: op, Params: slices.Clone(params)})
		}
	}
	return node.Response{Attempts: 1}, wait(ctx, Latency)
}

// Requests returns the number of requests so far.
func (n *Network) Requests() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// Request passes the message to the node with the destination address.
func (n *Network) Request(ctx context.Context, r node.Request) (node.Response, error) {
	n.mu.Lock()
	n.asked++
	d := n.holder(r.Dst)
	n.mu.Unlock()
	if n.Asked != nil {
		n.Asked(r)
	}
	if r.Dst.IsGroup() {
		return n.toGroup(ctx, r)
	}
	if d == nil {
		return unanswered(ctx, r, Silence)
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return node.Response{}, ctx.Err()
	}
	defer func() { <-d.turn }()
	op, params, err := access.ParseOpcode(r.Payload)
	if err != nil {
		return node.Response{}, err
	}
	if !d.AnswersAll && int(r.Dst-d.Address()) >= len(d.Composition.Elements) {
		if err := wait(ctx, Silence); err != nil {
			return node.Response{}, err
		}
		return node.Response{}, node.ErrNotSent
	}
	answer, silent := d.receive(r.Dst, op, params)
	if r.Respond == 0 {
		return node.Response{Attempts: 1}, wait(ctx, d.latency())
	}
	if answer == nil || silent {
		return unanswered(ctx, r, Silence)
	}
	began := time.Now()
	if err := wait(ctx, d.latency()); err != nil {
		return node.Response{}, err
	}
	payload, err := access.Append(nil, answer)
	if err != nil {
		return node.Response{}, fmt.Errorf("fake: %w", err)
	}
	op, params, err = access.ParseOpcode(payload)
	if err != nil {
		return node.Response{}, err
	}
	n.Report(node.MessageReceived{
		Src: r.Dst, Dst: 1, DeviceKey: r.Key.IsDevice(), Opcode: op, Params: slices.Clone(params),
	})
	if op != r.Respond || r.Accept != nil && !r.Accept(params) {
		return unanswered(ctx, r, Silence)
	}
	return node.Response{Src: r.Dst, Opcode: op, Params: params, Attempts: 1, RTT: time.Since(began)}, nil
}

func unanswered(ctx context.Context, r node.Request, after time.Duration) (node.Response, error) {
	const attempts = 8
	if err := wait(ctx, after); err != nil {
		return node.Response{}, err
	}
	return node.Response{Attempts: attempts, RTT: after}, fmt.Errorf("%w: %s, %d attempts in %s", node.ErrNoResponse, r.Dst, attempts, after)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holder returns the node with an element of that address, nil for none.
func (n *Network) holder(a mesh.Address) *Node {
	for _, d := range n.nodes {
		if peer := d.peer(n.DeviceKey); peer.Holds(a) {
			return d
		}
	}
	return nil
}

// Provision provisions a device added with Place.
func (n *Network) Provision(ctx context.Context, p node.Provision) (state.Peer, error) {
	n.mu.Lock()
	n.wanted = append(n.wanted, p)
	n.mu.Unlock()
	n.Report(node.ProvisioningStep{UUID: p.UUID, Step: "link_open"})
	if err := wait(ctx, Joining); err != nil {
		return state.Peer{}, err
	}
	if err := n.authenticate(ctx, p); err != nil {
		return state.Peer{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.how[p.UUID] = p
	if err := n.refused[p.UUID]; err != nil {
		return state.Peer{}, err
	}
	d := n.outside[p.UUID]
	if d == nil {
		return state.Peer{}, fmt.Errorf("fake: unknown device %s: call Place first", p.UUID)
	}
	n.join(d)
	d.netKey = p.NetKey
	return d.peer(n.DeviceKey), nil
}

// Provisioned lists all Provision calls with their options.
func (n *Network) Provisioned() []node.Provision {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.wanted)
}

// Forget removes a node.
func (n *Network) Forget(_ context.Context, uuid mesh.UUID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.nodes, uuid)
	return nil
}

// Shrink gives addresses of a node back.
func (n *Network) Shrink(_ context.Context, uuid mesh.UUID, elements int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.nodes[uuid]
	if d == nil {
		return fmt.Errorf("fake: unknown node %s", uuid)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Claims = elements
	return nil
}

// Peers lists the nodes by address.
func (n *Network) Peers(context.Context) ([]state.Peer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var peers []state.Peer
	for _, d := range n.nodes {
		peers = append(peers, d.peer(n.DeviceKey))
	}
	slices.SortFunc(peers, func(a, b state.Peer) int { return int(a.Address) - int(b.Address) })
	return peers, nil
}

// SetFriendships sets the friendships of the bridge's own node.
func (n *Network) SetFriendships(list ...friend.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.friendships = list
}

// SetRequests sets what the bridge's own node says of its requests.
func (n *Network) SetRequests(q node.RequestQueue) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests = q
}

// SetProxies sets the proxies of the bridge's own node.
func (n *Network) SetProxies(list ...proxy.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proxies = list
}

// Summary returns a summary of the bridge's own node.
func (n *Network) Summary(context.Context) (node.Summary, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	summary := n.own.summary()
	summary.Friendships, summary.Requests, summary.Proxies = n.friendships, n.requests, n.proxies
	return summary, nil
}

// Exclusions returns none.
func (n *Network) Exclusions(context.Context) ([]node.Exclusion, error) { return nil, nil }

// State returns the state of the bridge's own node.
func (n *Network) State(context.Context) (*state.Node, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begin()
	data, err := n.own.node.Encode()
	if err != nil {
		return nil, err
	}
	own, err := state.Decode(data)
	if err == nil && len(own.Elements) == 0 {
		own.Elements = []state.Element{{Models: []state.Model{{ID: mesh.SIGModel(1)}}}}
	}
	return own, err
}

// ApplicationKey returns an AppKey.
func (n *Network) ApplicationKey(_ context.Context, index mesh.KeyIndex) (crypto.Key, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.begin()
	key := n.own.node.AppKey(index)
	if key == nil {
		return crypto.Key{}, fmt.Errorf("fake: unknown AppKey %d", index)
	}
	return n.own.node.Sending(key), nil
}
