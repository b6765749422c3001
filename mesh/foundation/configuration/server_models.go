package configuration

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleBindings registers the messages about AppKey bindings of models
// (sections 4.3.2.46 to 4.3.2.52).
func (s *Server) handleBindings() {
	status := func(element mesh.Address, index mesh.KeyIndex, id mesh.ModelID, change func(*state.Model) foundation.Status) access.Message {
		return &ModelAppStatus{
			Status:         s.bindable(element, index, id, change),
			ElementAddress: element, AppKeyIndex: index, ModelIdentifier: id,
		}
	}
	foundation.On(s, func(_ *access.Incoming, m *ModelAppBind) access.Message {
		return status(m.ElementAddress, m.AppKeyIndex, m.ModelIdentifier, func(model *state.Model) foundation.Status {
			if model.IsBound(m.AppKeyIndex) {
				return foundation.Success
			}
			if len(model.Bindings) >= MaxBindings {
				return foundation.InsufficientResources
			}
			s.Change(func(*state.Node) { model.Bindings = append(model.Bindings, m.AppKeyIndex) })
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelAppUnbind) access.Message {
		return status(m.ElementAddress, m.AppKeyIndex, m.ModelIdentifier, func(model *state.Model) foundation.Status {
			if model.IsBound(m.AppKeyIndex) {
				s.Change(func(*state.Node) { unbind(model, m.AppKeyIndex) })
			}
			return foundation.Success
		})
	})
	foundation.On(s, func(_ *access.Incoming, m *SIGModelAppGet) access.Message {
		list, status := s.bindings(m.ElementAddress, m.ModelIdentifier)
		return &SIGModelAppList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, AppKeyIndexes: list}
	})
	foundation.On(s, func(_ *access.Incoming, m *VendorModelAppGet) access.Message {
		list, status := s.bindings(m.ElementAddress, m.ModelIdentifier)
		return &VendorModelAppList{Status: status, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier, AppKeyIndexes: list}
	})
}

// bindable checks element, key and model of a binding before it is changed.
func (s *Server) bindable(element mesh.Address, index mesh.KeyIndex, id mesh.ModelID, change func(*state.Model) foundation.Status) foundation.Status {
	model, status := s.model(element, id)
	switch {
	case status != foundation.Success:
		return status
	case s.Host().State().AppKey(index) == nil:
		return foundation.InvalidAppKeyIndex
	case isManaged(id):
		return foundation.CannotBind
	}
	return change(model)
}

func (s *Server) bindings(element mesh.Address, id mesh.ModelID) ([]mesh.KeyIndex, foundation.Status) {
	model, status := s.model(element, id)
	if status != foundation.Success {
		return nil, status
	}
	return model.Bindings, foundation.Success
}

// handlePublication registers the messages about publication (sections
// 4.3.2.15 to 4.3.2.18).
func (s *Server) handlePublication() {
	foundation.On(s, func(_ *access.Incoming, m *ModelPublicationGet) access.Message {
		answer := &ModelPublicationStatus{ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier}
		model, status := s.model(m.ElementAddress, m.ModelIdentifier)
		if status != foundation.Success {
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
		answer := &ModelPublicationStatus{
			Status:         s.publish(element, id, p),
			ElementAddress: element, PublishAddress: p.Address, PublishParameters: parameters, ModelIdentifier: id,
		}
		if answer.Status == foundation.Success && p.Address == mesh.Unassigned {
			answer.PublishParameters = PublishParameters{}
		}
		return answer
	}
	foundation.On(s, func(_ *access.Incoming, m *ModelPublicationSet) access.Message {
		if m.PublishAddress.IsVirtual() {
			return nil // prohibited; labels have their own message
		}
		return set(m.ElementAddress, m.ModelIdentifier, state.Publication{Address: m.PublishAddress}, m.PublishParameters)
	})
	foundation.On(s, func(_ *access.Incoming, m *ModelPublicationVirtualAddressSet) access.Message {
		p := state.Publication{Address: crypto.VirtualAddress(m.PublishAddress), Label: m.PublishAddress}
		return set(m.ElementAddress, m.ModelIdentifier, p, m.PublishParameters)
	})
}

// publish sets the publication of a model. The unassigned address disables it.
func (s *Server) publish(element mesh.Address, id mesh.ModelID, p state.Publication) foundation.Status {
	model, status := s.model(element, id)
	switch {
	case status != foundation.Success:
		return status
	case isManaged(id):
		return foundation.InvalidPublishParameters
	case p.Address == mesh.Unassigned:
		p = state.Publication{}
	case p.Friendship && !s.Host().State().LowPower:
		return foundation.FeatureNotSupported // not a Low Power node
	case s.Host().State().AppKey(p.AppKey) == nil, !model.IsBound(p.AppKey):
		return foundation.InvalidAppKeyIndex
	}
	s.Change(func(*state.Node) { model.Publication = p })
	return foundation.Success
}

// addresses lists the subscriptions of a model.
func (s *Server) addresses(element mesh.Address, id mesh.ModelID) ([]mesh.Address, foundation.Status) {
	model, status := s.model(element, id)
	if status != foundation.Success {
		return nil, status
	}
	// Two labels can have the same virtual address; it is listed once.
	list := slices.Clone(model.Subscriptions)
	slices.Sort(list)
	return slices.Compact(list), foundation.Success
}
