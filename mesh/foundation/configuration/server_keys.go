package configuration

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleNetKeys registers the messages about NetKeys and their refresh
// (sections 4.3.2.31 to 4.3.2.36 and 4.3.2.43 to 4.3.2.45).
func (s *Server) handleNetKeys() {
	foundation.On(s, func(_ *access.Incoming, m *NetKeyAdd) access.Message {
		return &NetKeyStatus{Status: s.keys().AddNetKey(m.NetKeyIndex, m.NetKey), NetKeyIndex: m.NetKeyIndex}
	})
	foundation.On(s, func(_ *access.Incoming, m *NetKeyUpdate) access.Message {
		return &NetKeyStatus{Status: s.keys().UpdateNetKey(m.NetKeyIndex, m.NetKey), NetKeyIndex: m.NetKeyIndex}
	})
	foundation.On(s, func(in *access.Incoming, m *NetKeyDelete) access.Message {
		return &NetKeyStatus{Status: s.keys().DeleteNetKey(m.NetKeyIndex, in.NetKey), NetKeyIndex: m.NetKeyIndex}
	})
	foundation.On(s, func(*access.Incoming, *NetKeyGet) access.Message {
		list := &NetKeyList{}
		for _, k := range s.Host().State().Subnets {
			list.NetKeyIndexes = append(list.NetKeyIndexes, k.Index)
		}
		return list
	})
	phase := func(index mesh.KeyIndex, status foundation.Status) access.Message {
		k := s.Host().State().Subnet(index)
		if k == nil {
			return &KeyRefreshPhaseStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index}
		}
		return &KeyRefreshPhaseStatus{Status: status, NetKeyIndex: index, Phase: k.Phase}
	}
	foundation.On(s, func(_ *access.Incoming, m *KeyRefreshPhaseGet) access.Message {
		return phase(m.NetKeyIndex, foundation.Success)
	})
	foundation.On(s, func(_ *access.Incoming, m *KeyRefreshPhaseSet) access.Message {
		return phase(m.NetKeyIndex, s.keys().SetPhase(m.NetKeyIndex, m.Transition))
	})
}

// handleAppKeys registers the messages about AppKeys (sections 4.3.2.37 to
// 4.3.2.42).
func (s *Server) handleAppKeys() {
	foundation.On(s, func(_ *access.Incoming, m *AppKeyAdd) access.Message {
		return &AppKeyStatus{
			Status:      s.keys().AddAppKey(m.NetKeyIndex, m.AppKeyIndex, m.AppKey),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	})
	foundation.On(s, func(_ *access.Incoming, m *AppKeyUpdate) access.Message {
		return &AppKeyStatus{
			Status:      s.keys().UpdateAppKey(m.NetKeyIndex, m.AppKeyIndex, m.AppKey),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	})
	foundation.On(s, func(_ *access.Incoming, m *AppKeyDelete) access.Message {
		return &AppKeyStatus{
			Status:      s.keys().DeleteAppKey(m.NetKeyIndex, m.AppKeyIndex),
			NetKeyIndex: m.NetKeyIndex, AppKeyIndex: m.AppKeyIndex,
		}
	})
	foundation.On(s, func(_ *access.Incoming, m *AppKeyGet) access.Message {
		list := &AppKeyList{NetKeyIndex: m.NetKeyIndex}
		n := s.Host().State()
		if n.Subnet(m.NetKeyIndex) == nil {
			list.Status = foundation.InvalidNetKeyIndex
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

// Keys changes the keys of a node by the rules of its Configuration Server. A
// provisioner uses it to change its own keys.
type Keys struct{ foundation.Host }

func (s *Server) keys() Keys { return Keys{s.Host()} }

func (h Keys) change(f func(*state.Node)) {
	h.Edit(func(n *state.Node) bool {
		f(n)
		return true
	})
}

// AddNetKey adds a NetKey (section 4.3.2.31).
func (h Keys) AddNetKey(index mesh.KeyIndex, key crypto.Key) foundation.Status {
	n := h.State()
	if k := n.Subnet(index); k != nil {
		if k.Key.Equal(key) {
			return foundation.Success // the answer was lost
		}
		return foundation.KeyIndexAlreadyStored
	}
	if len(n.Subnets) >= MaxNetKeys {
		return foundation.InsufficientResources
	}
	h.change(func(n *state.Node) { n.Subnets = append(n.Subnets, state.Subnet{Index: index, Key: key}) })
	return foundation.Success
}

// UpdateNetKey begins a key refresh (section 3.11.4.1).
func (h Keys) UpdateNetKey(index mesh.KeyIndex, key crypto.Key) foundation.Status {
	k := h.State().Subnet(index)
	switch {
	case k == nil:
		return foundation.InvalidNetKeyIndex
	case k.Phase == state.FirstPhase && k.NewKey.Equal(key):
		return foundation.Success
	case k.Phase != state.NormalOperation || k.Key.Equal(key):
		return foundation.CannotUpdate
	}
	h.change(func(n *state.Node) {
		k := n.Subnet(index)
		k.Phase, k.NewKey = state.FirstPhase, key
	})
	return foundation.Success
}

// DeleteNetKey also deletes the AppKeys that are bound to the key. The key that
// encrypts the request cannot be deleted, so one is always left.
func (h Keys) DeleteNetKey(index, used mesh.KeyIndex) foundation.Status {
	n := h.State()
	switch {
	case n.Subnet(index) == nil:
		return foundation.Success
	case index == used || len(n.Subnets) == 1:
		return foundation.CannotRemove
	}
	h.change(func(n *state.Node) {
		for _, app := range slices.Clone(n.AppKeys) {
			if app.NetKey == index {
				dropAppKey(n, app.Index)
			}
		}
		n.Subnets = slices.DeleteFunc(n.Subnets, func(k state.Subnet) bool { return k.Index == index })
		n.DropSubnet(index)
	})
	return foundation.Success
}

// SetPhase moves a key refresh to the next step (section 4.2.14, table of
// transitions): to phase 2, or, with 3, to its end. A phase that is already
// reached is not an error.
func (h Keys) SetPhase(index mesh.KeyIndex, transition uint8) foundation.Status {
	k := h.State().Subnet(index)
	switch {
	case k == nil:
		return foundation.InvalidNetKeyIndex
	case transition == 2 && k.Phase == state.NormalOperation:
		return foundation.CannotSet
	case transition == 2 && k.Phase == state.FirstPhase:
		h.change(func(n *state.Node) { n.Subnet(index).Phase = state.SecondPhase })
	case transition == 3 && k.Phase != state.NormalOperation:
		h.change(func(n *state.Node) { n.RevokeOldKeys(n.Subnet(index)) })
	}
	return foundation.Success
}

// Refresh moves the key refresh of a NetKey to a phase, 1 to 3, from any phase.
// It has the effect of UpdateNetKey, of UpdateAppKey for those of apps that the
// node has, and of SetPhase. Steps that are already done are not an error.
func (h Keys) Refresh(index mesh.KeyIndex, phase uint8, key crypto.Key, apps map[mesh.KeyIndex]crypto.Key) foundation.Status {
	k := h.State().Subnet(index)
	switch {
	case k == nil:
		return foundation.InvalidNetKeyIndex
	case k.Phase == state.NormalOperation && k.Key.Equal(key):
		return foundation.Success // it has ended
	case k.Phase != state.NormalOperation && !k.NewKey.Equal(key):
		return foundation.CannotUpdate // another key refresh is in progress
	case k.Phase == state.NormalOperation:
		if status := h.UpdateNetKey(index, key); status != foundation.Success {
			return status
		}
	}
	if h.State().Subnet(index).Phase == state.FirstPhase {
		for app, key := range apps {
			if a := h.State().AppKey(app); a == nil || a.NetKey != index {
				continue
			}
			if status := h.UpdateAppKey(index, app, key); status != foundation.Success {
				return status
			}
		}
	}
	if phase == 1 {
		return foundation.Success
	}
	return h.SetPhase(index, phase)
}

// GiveUp ends a key refresh in phase 1 without new keys. It is for the owner of a node:
// no message does that.
func (h Keys) GiveUp(index mesh.KeyIndex) foundation.Status {
	k := h.State().Subnet(index)
	switch {
	case k == nil:
		return foundation.InvalidNetKeyIndex
	case k.Phase != state.FirstPhase:
		return foundation.CannotSet
	}
	h.change(func(n *state.Node) {
		k := n.Subnet(index)
		k.Phase, k.NewKey = state.NormalOperation, crypto.Key{}
		for i := range n.AppKeys {
			if a := &n.AppKeys[i]; a.NetKey == index {
				a.Updated, a.NewKey = false, crypto.Key{}
			}
		}
	})
	return foundation.Success
}

// AddAppKey adds an AppKey that is bound to a NetKey (section 4.3.2.37).
func (h Keys) AddAppKey(net, index mesh.KeyIndex, key crypto.Key) foundation.Status {
	n := h.State()
	if n.Subnet(net) == nil {
		return foundation.InvalidNetKeyIndex
	}
	if k := n.AppKey(index); k != nil {
		switch {
		case k.NetKey != net:
			return foundation.InvalidNetKeyIndex
		case k.Key.Equal(key):
			return foundation.Success
		default:
			return foundation.KeyIndexAlreadyStored
		}
	}
	if len(n.AppKeys) >= MaxAppKeys {
		return foundation.InsufficientResources
	}
	h.change(func(n *state.Node) {
		n.AppKeys = append(n.AppKeys, state.AppKey{Index: index, NetKey: net, Key: key})
	})
	return foundation.Success
}

// UpdateAppKey sets the new value of an AppKey in phase 1 of the key refresh of
// its NetKey (section 4.3.2.38).
func (h Keys) UpdateAppKey(net, index mesh.KeyIndex, key crypto.Key) foundation.Status {
	n := h.State()
	subnet, k := n.Subnet(net), n.AppKey(index)
	switch {
	case subnet == nil:
		return foundation.InvalidNetKeyIndex
	case k == nil:
		return foundation.InvalidAppKeyIndex
	case k.NetKey != net:
		return foundation.InvalidBinding
	case subnet.Phase == state.FirstPhase && k.Updated && k.NewKey.Equal(key):
		return foundation.Success
	case subnet.Phase != state.FirstPhase || k.Updated || k.Key.Equal(key):
		return foundation.CannotUpdate
	}
	h.change(func(n *state.Node) {
		k := n.AppKey(index)
		k.Updated, k.NewKey = true, key
	})
	return foundation.Success
}

// DeleteAppKey deletes an AppKey, its bindings and the publications that use it
// (section 4.3.2.39).
func (h Keys) DeleteAppKey(net, index mesh.KeyIndex) foundation.Status {
	n := h.State()
	if n.Subnet(net) == nil {
		return foundation.InvalidNetKeyIndex
	}
	k := n.AppKey(index)
	switch {
	case k == nil:
		return foundation.Success
	case k.NetKey != net:
		return foundation.InvalidNetKeyIndex
	}
	h.change(func(n *state.Node) { dropAppKey(n, index) })
	return foundation.Success
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

// unbind unbinds an AppKey from a model; a publication that uses it ends.
func unbind(m *state.Model, index mesh.KeyIndex) {
	m.Bindings = slices.DeleteFunc(m.Bindings, func(k mesh.KeyIndex) bool { return k == index })
	if m.Publication.AppKey == index {
		m.Publication = state.Publication{}
	}
}
