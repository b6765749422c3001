package foundation

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleNetKeys registers the messages about NetKeys and their refresh
// (sections 4.3.2.31 to 4.3.2.36 and 4.3.2.43 to 4.3.2.45).
func (s *ConfigServer) handleNetKeys() {
	on(s, func(_ *access.Incoming, m *ConfigNetKeyAdd) access.Message {
		return &ConfigNetKeyStatus{Status: s.addNetKey(m.NetKeyIndex, m.NetKey), NetKeyIndex: m.NetKeyIndex}
	})
	on(s, func(_ *access.Incoming, m *ConfigNetKeyUpdate) access.Message {
		return &ConfigNetKeyStatus{Status: s.updateNetKey(m.NetKeyIndex, m.NetKey), NetKeyIndex: m.NetKeyIndex}
	})
	on(s, func(in *access.Incoming, m *ConfigNetKeyDelete) access.Message {
		return &ConfigNetKeyStatus{Status: s.deleteNetKey(m.NetKeyIndex, in.NetKey), NetKeyIndex: m.NetKeyIndex}
	})
	on(s, func(*access.Incoming, *ConfigNetKeyGet) access.Message {
		list := &ConfigNetKeyList{}
		for _, k := range s.host.State().Subnets {
			list.NetKeyIndexes = append(list.NetKeyIndexes, k.Index)
		}
		return list
	})
	phase := func(index mesh.KeyIndex, status Status) access.Message {
		k := s.host.State().Subnet(index)
		if k == nil {
			return &ConfigKeyRefreshPhaseStatus{Status: InvalidNetKeyIndex, NetKeyIndex: index}
		}
		return &ConfigKeyRefreshPhaseStatus{Status: status, NetKeyIndex: index, Phase: k.Phase}
	}
	on(s, func(_ *access.Incoming, m *ConfigKeyRefreshPhaseGet) access.Message {
		return phase(m.NetKeyIndex, Success)
	})
	on(s, func(_ *access.Incoming, m *ConfigKeyRefreshPhaseSet) access.Message {
		return phase(m.NetKeyIndex, s.setPhase(m.NetKeyIndex, m.Transition))
	})
}

// handleAppKeys registers the messages about AppKeys (sections 4.3.2.37 to
// 4.3.2.42).
func (s *ConfigServer) handleAppKeys() {
	on(s, func(_ *access.Incoming, m *ConfigAppKeyAdd) access.Message {
		return &ConfigAppKeyStatus{
			Status:      s.addAppKey(m.NetKeyIndex, m.AppKeyIndex, m.AppKey),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	})
	on(s, func(_ *access.Incoming, m *ConfigAppKeyUpdate) access.Message {
		return &ConfigAppKeyStatus{
			Status:      s.updateAppKey(m.NetKeyIndex, m.AppKeyIndex, m.AppKey),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	})
	on(s, func(_ *access.Incoming, m *ConfigAppKeyDelete) access.Message {
		return &ConfigAppKeyStatus{
			Status:      s.deleteAppKey(m.NetKeyIndex, m.AppKeyIndex),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	})
	on(s, func(_ *access.Incoming, m *ConfigAppKeyGet) access.Message {
		list := &ConfigAppKeyList{NetKeyIndex: m.NetKeyIndex}
		n := s.host.State()
		if n.Subnet(m.NetKeyIndex) == nil {
			list.Status = InvalidNetKeyIndex
			return list
		}
		for _, k := range n.AppKeys {
			if k.NetKey == m.NetKeyIndex {
				list.AppKeyIndexes = append(list.AppKeyIndexes, k.Index)
			}
		}
		return list
	})
}

func (s *ConfigServer) addNetKey(index mesh.KeyIndex, key crypto.Key) Status {
	n := s.host.State()
	if k := n.Subnet(index); k != nil {
		if k.Key.Equal(key) {
			return Success // the answer was lost
		}
		return KeyIndexAlreadyStored
	}
	if len(n.Subnets) >= MaxNetKeys {
		return InsufficientResources
	}
	s.change(func(n *state.Node) { n.Subnets = append(n.Subnets, state.Subnet{Index: index, Key: key}) })
	return Success
}

// updateNetKey begins a key refresh (section 3.11.4.1).
func (s *ConfigServer) updateNetKey(index mesh.KeyIndex, key crypto.Key) Status {
	k := s.host.State().Subnet(index)
	switch {
	case k == nil:
		return InvalidNetKeyIndex
	case k.Phase == state.FirstPhase && k.NewKey.Equal(key):
		return Success
	case k.Phase != state.NormalOperation || k.Key.Equal(key):
		return CannotUpdate
	}
	s.change(func(*state.Node) { k.Phase, k.NewKey = state.FirstPhase, key })
	return Success
}

// deleteNetKey also deletes the AppKeys that are bound to the key. The key that
// the request came with cannot be deleted, so one is always left.
func (s *ConfigServer) deleteNetKey(index, used mesh.KeyIndex) Status {
	n := s.host.State()
	switch {
	case n.Subnet(index) == nil:
		return Success
	case index == used || len(n.Subnets) == 1:
		return CannotRemove
	}
	s.change(func(n *state.Node) {
		for _, app := range slices.Clone(n.AppKeys) {
			if app.NetKey == index {
				dropAppKey(n, app.Index)
			}
		}
		n.Subnets = slices.DeleteFunc(n.Subnets, func(k state.Subnet) bool { return k.Index == index })
		n.DropSubnet(index)
	})
	return Success
}

// setPhase moves a key refresh on (section 4.2.14, table of transitions): to
// phase 2, or, with 3, to its end. What was reached already is no error.
func (s *ConfigServer) setPhase(index mesh.KeyIndex, transition uint8) Status {
	k := s.host.State().Subnet(index)
	switch {
	case k == nil:
		return InvalidNetKeyIndex
	case transition == 2 && k.Phase == state.NormalOperation:
		return CannotSet
	case transition == 2 && k.Phase == state.FirstPhase:
		s.change(func(*state.Node) { k.Phase = state.SecondPhase })
	case transition == 3 && k.Phase != state.NormalOperation:
		s.change(func(n *state.Node) { revokeOldKeys(n, k) })
	}
	return Success
}

// revokeOldKeys ends a key refresh (section 3.11.4.3).
func revokeOldKeys(n *state.Node, k *state.Subnet) {
	k.Phase, k.Key, k.NewKey = state.NormalOperation, k.NewKey, crypto.Key{}
	for i := range n.AppKeys {
		if app := &n.AppKeys[i]; app.NetKey == k.Index && app.Updated {
			app.Updated, app.Key, app.NewKey = false, app.NewKey, crypto.Key{}
		}
	}
}

func (s *ConfigServer) addAppKey(net, index mesh.KeyIndex, key crypto.Key) Status {
	n := s.host.State()
	if n.Subnet(net) == nil {
		return InvalidNetKeyIndex
	}
	if k := n.AppKey(index); k != nil {
		switch {
		case k.NetKey != net:
			return InvalidNetKeyIndex
		case k.Key.Equal(key):
			return Success
		default:
			return KeyIndexAlreadyStored
		}
	}
	if len(n.AppKeys) >= MaxAppKeys {
		return InsufficientResources
	}
	s.change(func(n *state.Node) {
		n.AppKeys = append(n.AppKeys, state.AppKey{Index: index, NetKey: net, Key: key})
	})
	return Success
}

func (s *ConfigServer) updateAppKey(net, index mesh.KeyIndex, key crypto.Key) Status {
	n := s.host.State()
	subnet, k := n.Subnet(net), n.AppKey(index)
	switch {
	case subnet == nil:
		return InvalidNetKeyIndex
	case k == nil:
		return InvalidAppKeyIndex
	case k.NetKey != net:
		return InvalidBinding
	case subnet.Phase == state.FirstPhase && k.Updated && k.NewKey.Equal(key):
		return Success
	case subnet.Phase != state.FirstPhase || k.Updated || k.Key.Equal(key):
		return CannotUpdate
	}
	s.change(func(*state.Node) { k.Updated, k.NewKey = true, key })
	return Success
}

func (s *ConfigServer) deleteAppKey(net, index mesh.KeyIndex) Status {
	n := s.host.State()
	if n.Subnet(net) == nil {
		return InvalidNetKeyIndex
	}
	k := n.AppKey(index)
	switch {
	case k == nil:
		return Success
	case k.NetKey != net:
		return InvalidNetKeyIndex
	}
	s.change(func(n *state.Node) { dropAppKey(n, index) })
	return Success
}

// dropAppKey deletes an AppKey, unbinds it, and ends the publications that use
// it (section 4.3.2.39).
func dropAppKey(n *state.Node, index mesh.KeyIndex) {
	n.AppKeys = slices.DeleteFunc(n.AppKeys, func(k state.AppKey) bool { return k.Index == index })
	for e := range n.Elements {
		for m := range n.Elements[e].Models {
			unbind(&n.Elements[e].Models[m], index)
		}
	}
}

// unbind takes an AppKey from a model; a publication with it ends.
func unbind(m *state.Model, index mesh.KeyIndex) {
	m.Bindings = slices.DeleteFunc(m.Bindings, func(k mesh.KeyIndex) bool { return k == index })
	if m.Publication.AppKey == index {
		m.Publication = state.Publication{}
	}
}
