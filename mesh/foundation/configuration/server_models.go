package foundation

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleBindings registers the messages about AppKeys of models (sections
// 4.3.2.46 to 4.3.2.52).
func (s *ConfigServer) handleBindings() {
	status := func(element mesh.Address, index mesh.KeyIndex, id mesh.ModelID, change func(*state.Model) Status) access.Message {
		return &ConfigModelAppStatus{
			Status:         s.bindable(element, index, id, change),
			ElementAddress: element, AppKeyIndex: index, ModelIdentifier: id,
		}
	}
	on(s, func(_ *access.Incoming, m *ConfigModelAppBind) access.Message {
		return status(m.ElementAddress, m.AppKeyIndex, m.ModelIdentifier, func(model *state.Model) Status {
			if model.IsBound(m.AppKeyIndex) {
				return Success
			}
			if len(model.Bindings) >= MaxBindings {
				return InsufficientResources
			}
			s.Change(func(*state.Node) { model.Bindings = append(model.Bindings, m.AppKeyIndex) })
			return Success
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigModelAppUnbind) access.Message {
		return status(m.ElementAddress, m.AppKeyIndex, m.ModelIdentifier, func(model *state.Model) Status {
			if model.IsBound(m.AppKeyIndex) {
				s.Change(func(*state.Node) { unbind(model, m.AppKeyIndex) })
			}
			return Success
		})
	})
	on(s, func(_ *access.Incoming, m *ConfigSIGModelAppGet) access.Message {
		list, status := s.bindings(m.ElementAddress, m.ModelIdentifier)
		return &ConfigSIGModelAppList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, AppKeyIndexes: list}
	})
	on(s, func(_ *access.Incoming, m *ConfigVendorModelAppGet) access.Message {
		list, status := s.bindings(m.ElementAddress, m.ModelIdentifier)
		return &ConfigVendorModelAppList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, AppKeyIndexes: list}
	})
}

// bindable checks what a binding is about before it is changed.
func (s *ConfigServer) bindable(element mesh.Address, index mesh.KeyIndex, id mesh.ModelID, change func(*state.Model) Status) Status {
	model, status := s.model(element, id)
	switch {
	case status != Success:
		return status
	case s.Host().State().AppKey(index) == nil:
		return InvalidAppKeyIndex
	case isManaged(id):
		return CannotBind
	}
	return change(model)
}

func (s *ConfigServer) bindings(element mesh.Address, id mesh.ModelID) ([]mesh.KeyIndex, Status) {
	model, status := s.model(element, id)
	if status != Success {
		return nil, status
	}
	return model.Bindings, Success
}

// handlePublication registers the messages about publication (sections
// 4.3.2.15 to 4.3.2.18).
func (s *ConfigServer) handlePublication() {
	on(s, func(_ *access.Incoming, m *ConfigModelPublicationGet) access.Message {
		answer := &ConfigModelPublicationStatus{ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier}
		model, status := s.model(m.ElementAddress, m.ModelIdentifier)
		if status != Success {
			answer.Status = status
			return answer
		}
		p := model.Publication
		answer.PublishAddress = p.Address
		answer.PublishParameters = PublishParameters{
			AppKeyIndex: p.AppKey, CredentialFlag: p.Friendship, PublishTTL: p.TTL,
			PublishPeriod: p.Period, PublishRetransmit: p.Retransmit,
		}
		return answer
	})
	set := func(element mesh.Address, id mesh.ModelID, p state.Publication, parameters PublishParameters) access.Message {
		p.AppKey, p.Friendship, p.TTL = parameters.AppKeyIndex, parameters.CredentialFlag, parameters.PublishTTL
		p.Period, p.Retransmit = parameters.PublishPeriod, parameters.PublishRetransmit
		answer := &ConfigModelPublicationStatus{
			Status:         s.publish(element, id, p),
			ElementAddress: element, PublishAddress: p.Address, PublishParameters: parameters, ModelIdentifier: id,
		}
		if answer.Status == Success && p.Address == mesh.Unassigned {
			answer.PublishParameters = PublishParameters{}
		}
		return answer
	}
	on(s, func(_ *access.Incoming, m *ConfigModelPublicationSet) access.Message {
		if m.PublishAddress.IsVirtual() {
			return nil // prohibited; there is another message for labels
		}
		return set(m.ElementAddress, m.ModelIdentifier, state.Publication{Address: m.PublishAddress}, m.PublishParameters)
	})
	on(s, func(_ *access.Incoming, m *ConfigModelPublicationVirtualAddressSet) access.Message {
		p := state.Publication{Address: crypto.VirtualAddress(m.PublishAddress), Label: m.PublishAddress}
		return set(m.ElementAddress, m.ModelIdentifier, p, m.PublishParameters)
	})
}

// publish sets the publication of a model; the unassigned address ends it.
func (s *ConfigServer) publish(element mesh.Address, id mesh.ModelID, p state.Publication) Status {
	model, status := s.model(element, id)
	switch {
	case status != Success:
		return status
	case isManaged(id):
		return InvalidPublishParameters
	case p.Address == mesh.Unassigned:
		p = state.Publication{}
	case p.Friendship && !s.Host().State().LowPower:
		return FeatureNotSupported // the node is no Low Power node
	case s.Host().State().AppKey(p.AppKey) == nil, !model.IsBound(p.AppKey):
		return InvalidAppKeyIndex
	}
	s.Change(func(*state.Node) { model.Publication = p })
	return Success
}

// addresses lists the subscriptions of a model.
func (s *ConfigServer) addresses(element mesh.Address, id mesh.ModelID) ([]mesh.Address, Status) {
	model, status := s.model(element, id)
	if status != Success {
		return nil, status
	}
	// Two labels may have one virtual address; it is listed once.
	list := slices.Clone(model.Subscriptions)
	slices.Sort(list)
	return slices.Compact(list), Success
}
