package configuration_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func net(index mesh.KeyIndex, s foundation.Status) access.Message {
	return &configuration.NetKeyStatus{Status: s, NetKeyIndex: index}
}

func app(net, index mesh.KeyIndex, s foundation.Status) access.Message {
	return &configuration.AppKeyStatus{Status: s, NetKeyIndex: net, AppKeyIndex: index}
}

func phase(index mesh.KeyIndex, s foundation.Status, p state.Phase) access.Message {
	return &configuration.KeyRefreshPhaseStatus{Status: s, NetKeyIndex: index, Phase: p}
}

func TestConfigServerNetKeys(t *testing.T) {
	h := hosttest.New()
	h.Model(0, hosttest.OnOff).Bindings = []mesh.KeyIndex{0, 1}
	h.Model(0, hosttest.OnOff).Publication = state.Publication{Address: 1, AppKey: 1}
	play(t, h, []hosttest.Step{
		{"list", &configuration.NetKeyGet{}, &configuration.NetKeyList{NetKeyIndexes: []mesh.KeyIndex{0, 7}}, nil},
		{
			"add", &configuration.NetKeyAdd{NetKeyIndex: 9, NetKey: crypto.Key{9}}, net(9, foundation.Success),
			func(h *hosttest.Host) bool { return h.Node.Subnet(9).Key == crypto.Key{9} },
		},
		{
			"add again", &configuration.NetKeyAdd{NetKeyIndex: 9, NetKey: crypto.Key{9}}, net(9, foundation.Success),
			func(h *hosttest.Host) bool { return len(h.Node.Subnets) == 3 },
		},
		{
			"add another", &configuration.NetKeyAdd{NetKeyIndex: 9, NetKey: crypto.Key{8}}, net(9, foundation.KeyIndexAlreadyStored),
			func(h *hosttest.Host) bool { return h.Node.Subnet(9).Key == crypto.Key{9} },
		},
		{"delete the key in use", &configuration.NetKeyDelete{NetKeyIndex: 0}, net(0, foundation.CannotRemove), nil},
		{"delete", &configuration.NetKeyDelete{NetKeyIndex: 7}, net(7, foundation.Success), func(h *hosttest.Host) bool {
			m := h.Model(0, hosttest.OnOff)
			return h.Node.Subnet(7) == nil && h.Node.AppKey(1) == nil && h.Node.AppKey(0) != nil &&
				!m.IsBound(1) && m.IsBound(0) && m.Publication.Address == mesh.Unassigned
		}},
		{"delete again", &configuration.NetKeyDelete{NetKeyIndex: 7}, net(7, foundation.Success), nil},
		{"delete", &configuration.NetKeyDelete{NetKeyIndex: 9}, net(9, foundation.Success), nil},
		{"delete the last key", &configuration.NetKeyDelete{NetKeyIndex: 0}, net(0, foundation.CannotRemove), nil},
	})
}

func TestConfigServerListsAreBounded(t *testing.T) {
	var steps []hosttest.Step
	for i := mesh.KeyIndex(100); i < 100+configuration.MaxNetKeys-2; i++ {
		steps = append(steps, hosttest.Step{"add", &configuration.NetKeyAdd{NetKeyIndex: i, NetKey: crypto.Key{9}}, net(i, foundation.Success), nil})
	}
	steps = append(steps, hosttest.Step{"one too many", &configuration.NetKeyAdd{NetKeyIndex: 99}, net(99, foundation.InsufficientResources), nil})
	for i := mesh.KeyIndex(100); i < 100+configuration.MaxAppKeys-2; i++ {
		steps = append(steps, hosttest.Step{"add", &configuration.AppKeyAdd{AppKeyIndex: i, AppKey: crypto.Key{9}}, app(0, i, foundation.Success), nil})
	}
	steps = append(steps, hosttest.Step{"one too many", &configuration.AppKeyAdd{AppKeyIndex: 99}, app(0, 99, foundation.InsufficientResources), nil})
	for i := mesh.KeyIndex(100); i < 100+configuration.MaxBindings; i++ {
		steps = append(steps, hosttest.Step{
			"bind", &configuration.ModelAppBind{ElementAddress: hosttest.First, AppKeyIndex: i, ModelIdentifier: hosttest.OnOff},
			&configuration.ModelAppStatus{ElementAddress: hosttest.First, AppKeyIndex: i, ModelIdentifier: hosttest.OnOff}, nil,
		})
	}
	steps = append(steps, hosttest.Step{
		"one too many", &configuration.ModelAppBind{ElementAddress: hosttest.First, AppKeyIndex: 0, ModelIdentifier: hosttest.OnOff},
		&configuration.ModelAppStatus{Status: foundation.InsufficientResources, ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff}, nil,
	})
	for i := range mesh.Address(configuration.MaxSubscriptions) {
		steps = append(steps, hosttest.Step{
			"subscribe", &configuration.ModelSubscriptionAdd{ElementAddress: hosttest.First, Address: 0xC000 + i, ModelIdentifier: hosttest.OnOff},
			&configuration.ModelSubscriptionStatus{ElementAddress: hosttest.First, Address: 0xC000 + i, ModelIdentifier: hosttest.OnOff}, nil,
		})
	}
	full := func(a mesh.Address) access.Message {
		return &configuration.ModelSubscriptionStatus{Status: foundation.InsufficientResources, ElementAddress: hosttest.First, Address: a, ModelIdentifier: hosttest.OnOff}
	}
	play(t, hosttest.New(), append(steps,
		hosttest.Step{"one too many", &configuration.ModelSubscriptionAdd{ElementAddress: hosttest.First, Address: 0xD000, ModelIdentifier: hosttest.OnOff}, full(0xD000), nil},
		hosttest.Step{
			"one too many", &configuration.ModelSubscriptionVirtualAddressAdd{ElementAddress: hosttest.First, Label: label, ModelIdentifier: hosttest.OnOff},
			full(crypto.VirtualAddress(label)), nil,
		},
	))
}

func TestConfigServerAppKeys(t *testing.T) {
	h := hosttest.New()
	h.Model(0, hosttest.OnOff).Bindings = []mesh.KeyIndex{1}
	h.Model(0, hosttest.OnOff).Publication = state.Publication{Address: 1, AppKey: 1}
	play(t, h, []hosttest.Step{
		{
			"add", &configuration.AppKeyAdd{NetKeyIndex: 7, AppKeyIndex: 5, AppKey: crypto.Key{5}}, app(7, 5, foundation.Success),
			func(h *hosttest.Host) bool {
				return h.Node.AppKey(5).Key == crypto.Key{5} && h.Node.AppKey(5).NetKey == 7
			},
		},
		{"add again", &configuration.AppKeyAdd{NetKeyIndex: 7, AppKeyIndex: 5, AppKey: crypto.Key{5}}, app(7, 5, foundation.Success), nil},
		{"add another", &configuration.AppKeyAdd{NetKeyIndex: 7, AppKeyIndex: 5, AppKey: crypto.Key{6}}, app(7, 5, foundation.KeyIndexAlreadyStored), nil},
		{"add to another subnet", &configuration.AppKeyAdd{NetKeyIndex: 0, AppKeyIndex: 5, AppKey: crypto.Key{5}}, app(0, 5, foundation.InvalidNetKeyIndex), nil},
		{"add to an unknown subnet", &configuration.AppKeyAdd{NetKeyIndex: 3, AppKeyIndex: 6}, app(3, 6, foundation.InvalidNetKeyIndex), nil},
		{"list", &configuration.AppKeyGet{NetKeyIndex: 7}, &configuration.AppKeyList{NetKeyIndex: 7, AppKeyIndexes: []mesh.KeyIndex{1, 5}}, nil},
		{"list of an unknown subnet", &configuration.AppKeyGet{NetKeyIndex: 3}, &configuration.AppKeyList{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 3}, nil},
		{"delete in another subnet", &configuration.AppKeyDelete{NetKeyIndex: 0, AppKeyIndex: 1}, app(0, 1, foundation.InvalidNetKeyIndex), nil},
		{"delete in an unknown subnet", &configuration.AppKeyDelete{NetKeyIndex: 3, AppKeyIndex: 1}, app(3, 1, foundation.InvalidNetKeyIndex), nil},
		{"delete", &configuration.AppKeyDelete{NetKeyIndex: 7, AppKeyIndex: 1}, app(7, 1, foundation.Success), func(h *hosttest.Host) bool {
			m := h.Model(0, hosttest.OnOff)
			return h.Node.AppKey(1) == nil && !m.IsBound(1) && m.Publication == state.Publication{}
		}},
		{"delete again", &configuration.AppKeyDelete{NetKeyIndex: 7, AppKeyIndex: 1}, app(7, 1, foundation.Success), nil},
	})
}

// Section 3.11.4 and the transitions of section 4.2.14.
func TestConfigServerKeyRefresh(t *testing.T) {
	play(t, hosttest.New(), []hosttest.Step{
		{"phase", &configuration.KeyRefreshPhaseGet{}, phase(0, foundation.Success, 0), nil},
		{"phase of an unknown subnet", &configuration.KeyRefreshPhaseGet{NetKeyIndex: 3}, phase(3, foundation.InvalidNetKeyIndex, 0), nil},
		{"set phase of an unknown subnet", &configuration.KeyRefreshPhaseSet{NetKeyIndex: 3, Transition: 2}, phase(3, foundation.InvalidNetKeyIndex, 0), nil},
		{"2 from normal", &configuration.KeyRefreshPhaseSet{Transition: 2}, phase(0, foundation.CannotSet, 0), nil},
		{"3 from normal", &configuration.KeyRefreshPhaseSet{Transition: 3}, phase(0, foundation.Success, 0), nil},
		{"AppKey too early", &configuration.AppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.CannotUpdate), nil},
		{"update of an unknown subnet", &configuration.NetKeyUpdate{NetKeyIndex: 3}, net(3, foundation.InvalidNetKeyIndex), nil},
		{"update with the same key", &configuration.NetKeyUpdate{NetKey: crypto.Key{1}}, net(0, foundation.CannotUpdate), nil},
		{
			"update", &configuration.NetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.Success),
			func(h *hosttest.Host) bool {
				k := h.Node.Subnet(0)
				return k.Phase == state.FirstPhase && k.Key == crypto.Key{1} && k.NewKey == crypto.Key{11}
			},
		},
		{"update again", &configuration.NetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.Success), nil},
		{"update with another key", &configuration.NetKeyUpdate{NetKey: crypto.Key{12}}, net(0, foundation.CannotUpdate), nil},
		{
			"AppKey", &configuration.AppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.Success),
			func(h *hosttest.Host) bool {
				k := h.Node.AppKey(0)
				return k.Updated && k.NewKey == crypto.Key{13} && k.Key == crypto.Key{3}
			},
		},
		{"AppKey again", &configuration.AppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.Success), nil},
		{"AppKey with another value", &configuration.AppKeyUpdate{AppKey: crypto.Key{14}}, app(0, 0, foundation.CannotUpdate), nil},
		{"AppKey of another subnet", &configuration.AppKeyUpdate{AppKeyIndex: 1}, app(0, 1, foundation.InvalidBinding), nil},
		{"AppKey of an unknown subnet", &configuration.AppKeyUpdate{NetKeyIndex: 3}, app(3, 0, foundation.InvalidNetKeyIndex), nil},
		{"unknown AppKey", &configuration.AppKeyUpdate{AppKeyIndex: 8}, app(0, 8, foundation.InvalidAppKeyIndex), nil},
		{"phase 2", &configuration.KeyRefreshPhaseSet{Transition: 2}, phase(0, foundation.Success, 2), nil},
		{"phase 2 again", &configuration.KeyRefreshPhaseSet{Transition: 2}, phase(0, foundation.Success, 2), nil},
		{"update in phase 2", &configuration.NetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.CannotUpdate), nil},
		{"AppKey in phase 2", &configuration.AppKeyUpdate{AppKey: crypto.Key{13}}, app(0, 0, foundation.CannotUpdate), nil},
		{"phase 3", &configuration.KeyRefreshPhaseSet{Transition: 3}, phase(0, foundation.Success, 0), func(h *hosttest.Host) bool {
			k, a := h.Node.Subnet(0), h.Node.AppKey(0)
			return k.Key == crypto.Key{11} && k.NewKey.IsZero() && a.Key == crypto.Key{13} && !a.Updated && a.NewKey.IsZero()
		}},
	})
	// Two subnets at once: ending one refresh does not end the other.
	play(t, hosttest.New(), []hosttest.Step{
		{"update", &configuration.NetKeyUpdate{NetKey: crypto.Key{11}}, net(0, foundation.Success), nil},
		{"update", &configuration.NetKeyUpdate{NetKeyIndex: 7, NetKey: crypto.Key{12}}, net(7, foundation.Success), nil},
		{"AppKey", &configuration.AppKeyUpdate{NetKeyIndex: 7, AppKeyIndex: 1, AppKey: crypto.Key{14}}, app(7, 1, foundation.Success), nil},
		{"phase 3", &configuration.KeyRefreshPhaseSet{Transition: 3}, phase(0, foundation.Success, 0), func(h *hosttest.Host) bool {
			return h.Node.AppKey(1).Updated && h.Node.AppKey(1).Key == crypto.Key{4} && h.Node.Subnet(7).Phase == state.FirstPhase
		}},
	})
	// From phase 1 directly to the end.
	play(t, hosttest.New(), []hosttest.Step{
		{"update", &configuration.NetKeyUpdate{NetKeyIndex: 7, NetKey: crypto.Key{12}}, net(7, foundation.Success), nil},
		{"phase 3", &configuration.KeyRefreshPhaseSet{NetKeyIndex: 7, Transition: 3}, phase(7, foundation.Success, 0), func(h *hosttest.Host) bool {
			return h.Node.Subnet(7).Key == crypto.Key{12} && h.Node.AppKey(1).Key == crypto.Key{4}
		}},
	})
}
