package node

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how a node's composition changes with its program: at once, or,
// with Options.KeepComposition, when it is refreshed. Until then the others do not
// see elements whose addresses were never given to this node.

// buildModels lists the models that the node has.
func (c *Core) buildModels() error {
	if !c.hasNewComposition() {
		return c.buildAll()
	}
	c.byOpcode = map[mesh.Opcode][]*instance{}
	for e, element := range c.options.Elements[:min(len(c.options.Elements), len(c.state.Elements))] {
		for _, m := range element.Models {
			if c.state.Elements[e].Model(m.ID()) == nil {
				continue
			}
			if err := c.addModel(e, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// hasNewComposition reports whether the program has other elements or models than
// the node, and the node keeps what it has.
func (c *Core) hasNewComposition() bool {
	return c.options.KeepComposition && c.state.IsProvisioned() && len(c.state.Elements) > 0 && c.differs()
}

// differs compares the composition of the program with that of the node.
func (c *Core) differs() bool {
	return !slices.EqualFunc(c.options.Elements, c.state.Elements, func(e access.Element, stored state.Element) bool {
		return e.Location == stored.Location && slices.EqualFunc(e.Models, stored.Models, func(m access.Model, config state.Model) bool {
			return m.ID() == config.ID
		})
	})
}

// takeComposition gives the node the elements and models of the program.
func (c *Core) takeComposition() error {
	if !c.hasNewComposition() {
		return nil
	}
	c.instances = nil
	if err := c.buildAll(); err != nil {
		return err
	}
	for _, i := range c.instances {
		if m, ok := i.model.(foundation.Attacher); ok {
			m.Attach(c)
		}
	}
	return nil
}

// NextElements implements configuration.Renewer.
func (c *Core) NextElements() []state.Element {
	if !c.options.KeepComposition {
		return nil
	}
	next := make([]state.Element, len(c.options.Elements))
	for i, e := range c.options.Elements {
		next[i].Location = e.Location
		for _, m := range e.Models {
			next[i].Models = append(next[i].Models, state.Model{ID: m.ID()})
		}
	}
	return next
}
