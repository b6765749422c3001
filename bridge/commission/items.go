package commission

import (
	"context"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Names of steps.
const (
	stepBind    = "bind"
	stepPublish = "publish"
)

// item is one message to the Configuration Server about one model.
type item struct {
	at      instance
	step    string // stepBind, stepPublish, or "" for a question that is no step
	message access.Message
	respond mesh.Opcode // of the answer
	// read takes the parameters of an answer. ok is false for one that belongs to
	// another message, and refusal is nil when the node agreed.
	read func(params []byte) (refusal error, ok bool)
}

// configureModels binds the models and sets their publications. What the node refuses is
// recorded, and the configuration continues; it ends when the node does not answer. A
// model without the AppKey can neither publish nor answer.
//
//	Model App Bind of every model ──▶ Model Publication Get, if former ones are kept
//	                              ──▶ Model Publication Set of those that are needed
func (c *configurator) configureModels(ctx context.Context) error {
	var items []*item
	for _, at := range c.bindings() {
		items = append(items, bind(at, c.AppKey))
	}
	publications := c.publications()
	if !c.KeepPublications {
		for _, at := range publications {
			items = append(items, c.publish(at))
		}
		for _, at := range c.others() {
			items = append(items, c.silence(at))
		}
		return c.send(ctx, items)
	}
	publishing := map[instance]bool{}
	for _, at := range publications {
		items = append(items, question(at, publishing))
	}
	if err := c.send(ctx, items); err != nil {
		return err
	}
	items = items[:0]
	for _, at := range publications {
		if publishing[at] {
			c.did(stepPublish) // it was counted
		} else {
			items = append(items, c.publish(at))
		}
	}
	return c.send(ctx, items)
}

// bindings are the models that are bound to the AppKey.
func (c *configurator) bindings() []instance {
	return c.instances(func(_ int, model mesh.ModelID) bool { return needsAppKey(model) })
}

// publications are the models that publish to the bridge.
func (c *configurator) publications() []instance {
	elements := c.result.Composition.Elements
	return c.instances(func(element int, model mesh.ModelID) bool {
		return IntentOf(elements, element, model, c.Publications).Publish
	})
}

// others are the models whose publications are ended.
func (c *configurator) others() []instance {
	if !c.EndOthers || c.Publications != PublishNeeded {
		return nil
	}
	elements := c.result.Composition.Elements
	return c.instances(func(element int, model mesh.ModelID) bool {
		return mayPublish(model) && !isNeeded(elements, element, model)
	})
}

// instances are the models of the node for which wanted returns true.
func (c *configurator) instances(wanted func(element int, model mesh.ModelID) bool) []instance {
	var all []instance
	for i, element := range c.result.Composition.Elements {
		for _, model := range element.Models {
			if wanted(i, model) {
				all = append(all, instance{c.peer.Address + mesh.Address(i), model})
			}
		}
	}
	return all
}

func bind(at instance, app mesh.KeyIndex) *item {
	m := &configuration.ModelAppBind{ElementAddress: at.element, AppKeyIndex: app, ModelIdentifier: at.model}
	return &item{at: at, step: stepBind, message: m, respond: configuration.OpModelAppStatus, read: func(params []byte) (error, bool) {
		var s configuration.ModelAppStatus
		ok := access.Decode(params, &s) == nil && s.ElementAddress == at.element && s.AppKeyIndex == app && s.ModelIdentifier == at.model
		if !ok {
			return nil, false
		}
		return s.Status.Err(), true
	}}
}

func (c *configurator) publish(at instance) *item {
	m := &configuration.ModelPublicationSet{
		ElementAddress: at.element, PublishAddress: c.Bridge, PublishParameters: parametersOf(at.model), ModelIdentifier: at.model,
	}
	m.AppKeyIndex = c.AppKey
	return &item{at: at, step: stepPublish, message: m, respond: configuration.OpModelPublicationStatus, read: publication(at, nil)}
}

// silence ends the publication of a model. A node that refuses goes on publishing, which
// costs air time and nothing else.
func (c *configurator) silence(at instance) *item {
	m := &configuration.ModelPublicationSet{ElementAddress: at.element, ModelIdentifier: at.model}
	return &item{at: at, message: m, respond: configuration.OpModelPublicationStatus, read: publication(at, nil)}
}

// question asks whether a model publishes, and notes it.
func question(at instance, publishing map[instance]bool) *item {
	m := &configuration.ModelPublicationGet{ElementAddress: at.element, ModelIdentifier: at.model}
	return &item{at: at, message: m, respond: configuration.OpModelPublicationStatus, read: publication(at, publishing)}
}

// publication reads a Model Publication Status, and notes in publishing, unless that is
// nil, whether the model publishes to anybody.
func publication(at instance, publishing map[instance]bool) func([]byte) (error, bool) {
	return func(params []byte) (error, bool) {
		var s configuration.ModelPublicationStatus
		ok := access.Decode(params, &s) == nil && s.ElementAddress == at.element && s.ModelIdentifier == at.model
		if !ok {
			return nil, false
		}
		if publishing != nil {
			publishing[at] = s.Status == foundation.Success && s.PublishAddress != mesh.Unassigned
		}
		return s.Status.Err(), true
	}
}

// send sends items: in Opcodes Aggregator Sequences if the node takes them, and one by one
// what is left.
func (c *configurator) send(ctx context.Context, items []*item) error {
	left, err := c.aggregate(ctx, items)
	if err != nil {
		return err
	}
	for _, i := range left {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.unbound[i.at] && i.step != stepBind {
			c.end(i, nil)
			continue
		}
		refusal, err := exchange(ctx, c, c.peer, i)
		if err != nil {
			return fmt.Errorf("commission: model %s on %s: %w", i.at.model, i.at.element, err)
		}
		c.end(i, refusal)
		if i.step != "" {
			c.show()
		}
	}
	return nil
}

// exchange sends one item and returns what its answer says.
func exchange(ctx context.Context, r Requester, peer state.Peer, i *item) (refusal, err error) {
	to := server(peer)
	response, err := request(ctx, r, to, i.message, i.respond, func(params []byte) bool {
		_, ok := i.read(params)
		return ok
	})
	if err != nil {
		return nil, err
	}
	refusal, _ = i.read(response.Params)
	return refusal, nil
}

// end counts an item and records what was refused.
func (c *configurator) end(i *item, refusal error) {
	if i.step == "" {
		return
	}
	c.step.Name = i.step
	c.step.Done++
	if refusal == nil {
		return
	}
	c.skip(i.step, i.at, refusal)
	if i.step == stepBind {
		c.unbound[i.at] = true
	}
}

// skip records what could not be done.
func (c *configurator) skip(step string, at instance, why error) {
	c.result.Skipped = append(c.result.Skipped, fmt.Sprintf("%s: model %s of element %s: %s", step, at.model, at.element, why))
}

// BindModels binds models of an element that Configure does not bind, before their first
// use. It is safe to repeat.
func BindModels(ctx context.Context, r Requester, peer state.Peer, element mesh.Address, app mesh.KeyIndex, models ...mesh.ModelID) error {
	for _, model := range models {
		refusal, err := exchange(ctx, r, peer, bind(instance{element, model}, app))
		if err = errors.Join(err, refusal); err != nil {
			return fmt.Errorf("commission: model %s on %s: %w", model, element, err)
		}
	}
	return nil
}
