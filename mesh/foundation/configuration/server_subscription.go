package foundation

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleSubscriptions registers the messages about subscription lists
// (sections 4.3.2.19 to 4.3.2.30).
func (s *ConfigServer) handleSubscriptions() {
	s.handleGroups()
	s.handleLabels()
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionDeleteAll) access.Message {
		return s.subscribe(m.ElementAddress, mesh.Unassigned, m.ModelIdentifier, func(model *state.Model) Status {
			model.Subscriptions, model.Labels = nil, nil
			return Success
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigSIGModelSubscriptionGet) access.Message {
		list, status := s.addresses(m.ElementAddress, m.ModelIdentifier)
		return &ConfigSIGModelSubscriptionList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, Addresses: list}
	})
	on(s, func(_ *access.Incoming, m *ConfigVendorModelSubscriptionGet) access.Message {
		list, status := s.addresses(m.ElementAddress, m.ModelIdentifier)
		return &ConfigVendorModelSubscriptionList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, Addresses: list}
	})
}

// handleGroups registers the messages that name an address.
func (s *ConfigServer) handleGroups() {
	change := func(element, group mesh.Address, id mesh.ModelID, change func(*state.Model) Status) access.Message {
		return s.subscribe(element, group, id, func(model *state.Model) Status {
			// Fixed groups of features are joined with the feature; all nodes
			// is everybody's (section 4.3.2.19).
			if !group.IsGroup() || group == mesh.AllNodes {
				return InvalidAddress
			}
			return change(model)
		})
	}
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionAdd) access.Message {
		return change(m.ElementAddress, m.Address, m.ModelIdentifier, func(model *state.Model) Status {
			return addGroup(model, m.Address)
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionDelete) access.Message {
		return change(m.ElementAddress, m.Address, m.ModelIdentifier, func(model *state.Model) Status {
			model.Subscriptions = slices.DeleteFunc(model.Subscriptions, func(a mesh.Address) bool { return a == m.Address })
			return Success
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionOverwrite) access.Message {
		return change(m.ElementAddress, m.Address, m.ModelIdentifier, func(model *state.Model) Status {
			model.Subscriptions, model.Labels = []mesh.Address{m.Address}, nil
			return Success
		})
	})
}

// handleLabels registers the messages that name a label.
func (s *ConfigServer) handleLabels() {
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionVirtualAddressAdd) access.Message {
		return s.subscribe(m.ElementAddress, crypto.VirtualAddress(m.Label), m.ModelIdentifier, func(model *state.Model) Status {
			return addLabel(model, m.Label)
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionVirtualAddressDelete) access.Message {
		return s.subscribe(m.ElementAddress, crypto.VirtualAddress(m.Label), m.ModelIdentifier, func(model *state.Model) Status {
			dropLabel(model, m.Label)
			return Success
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigModelSubscriptionVirtualAddressOverwrite) access.Message {
		return s.subscribe(m.ElementAddress, crypto.VirtualAddress(m.Label), m.ModelIdentifier, func(model *state.Model) Status {
			model.Subscriptions, model.Labels = nil, nil
			return addLabel(model, m.Label)
		})
	})
}

// subscribe changes the subscription list of a model and makes the answer.
func (s *ConfigServer) subscribe(element, group mesh.Address, id mesh.ModelID, change func(*state.Model) Status) access.Message {
	answer := &ConfigModelSubscriptionStatus{ElementAddress: element, Address: group, ModelIdentifier: id}
	model, status := s.model(element, id)
	switch {
	case status != Success:
		answer.Status = status
	case isManaged(id):
		answer.Status = NotASubscribeModel
	default:
		if answer.Status = change(model); answer.Status == Success {
			s.Host().Changed()
		}
	}
	return answer
}

func addGroup(m *state.Model, a mesh.Address) Status {
	switch {
	case m.IsSubscribed(a):
		return Success
	case len(m.Subscriptions) >= MaxSubscriptions:
		return InsufficientResources
	}
	m.Subscriptions = append(m.Subscriptions, a)
	return Success
}

// addLabel adds a label and its virtual address. Each label has an entry among
// the addresses, also when two of them share one.
func addLabel(m *state.Model, label mesh.UUID) Status {
	switch {
	case slices.Contains(m.Labels, label):
		return Success
	case len(m.Subscriptions) >= MaxSubscriptions:
		return InsufficientResources
	}
	m.Labels = append(m.Labels, label)
	m.Subscriptions = append(m.Subscriptions, crypto.VirtualAddress(label))
	return Success
}

func dropLabel(m *state.Model, label mesh.UUID) {
	i := slices.Index(m.Labels, label)
	if i < 0 {
		return
	}
	m.Labels = slices.Delete(m.Labels, i, i+1)
	if i := slices.Index(m.Subscriptions, crypto.VirtualAddress(label)); i >= 0 {
		m.Subscriptions = slices.Delete(m.Subscriptions, i, i+1)
	}
}
