package commission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
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
	c.step.Total = 3
	if err := c.readComposition(ctx); err != nil {
		return nil, fmt.Errorf("commission: the composition of %s could not be read: %w", peer.Address, err)
	}
	if err := c.addAppKey(ctx); err != nil {
		return nil, fmt.Errorf("commission: %s did not take the AppKey: %w", peer.Address, err)
	}
	for index, element := range c.result.Composition.Elements {
		for _, model := range element.Models {
			if err := c.configureModel(ctx, peer.Address+mesh.Address(index), model); err != nil {
				return nil, fmt.Errorf("commission: model %s on %s: %w", model, peer.Address+mesh.Address(index), err)
			}
		}
	}
	if err := c.readDetails(ctx); err != nil {
		return nil, err
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
	for _, element := range composition.Elements {
		for _, model := range element.Models {
			if needsAppKey(model) {
				c.step.Total++
			}
			if publishes(model) {
				c.step.Total++
			}
		}
	}
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

// configureModel binds a model and sets its publication. What the node refuses is
// recorded, and the configuration continues; it ends when the node does not answer. A
// model without the AppKey can neither publish nor answer.
func (c *configurator) configureModel(ctx context.Context, element mesh.Address, model mesh.ModelID) error {
	at := instance{element, model}
	bound := true
	if needsAppKey(model) {
		var err error
		if bound, err = c.tolerate(at, "bind", c.bind(ctx, element, model)); err != nil {
			return err
		}
	}
	if !bound {
		c.unbound[at] = true
	}
	if !publishes(model) {
		return nil
	}
	if !bound {
		c.did("publish") // it was counted
		return nil
	}
	_, err := c.tolerate(at, "publish", c.publish(ctx, element, model))
	return err
}

// tolerate ends a step. It reports whether the node agreed. A refusal is recorded and
// is not an error.
func (c *configurator) tolerate(at instance, step string, err error) (agreed bool, failed error) {
	var refused foundation.StatusError
	if errors.As(err, &refused) {
		c.skip(step, at, refused)
		c.did(step)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.did(step)
	return true, nil
}

// skip records what could not be done.
func (c *configurator) skip(step string, at instance, why error) {
	c.result.Skipped = append(c.result.Skipped, fmt.Sprintf("%s: model %s of element %s: %s", step, at.model, at.element, why))
}

func (c *configurator) bind(ctx context.Context, element mesh.Address, model mesh.ModelID) error {
	m := &configuration.ModelAppBind{ElementAddress: element, AppKeyIndex: c.AppKey, ModelIdentifier: model}
	status, err := ask(ctx, c, server(c.peer), m, func(s *configuration.ModelAppStatus) bool {
		return s.ElementAddress == m.ElementAddress && s.AppKeyIndex == m.AppKeyIndex && s.ModelIdentifier == m.ModelIdentifier
	})
	if err != nil {
		return err
	}
	return status.Status.Err()
}

func (c *configurator) publish(ctx context.Context, element mesh.Address, model mesh.ModelID) error {
	if c.KeepPublications {
		former, err := ask(ctx, c, server(c.peer), &configuration.ModelPublicationGet{ElementAddress: element, ModelIdentifier: model},
			func(s *configuration.ModelPublicationStatus) bool {
				return s.ElementAddress == element && s.ModelIdentifier == model
			})
		if err != nil {
			return err
		}
		if former.Status == foundation.Success && former.PublishAddress != mesh.Unassigned {
			return nil
		}
	}
	m := &configuration.ModelPublicationSet{
		ElementAddress:    element,
		PublishAddress:    c.Bridge,
		PublishParameters: IntentOf(model).Parameters,
		ModelIdentifier:   model,
	}
	m.AppKeyIndex = c.AppKey
	status, err := ask(ctx, c, server(c.peer), m, func(s *configuration.ModelPublicationStatus) bool {
		return s.ElementAddress == m.ElementAddress && s.ModelIdentifier == m.ModelIdentifier
	})
	if err != nil {
		return err
	}
	return status.Status.Err()
}
