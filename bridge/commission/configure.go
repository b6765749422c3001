package commission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Options says how a node is configured.
type Options struct {
	NetKey mesh.KeyIndex
	AppKey mesh.KeyIndex
	Key    crypto.Key   // of the AppKey
	Bridge mesh.Address // where models publish to
	// KeepPublications does not change the models that already publish: another
	// provisioner has configured the node, and other nodes may use its messages.
	KeepPublications bool
	// Refreshing says that the AppKey is being refreshed: a node that was
	// configured before has it with its old value.
	Refreshing bool
	// ReplaceKey says that the network has lost the AppKey that the node may have
	// with this index. The node gets the new one instead.
	ReplaceKey bool
	// First says that the composition was never read before. Only then may it list
	// fewer elements than were provisioned: later their number does not change.
	First bool
	// Publications says which models publish to the bridge; PublishNeeded when empty.
	Publications Publications
	// EndOthers ends the other publications. Only a node that the bridge told to
	// publish needs it.
	EndOthers bool
	// Direct says that the node is in reach of the bridge's own radio, as far as is
	// known: the bridge has just provisioned it.
	Direct bool
	// Known returns what is known of the servers of products with a composition. They
	// are not asked again. It may be nil, and is called in the goroutine of Configure.
	Known func(*configuration.Composition) (device.Details, bool)
}

// Step is one step of the configuration, to show the progress.
type Step struct {
	Name  string // composition, app_key, bind, publish, details
	Done  int    // steps done so far
	Total int    // as far as it is known
}

// Result is what was found out and done.
type Result struct {
	AppKey      mesh.KeyIndex
	Composition *configuration.Composition
	Details     device.Details
	// Skipped says which models could not be configured, and why. The node
	// works without them.
	Skipped []string
	// Unused is how many elements the node claimed when it was provisioned and does
	// not list in its composition. Silent says that none of those that were tried
	// acknowledged anything, so that their addresses can be given to others.
	Unused int
	Silent bool
}

// Timeout is how long a node may take to answer one request. A low power node may
// receive only one request each time that it polls its friend.
const Timeout = 5 * time.Minute

// Parameters of the publications. A publication is not acknowledged, so it is sent
// twice. Receivers recognise the second one by its transaction identifier.
const (
	publishRepeats  = 1
	publishInterval = 4 // steps of 50 ms less one: 250 ms
	// sensorPeriod is 6 steps of 10 s: a sensor that is silent for a minute counts
	// as missing.
	sensorPeriod = 6 | 2<<6
)

// configurator configures one node.
type configurator struct {
	Requester
	Options
	peer     state.Peer
	progress func(Step)
	step     Step
	result   *Result
	unbound  map[instance]bool // models that do not take the AppKey
	known    bool              // the details are those of the product
	// aggregates says that the node has an Opcodes Aggregator Server, which has
	// answered all sequences so far.
	aggregates bool
}

// instance is a model on an element.
type instance struct {
	element mesh.Address
	model   mesh.ModelID
}

// Configure reads the composition of a node and configures it. It is safe to
// run again. The error is that of a step without which the node cannot be used; it
// wraps node.ErrNoResponse when the node did not answer, and
// foundation.StatusError when it refused.
func Configure(ctx context.Context, r Requester, o Options, peer state.Peer, progress func(Step)) (*Result, error) {
	c := &configurator{
		Requester: r, Options: o, peer: peer, progress: progress,
		result: &Result{AppKey: o.AppKey}, unbound: map[instance]bool{},
	}
	if o.Direct {
		c.Requester = &Direct{Requester: r}
	}
	c.Publications = cmp.Or(c.Publications, PublishNeeded)
	c.step.Total = 3
	if err := c.readComposition(ctx); err != nil {
		return nil, fmt.Errorf("commission: the composition of %s could not be read: %w", peer.Address, err)
	}
	if err := c.addAppKey(ctx); err != nil {
		return nil, fmt.Errorf("commission: %s did not take the AppKey: %w", peer.Address, err)
	}
	if err := c.configureModels(ctx); err != nil {
		return nil, err
	}
	if !c.known {
		if err := c.readDetails(ctx); err != nil {
			return nil, err
		}
	}
	if c.result.Unused > 0 {
		c.result.Silent = c.silent(ctx)
	}
	return c.result, nil
}

// silent finds out whether a node ignores the addresses of elements that it does not
// list. Its transport layer acknowledges a segmented message to any address that it takes
// for its own, whatever the message is and whichever models there are (section
// 3.5.3.3): so a message that nobody knows is enough.
func (c *configurator) silent(ctx context.Context) bool {
	const attempts = 2
	// One octet more than fits into an unsegmented access message.
	payload := make([]byte, 12)
	payload[0], payload[1], payload[2] = 0xC0, 0xFF, 0xFF // a vendor opcode of no company
	first := c.peer.Address + mesh.Address(len(c.result.Composition.Elements))
	last := c.peer.Address + mesh.Address(c.peer.Elements-1)
	for _, address := range []mesh.Address{first, last} {
		to := server(c.peer)
		_, err := c.Request(ctx, node.Request{
			Dst: address, NetKey: to.netKey, Key: to.key, TTL: mesh.DefaultTTL, Payload: payload, Attempts: attempts,
		})
		if !errors.Is(err, node.ErrNotSent) {
			return false // it was acknowledged, or nobody knows
		}
	}
	// The node may have been out of reach all the time.
	return Probe(ctx, c, c.peer) == nil
}

// Remove makes a node leave the network (section 4.3.2.53).
func Remove(ctx context.Context, r Requester, peer state.Peer) error {
	_, err := ask[configuration.NodeResetStatus](ctx, r, server(peer), &configuration.NodeReset{}, nil)
	if err != nil {
		return fmt.Errorf("commission: %s did not confirm that it leaves the network: %w", peer.Address, err)
	}
	return nil
}

// Probe finds out whether a node can be reached. It asks for the default TTL, which
// every node answers.
func Probe(ctx context.Context, r Requester, peer state.Peer) error {
	_, err := ask[configuration.DefaultTTLStatus](ctx, r, server(peer), &configuration.DefaultTTLGet{}, nil)
	return err
}

// server addresses the Configuration Server of a node.
func server(peer state.Peer) destination {
	return destination{address: peer.Address, netKey: peer.NetKey, key: transport.Key{Device: peer.Address}}
}

func (c *configurator) did(name string) {
	c.step.Name = name
	c.step.Done++
	c.show()
}

func (c *configurator) show() {
	if c.progress != nil {
		c.progress(c.step)
	}
}

func (c *configurator) readComposition(ctx context.Context) error {
	status, err := ask(ctx, c, server(c.peer), &configuration.CompositionDataGet{Page: 0},
		func(s *configuration.CompositionDataStatus) bool { return s.Page == 0 })
	if err != nil {
		return err
	}
	composition, err := status.Composition()
	if err != nil {
		return err
	}
	// The addresses behind the provisioned ones belong to others.
	if n := len(composition.Elements); n > c.peer.Elements || n < c.peer.Elements && !c.First {
		return fmt.Errorf("it lists %d elements, and %d were provisioned", len(composition.Elements), c.peer.Elements)
	}
	c.result.Unused = c.peer.Elements - len(composition.Elements)
	c.result.Composition = composition
	c.aggregates = hasAggregator(composition)
	if c.Known != nil {
		if c.result.Details, c.known = c.Known(composition); c.known {
			c.step.Total-- // nothing to read
		}
	}
	c.step.Total += len(c.bindings()) + len(c.publications())
	c.did("composition")
	return nil
}

func (c *configurator) addAppKey(ctx context.Context) error {
	add := AddAppKey
	if c.ReplaceKey {
		add = ReplaceAppKey
	}
	err := add(ctx, c, c.peer, c.NetKey, c.AppKey, c.Key)
	if c.Refreshing && isStored(err) {
		err = nil
	}
	if err != nil {
		return err
	}
	c.did("app_key")
	return nil
}
