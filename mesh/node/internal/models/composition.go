package models

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how a node's composition changes with its program: at once, or,
// with KeepComposition, when it is refreshed (section 3.11.8). Until then other
// nodes do not see elements whose addresses were never given to this node.

// build lists the models that the node has.
func (m *Models) build() error {
	if !m.HasNewComposition() {
		return m.buildAll()
	}
	m.reset()
	stored := m.host.State().Elements
	for e, element := range m.options.Elements[:min(len(m.options.Elements), len(stored))] {
		for _, model := range element.Models {
			if stored[e].Model(model.ID()) == nil {
				continue
			}
			if err := m.add(e, model); err != nil {
				return err
			}
		}
	}
	return nil
}

// buildAll lists the models of all elements, and gives the node's state a place
// for each.
func (m *Models) buildAll() error {
	m.reset()
	if m.differs() {
		m.host.Edit(func(n *state.Node) { n.Elements = Compose(n.Elements, m.options.Elements) })
	}
	for e, element := range m.options.Elements {
		for _, model := range element.Models {
			if err := m.add(e, model); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Models) reset() {
	m.instances, m.byOpcode = nil, map[mesh.Opcode][]*instance{}
}

// Compose makes the stored elements agree with what they are: models that the
// program no longer has go, new ones come. The configuration of the others stays.
func Compose(stored []state.Element, elements []access.Element) []state.Element {
	all := make([]state.Element, len(elements))
	for e, element := range elements {
		all[e].Location = element.Location
		all[e].Models = make([]state.Model, 0, len(element.Models))
		for _, m := range element.Models {
			config := state.Model{ID: m.ID()}
			if e < len(stored) {
				if known := stored[e].Model(m.ID()); known != nil {
					config = *known
				}
			}
			all[e].Models = append(all[e].Models, config)
		}
	}
	return all
}

// add lists a model for which the node's state has a place.
func (m *Models) add(element int, model access.Model) error {
	i := &instance{element: element, model: model}
	i.context = context{models: m, instance: i}
	m.instances = append(m.instances, i)
	for _, op := range model.Opcodes() {
		m.byOpcode[op] = append(m.byOpcode[op], i)
	}
	if p, ok := model.(access.Persistent); ok {
		if values := m.host.State().Elements[element].Model(model.ID()).Values; values != nil {
			return p.Restore(values)
		}
	}
	return nil
}

// Attach introduces the node to the models that work on it.
func (m *Models) Attach() {
	for _, i := range m.instances {
		m.options.Attach(i.model)
	}
}

// HasNewComposition reports whether the program has other elements or models than
// the node, and the node keeps what it has.
func (m *Models) HasNewComposition() bool {
	n := m.host.State()
	return m.options.KeepComposition && n.IsProvisioned() && len(n.Elements) > 0 && m.differs()
}

// differs compares the composition of the program with that of the node.
func (m *Models) differs() bool {
	return !slices.EqualFunc(m.options.Elements, m.host.State().Elements, func(e access.Element, stored state.Element) bool {
		return e.Location == stored.Location && slices.EqualFunc(e.Models, stored.Models, func(m access.Model, config state.Model) bool {
			return m.ID() == config.ID
		})
	})
}

// TakeComposition gives the node the elements and models of the program. After an
// error it has those that it had.
func (m *Models) TakeComposition() error {
	if !m.HasNewComposition() {
		return nil
	}
	instances, byOpcode, stored := m.instances, m.byOpcode, m.host.State().Elements
	if err := m.buildAll(); err != nil {
		m.instances, m.byOpcode = instances, byOpcode
		m.host.Edit(func(n *state.Node) { n.Elements = stored })
		return err
	}
	m.Attach()
	return nil
}

// NextElements implements configuration.RefreshHost.
func (m *Models) NextElements() []state.Element {
	if !m.options.KeepComposition {
		return nil
	}
	return Compose(nil, m.options.Elements)
}
