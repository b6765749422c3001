package configuration

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleSubscriptions registers the messages about subscription lists
// (sections 4.3.2.19 to 4.3.2.30).
func (s *Server) handleSubscriptions() {
	s.handleGroups()
	s.handleLabels()
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionDeleteAll) access.Message {
		return s.subscribe(m.ElementAddress, mesh.Unassigned, m.ModelIdentifier, func(model *state.Model) foundation.Status {
			model.Subscriptions, model.Labels = nil, nil
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *SIGModelSubscriptionGet) access.Message {
		list, status := s.addresses(m.ElementAddress, m.ModelIdentifier)
		return &SIGModelSubscriptionList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, Addresses: list}
	})
	foundation.On(s, func(_ *access.Incoming, m *VendorModelSubscriptionGet) access.Message {
		list, status := s.addresses(m.ElementAddress, m.ModelIdentifier)
		return &VendorModelSubscriptionList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, Addresses: list}
	})
}

// handleGroups registers the messages with an address.
func (s *Server) handleGroups() {
	change := func(element, group mesh.Address, id mesh.ModelID, change func(*state.Model) foundation.Status) access.Message {
		return s.subscribe(element, group, id, func(model *state.Model) foundation.Status {
			// The node joins the fixed group of a feature together with the
			// feature; every node is in all nodes (section 4.3.2.19).
			if !group.IsGroup() || group == mesh.AllNodes {
				return foundation.InvalidAddress
			}
			return change(model)
		})
	}
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionAdd) access.Message {
		return change(m.ElementAddress, m.Address, m.ModelIdentifier, func(model *state.Model) foundation.Status {
			return addGroup(model, m.Address)
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionDelete) access.Message {
		return change(m.ElementAddress, m.Address, m.ModelIdentifier, func(model *state.Model) foundation.Status {
			model.Subscriptions = slices.DeleteFunc(model.Subscriptions, func(a mesh.Address) bool { return a == m.Address })
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionOverwrite) access.Message {
		return change(m.ElementAddress, m.Address, m.ModelIdentifier, func(model *state.Model) foundation.Status {
			model.Subscriptions, model.Labels = []mesh.Address{m.Address}, nil
			return foundation.Success
		})
	})
}

// handleLabels registers the messages with a Label UUID.
func (s *Server) handleLabels() {
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionVirtualAddressAdd) access.Message {
		return s.subscribe(m.ElementAddress, crypto.VirtualAddress(m.Label), m.ModelIdentifier, func(model *state.Model) foundation.Status {
			return addLabel(model, m.Label)
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionVirtualAddressDelete) access.Message {
		return s.subscribe(m.ElementAddress, crypto.VirtualAddress(m.Label), m.ModelIdentifier, func(model *state.Model) foundation.Status {
			dropLabel(model, m.Label)
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelSubscriptionVirtualAddressOverwrite) access.Message {
		return s.subscribe(m.ElementAddress, crypto.VirtualAddress(m.Label), m.ModelIdentifier, func(model *state.Model) foundation.Status {
			model.Subscriptions, model.Labels = nil, nil
			return addLabel(model, m.Label)
		})
	})
}

// subscribe changes the subscription list of a model and returns the answer.
func (s *Server) subscribe(element, group mesh.Address, id mesh.ModelID, change func(*state.Model) foundation.Status) access.Message {
	answer := &ModelSubscriptionStatus{ElementAddress: element, Address: group, ModelIdentifier: id}
	model, status := s.model(element, id)
	switch {
	case status != foundation.Success:
		answer.Status = status
	case isManaged(id):
		answer.Status = foundation.NotASubscribeModel
	default:
		s.Host().Edit(func(*state.Node) bool {
			answer.Status = change(model)
			return answer.Status == foundation.Success
		})
	}
	return answer
}

func addGroup(m *state.Model, a mesh.Address) foundation.Status {
	switch {
	case m.IsSubscribed(a):
		return foundation.Success
	case len(m.Subscriptions) >= MaxSubscriptions:
		return foundation.InsufficientResources
	}
	m.Subscriptions = append(m.Subscriptions, a)
	return foundation.Success
}

// addLabel adds a label and its virtual address. Each label has its own entry
// among the addresses, even if two labels share one address.
func addLabel(m *state.Model, label mesh.UUID) foundation.Status {
	switch {
	case slices.Contains(m.Labels, label):
		return foundation.Success
	case len(m.Subscriptions) >= MaxSubscriptions:
		return foundation.InsufficientResources
	}
	m.Labels = append(m.Labels, label)
	m.Subscriptions = append(m.Subscriptions, crypto.VirtualAddress(label))
	return foundation.Success
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
