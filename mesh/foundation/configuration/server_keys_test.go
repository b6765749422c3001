package foundation_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func net(index mesh.KeyIndex, s foundation.Status) access.Message {
	return &foundation.ConfigNetKeyStatus{Status: s, NetKeyIndex: index}
}

func app(net, index mesh.KeyIndex, s foundation.Status) access.Message {
	return &foundation.ConfigAppKeyStatus{Status: s, NetKeyIndex: net, AppKeyIndex: index}
}

func phase(index mesh.KeyIndex, s foundation.Status, p state.Phase) access.Message {
	return &foundation.ConfigKeyRefreshPhaseStatus{Status: s, NetKeyIndex: index, Phase: p}
}

func TestConfigServerNetKeys(t *testing.T) {
	h := newHost()
	h.model(0, onOff).Bindings = []mesh.KeyIndex{0, 1}
	h.model(0, onOff).Publication = state.Publication{Address: 1, AppKey: 1}
	play(t, h, []step{
		{"list", &foundation.ConfigNetKeyGet{}, &foundation.ConfigNetKeyList{NetKeyIndexes: []mesh.KeyIndex{0, 7}}, nil},
		{
			"add", &foundation.ConfigNetKeyAdd{NetKeyIndex: 9, NetKey: crypto.Key{9}}, net(9, foundation.Success),
			func(h *host) bool { return h.node.Subnet(9).Key == crypto.Key{9} },
		},
		{
			"add again", &foundation.ConfigNetKeyAdd{NetKeyIndex: 9, NetKey: crypto.Key{9}}, net(9, foundation.Success),
			func(h *host) bool { return len(h.node.Subnets) == 3 },
		},
		{
			"add another", &foundation.ConfigNetKeyAdd{NetKeyIndex: 9, NetKey: crypto.Key{8}}, net(9, foundation.KeyIndexAlreadyStored),
			func(h *host) bool { return h.node.Subnet(9).Key == crypto.Key{9} },
		},
		{"delete the one in use", &foundation.ConfigNetKeyDelete{NetKeyIndex: 0}, net(0, foundation.CannotRemove), nil},
		{"delete", &foundation.ConfigNetKeyDelete{NetKeyIndex: 7}, net(7, foundation.Success), func(h *host) bool {
			m := h.model(0, onOff)
			return h.node.Subnet(7) == nil && h.node.AppKey(1) == nil && h.node.AppKey(0) != nil &&
				!m.IsBound(1) && m.IsBound(0) && m.Publication.Address == mesh.Unassigned
		}},
		{"delete again", &foundation.ConfigNetKeyDelete{NetKeyIndex: 7}, net(7, foundation.Success), nil},
		{"delete", &foundation.ConfigNetKeyDelete{NetKeyIndex: 9}, net(9, foundation.Success), nil},
		{"the last one", &foundation.ConfigNetKeyDelete{NetKeyIndex: 0}, net(0, foundation.CannotRemove), nil},
	})
}

func TestConfigServerListsAreBounded(t *testing.T) {
	var steps []step
	for i := mesh.KeyIndex(100); i < 100+foundation.MaxNetKeys-2; i++ {
		steps = append(steps, step{"add", &foundation.ConfigNetKeyAdd{NetKeyIndex: i, NetKey: crypto.Key{9}}, net(i, foundation.Success), nil})
	}
	steps = append(steps, step{"one too many", &foundation.ConfigNetKeyAdd{NetKeyIndex: 99}, net(99, foundation.InsufficientResources), nil})
	for i := mesh.KeyIndex(100); i < 100+foundation.MaxAppKeys-2; i++ {
		steps = append(steps, step{"add", &foundation.ConfigAppKeyAdd{AppKeyIndex: i, AppKey: crypto.Key{9}}, app(0, i, foundation.Success), nil})
	}
	steps = append(steps, step{"one too many", &foundation.ConfigAppKeyAdd{AppKeyIndex: 99}, app(0, 99, foundation.InsufficientResources), nil})
	for i := mesh.KeyIndex(100); i < 100+foundation.MaxBindings; i++ {
		steps = append(steps, step{
			"bind", &foundation.ConfigModelAppBind{ElementAddress: first, AppKeyIndex: i, ModelIdentifier: onOff},
			&foundation.ConfigModelAppStatus{ElementAddress: first, AppKeyIndex: i, ModelIdentifier: onOff}, nil,
		})
	}
	steps = append(steps, step{
		"one too many", &foundation.ConfigModelAppBind{ElementAddress: first, AppKeyIndex: 0, ModelIdentifier: onOff},
		&foundation.ConfigModelAppStatus{Status: foundation.InsufficientResources, ElementAddress: first, ModelIdentifier: onOff}, nil,
	})
	for i := range mesh.Address(foundation.MaxSubscriptions) {
		steps = append(steps, step{
			"subscribe", &foundation.ConfigModelSubscriptionAdd{ElementAddress: first, Address: 0xC000 + i, ModelIdentifier: onOff},
			&foundation.ConfigModelSubscriptionStatus{ElementAddress: first, Address: 0xC000 + i, ModelIdentifier: onOff}, nil,
		})
	}
	full := func(a mesh.Address) access.Message {
		return &foundation.ConfigModelSubscriptionStatus{Status: foundation.InsufficientResources, ElementAddress: first, Address: a, ModelIdentifier: onOff}
	}
	play(t, newHost(), append(steps,
		step{"one too many", &foundation.ConfigModelSubscriptionAdd{ElementAddress: first, Address: 0xD000, ModelIdentifier: onOff}, full(0xD000), nil},
		step{
			"one too many", &foundation.ConfigModelSubscriptionVirtualAddressAdd{ElementAddress: first, Label: label, ModelIdentifier: onOff},
			full(crypto.VirtualAddress(label)), nil,
		},
	))
}

func TestConfigServerAppKeys(t *testing.T) {
	h := newHost()
	h.model(0, onOff).Bindings = []mesh.KeyIndex{1}
	h.model(0, onOff).Publication = state.Publication{Address: 1, AppKey: 1}
	play(t, h, []step{
		{
			"add", &foundation.ConfigAppKeyAdd{NetKeyIndex: 7, AppKeyIndex: 5, AppKey: crypto.Key{5}}, app(7, 5, foundation.Success),
			func(h *host) bool { return h.node.AppKey(5).Key == crypto.Key{5} && h.node.AppKey(5).NetKey == 7 },
		},
		{"add again", &foundation.ConfigAppKeyAdd{NetKeyIndex: 7, AppKeyIndex: 5, AppKey: crypto.Key{5}}, app(7, 5, foundation.Success), nil},
		{"add another", &foundation.ConfigAppKeyAdd{NetKeyIndex: 7, AppKeyIndex: 5, AppKey: crypto.Key{6}}, app(7, 5, foundation.KeyIndexAlreadyStored), nil},
		{"add to another subnet", &foundation.ConfigAppKeyAdd{NetKeyIndex: 0, AppKeyIndex: 5, AppKey: crypto.Key{5}}, app(0, 5, foundation.InvalidNetKeyIndex), nil},
		{"add to no subnet", &foundation.ConfigAppKeyAdd{NetKeyIndex: 3, AppKeyIndex: 6}, app(3, 6, foundation.InvalidNetKeyIndex), nil},
		{"list", &foundation.ConfigAppKeyGet{NetKeyIndex: 7}, &foundation.ConfigAppKeyList{NetKeyIndex: 7, AppKeyIndexes: []mesh.KeyIndex{1, 5}}, nil},
		{"list of nothing", &foundation.ConfigAppKeyGet{NetKeyIndex: 3}, &foundation.ConfigAppKeyList{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 3}, nil},
		{"delete elsewhere", &foundation.ConfigAppKeyDelete{NetKeyIndex: 0, AppKeyIndex: 1}, app(0, 1, foundation.InvalidNetKeyIndex), nil},
		{"delete in no subnet", &foundation.ConfigAppKeyDelete{NetKeyIndex: 3, AppKeyIndex: 1}, app(3, 1, foundation.InvalidNetKeyIndex), nil},
		{"delete", &foundation.ConfigAppKeyDelete{NetKeyIndex: 7, AppKeyIndex: 1}, app(7, 1, foundation.Success), func(h *host) bool {
			m := h.model(0, onOff)
			return h.node.AppKey(1) == nil && !m.IsBound(1) && m.Publication == state.Publication{}
		}},
		{"delete again", &foundation.ConfigAppKeyDelete{NetKeyIndex: 7, AppKeyIndex: 1}, app(7, 1, foundation.Success), nil},
	})
}

// Section 3.11.4 and the transitions of section 4.2.14.
func TestConfigServerKeyRefresh(t *testing.T) {
	play(t, newHost(), []step{
		{"phase", &foundation.ConfigKeyRefreshPhaseGet{}, phase(0, foundation.Success, 0), nil},
		{"phase of nothing", &foundation.ConfigKeyRefreshPhaseGet{NetKeyIndex: 3}, phase(3, foundation.InvalidNetKeyIndex, 0), nil},
		{"set of nothing", &foundation.ConfigKeyRefreshPhaseSet{NetKeyIndex: 3, Transition: 2}, phase(3, foundation.InvalidNetKeyIndex, 0), nil},
		{"2 from normal", &foundation.ConfigKeyRefreshPhaseSet{Transition: 2}, phase(0, foundation.CannotSet, 0), nil},
		{"3 from normal", &foundation.ConfigKeyRefreshPhaseSet{Transition: 3}, phase(0, foundation.Success, 0), nil},
		{"AppKey too early", &foundation.ConfigAppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.CannotUpdate), nil},
		{"update of nothing", &foundation.ConfigNetKeyUpdate{NetKeyIndex: 3}, net(3, foundation.InvalidNetKeyIndex), nil},
		{"update with the same", &foundation.ConfigNetKeyUpdate{NetKey: crypto.Key{1}}, net(0, foundation.CannotUpdate), nil},
		{
			"update", &foundation.ConfigNetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.Success),
			func(h *host) bool {
				k := h.node.Subnet(0)
				return k.Phase == state.FirstPhase && k.Key == crypto.Key{1} && k.NewKey == crypto.Key{11}
			},
		},
		{"update again", &foundation.ConfigNetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.Success), nil},
		{"update with another", &foundation.ConfigNetKeyUpdate{NetKey: crypto.Key{12}}, net(0, foundation.CannotUpdate), nil},
		{
			"AppKey", &foundation.ConfigAppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.Success),
			func(h *host) bool {
				k := h.node.AppKey(0)
				return k.Updated && k.NewKey == crypto.Key{13} && k.Key == crypto.Key{3}
			},
		},
		{"AppKey again", &foundation.ConfigAppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.Success), nil},
		{"AppKey with another", &foundation.ConfigAppKeyUpdate{AppKey: crypto.Key{14}}, app(0, 0, foundation.CannotUpdate), nil},
		{"AppKey of another subnet", &foundation.ConfigAppKeyUpdate{AppKeyIndex: 1}, app(0, 1, foundation.InvalidBinding), nil},
		{"AppKey of no subnet", &foundation.ConfigAppKeyUpdate{NetKeyIndex: 3}, app(3, 0, foundation.InvalidNetKeyIndex), nil},
		{"no AppKey", &foundation.ConfigAppKeyUpdate{AppKeyIndex: 8}, app(0, 8, foundation.InvalidAppKeyIndex), nil},
		{"phase 2", &foundation.ConfigKeyRefreshPhaseSet{Transition: 2}, phase(0, foundation.Success, 2), nil},
		{"phase 2 again", &foundation.ConfigKeyRefreshPhaseSet{Transition: 2}, phase(0, foundation.Success, 2), nil},
		{"update in phase 2", &foundation.ConfigNetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.CannotUpdate), nil},
		{"AppKey in phase 2", &foundation.ConfigAppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.CannotUpdate), nil},
		{"phase 3", &foundation.ConfigKeyRefreshPhaseSet{Transition: 3}, phase(0, foundation.Success, 0), func(h *host) bool {
			k, a := h.node.Subnet(0), h.node.AppKey(0)
			return k.Key == crypto.Key{11} && k.NewKey.IsZero() && a.Key == crypto.Key{13} && !a.Updated && a.NewKey.IsZero()
		}},
	})
	// Two subnets at once: the end of one is not that of the other.
	play(t, newHost(), []step{
		{"update", &foundation.ConfigNetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.Success), nil},
		{"update", &foundation.ConfigNetKeyUpdate{NetKeyIndex: 7, NetKey: crypto.Key{12}}, net(7, foundation.Success), nil},
		{"AppKey", &foundation.ConfigAppKeyUpdate{NetKeyIndex: 7, AppKeyIndex: 1, AppKey: crypto.Key{14}}, app(7, 1, foundation.Success), nil},
		{"phase 3", &foundation.ConfigKeyRefreshPhaseSet{Transition: 3}, phase(0, foundation.Success, 0), func(h *host) bool {
			return h.node.AppKey(1).Updated && h.node.AppKey(1).Key == crypto.Key{4} && h.node.Subnet(7).Phase == state.FirstPhase
		}},
	})
	// From phase 1 straight to the end.
	play(t, newHost(), []step{
		{"update", &foundation.ConfigNetKeyUpdate{NetKeyIndex: 7, NetKey: crypto.Key{12}}, net(7, foundation.Success), nil},
		{"phase 3", &foundation.ConfigKeyRefreshPhaseSet{NetKeyIndex: 7, Transition: 3}, phase(7, foundation.Success, 0), func(h *host) bool {
			return h.node.Subnet(7).Key == crypto.Key{12} && h.node.AppKey(1).Key == crypto.Key{4}
		}},
	})
}
