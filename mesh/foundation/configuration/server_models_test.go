package configuration_test

import (
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestConfigServerBindings(t *testing.T) {
	bind := func(element mesh.Address, index mesh.KeyIndex, id mesh.ModelID, s foundation.Status) (request, answer access.Message) {
		return &configuration.ModelAppBind{ElementAddress: element, AppKeyIndex: index, ModelIdentifier: id},
			&configuration.ModelAppStatus{Status: s, ElementAddress: element, AppKeyIndex: index, ModelIdentifier: id}
	}
	var steps []hosttest.Step
	for _, test := range []struct {
		name    string
		element mesh.Address
		index   mesh.KeyIndex
		id      mesh.ModelID
		status  foundation.Status
	}{
		{"bind", hosttest.First, 0, hosttest.OnOff, foundation.Success},
		{"bind again", hosttest.First, 0, hosttest.OnOff, foundation.Success},
		{"bind a second", hosttest.First, 1, hosttest.OnOff, foundation.Success},
		{"bind a vendor model", hosttest.Second, 1, hosttest.Vendor, foundation.Success},
		{"bind health", hosttest.First, 1, foundation.HealthServerID, foundation.Success},
		{"unknown element", hosttest.Another, 0, hosttest.OnOff, foundation.InvalidAddress},
		{"unknown model", hosttest.First, 0, hosttest.Missing, foundation.InvalidModel},
		{"model of another element", hosttest.First, 0, hosttest.Level, foundation.InvalidModel},
		{"unknown key", hosttest.First, 4, hosttest.OnOff, foundation.InvalidAppKeyIndex},
		{"the Configuration Server itself", hosttest.First, 0, foundation.ConfigurationServerID, foundation.CannotBind},
	} {
		request, answer := bind(test.element, test.index, test.id, test.status)
		steps = append(steps, hosttest.Step{test.name, request, answer, nil})
	}
	h := hosttest.New()
	play(t, h, append(steps,
		hosttest.Step{
			"list", &configuration.SIGModelAppGet{ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff},
			&configuration.SIGModelAppList{ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff, AppKeyIndexes: []mesh.KeyIndex{0, 1}}, nil,
		},
		hosttest.Step{
			"list of an unknown model", &configuration.SIGModelAppGet{ElementAddress: hosttest.First, ModelIdentifier: hosttest.Missing},
			&configuration.SIGModelAppList{Status: foundation.InvalidModel, ElementAddress: hosttest.First, ModelIdentifier: hosttest.Missing}, nil,
		},
		hosttest.Step{
			"vendor list", &configuration.VendorModelAppGet{ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor},
			&configuration.VendorModelAppList{ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor, AppKeyIndexes: []mesh.KeyIndex{1}}, nil,
		},
	))
	h.Model(0, hosttest.OnOff).Publication = state.Publication{Address: 1, AppKey: 1}
	play(t, h, []hosttest.Step{
		{
			"unbind", &configuration.ModelAppUnbind{ElementAddress: hosttest.First, AppKeyIndex: 1, ModelIdentifier: hosttest.OnOff},
			&configuration.ModelAppStatus{ElementAddress: hosttest.First, AppKeyIndex: 1, ModelIdentifier: hosttest.OnOff},
			func(h *hosttest.Host) bool {
				m := h.Model(0, hosttest.OnOff)
				return !m.IsBound(1) && m.IsBound(0) && m.Publication.Address == 0
			},
		},
		{
			"unbind again", &configuration.ModelAppUnbind{ElementAddress: hosttest.First, AppKeyIndex: 1, ModelIdentifier: hosttest.OnOff},
			&configuration.ModelAppStatus{ElementAddress: hosttest.First, AppKeyIndex: 1, ModelIdentifier: hosttest.OnOff}, nil,
		},
	})
}

func TestConfigServerPublication(t *testing.T) {
	h := hosttest.New()
	h.Model(0, hosttest.OnOff).Bindings = []mesh.KeyIndex{0}
	parameters := configuration.PublishParameters{PublishTTL: 5, PublishPeriod: 0x46, PublishRetransmit: 0x21}
	set := func(name string, element, to mesh.Address, id mesh.ModelID, p configuration.PublishParameters, s foundation.Status) hosttest.Step {
		return hosttest.Step{
			name, &configuration.ModelPublicationSet{ElementAddress: element, PublishAddress: to, PublishParameters: p, ModelIdentifier: id},
			&configuration.ModelPublicationStatus{Status: s, ElementAddress: element, PublishAddress: to, PublishParameters: p, ModelIdentifier: id}, nil,
		}
	}
	unbound, friendship := parameters, parameters
	unbound.AppKeyIndex = 1
	friendship.CredentialFlag = true
	status := func(to mesh.Address, p configuration.PublishParameters) access.Message {
		return &configuration.ModelPublicationStatus{ElementAddress: hosttest.First, PublishAddress: to, PublishParameters: p, ModelIdentifier: hosttest.OnOff}
	}
	get := &configuration.ModelPublicationGet{ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff}
	play(t, h, []hosttest.Step{
		{"get", get, status(0, configuration.PublishParameters{}), nil},
		set("set", hosttest.First, 1, hosttest.OnOff, parameters, foundation.Success),
		{"get", get, status(1, parameters), func(h *hosttest.Host) bool {
			p := h.Model(0, hosttest.OnOff).Publication
			return p == state.Publication{Address: 1, TTL: 5, Period: 0x46, Retransmit: 0x21}
		}},
		set("unknown element", hosttest.Another, 1, hosttest.OnOff, parameters, foundation.InvalidAddress),
		set("unknown model", hosttest.Second, 1, hosttest.OnOff, parameters, foundation.InvalidModel),
		set("key not bound", hosttest.First, 1, hosttest.OnOff, unbound, foundation.InvalidAppKeyIndex),
		set("friendship", hosttest.First, 1, hosttest.OnOff, friendship, foundation.FeatureNotSupported),
		set("the Configuration Server itself", hosttest.First, 1, foundation.ConfigurationServerID, parameters, foundation.InvalidPublishParameters),
		{"virtual address", &configuration.ModelPublicationSet{ElementAddress: hosttest.First, PublishAddress: 0x8000, ModelIdentifier: hosttest.OnOff}, nil, nil},
		{"unchanged after the refusals", get, status(1, parameters), nil},
		{
			"label", &configuration.ModelPublicationVirtualAddressSet{ElementAddress: hosttest.First, PublishAddress: label, PublishParameters: parameters, ModelIdentifier: hosttest.OnOff},
			status(crypto.VirtualAddress(label), parameters), func(h *hosttest.Host) bool { return h.Model(0, hosttest.OnOff).Publication.Label == label },
		},
		{
			"off", &configuration.ModelPublicationSet{ElementAddress: hosttest.First, PublishParameters: parameters, ModelIdentifier: hosttest.OnOff},
			status(0, configuration.PublishParameters{}), func(h *hosttest.Host) bool { return h.Model(0, hosttest.OnOff).Publication == state.Publication{} },
		},
		{
			"get of an unknown element", &configuration.ModelPublicationGet{ElementAddress: hosttest.Another, ModelIdentifier: hosttest.OnOff},
			&configuration.ModelPublicationStatus{Status: foundation.InvalidAddress, ElementAddress: hosttest.Another, ModelIdentifier: hosttest.OnOff}, nil,
		},
	})
}

func TestConfigServerSubscriptions(t *testing.T) {
	virtual, other := crypto.VirtualAddress(label), crypto.VirtualAddress(otherLabel)
	status := func(s foundation.Status, element, a mesh.Address, id mesh.ModelID) access.Message {
		return &configuration.ModelSubscriptionStatus{Status: s, ElementAddress: element, Address: a, ModelIdentifier: id}
	}
	add := func(name string, element, a mesh.Address, id mesh.ModelID, s foundation.Status) hosttest.Step {
		return hosttest.Step{name, &configuration.ModelSubscriptionAdd{ElementAddress: element, Address: a, ModelIdentifier: id}, status(s, element, a, id), nil}
	}
	has := func(want ...mesh.Address) func(*hosttest.Host) bool {
		return func(h *hosttest.Host) bool { return slices.Equal(h.Model(0, hosttest.OnOff).Subscriptions, want) }
	}
	list := func(want ...mesh.Address) hosttest.Step {
		slices.Sort(want)
		return hosttest.Step{
			"list", &configuration.SIGModelSubscriptionGet{ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff},
			&configuration.SIGModelSubscriptionList{ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff, Addresses: want}, nil,
		}
	}
	ok := func(a mesh.Address) access.Message {
		return status(foundation.Success, hosttest.First, a, hosttest.OnOff)
	}
	play(t, hosttest.New(), []hosttest.Step{
		add("add", hosttest.First, 0xC001, hosttest.OnOff, foundation.Success),
		add("add again", hosttest.First, 0xC001, hosttest.OnOff, foundation.Success),
		add("add a second", hosttest.First, 0xC002, hosttest.OnOff, foundation.Success),
		add("all proxies", hosttest.First, mesh.AllProxies, hosttest.OnOff, foundation.Success),
		add("all nodes", hosttest.First, mesh.AllNodes, hosttest.OnOff, foundation.InvalidAddress),
		add("unassigned", hosttest.First, mesh.Unassigned, hosttest.OnOff, foundation.InvalidAddress),
		add("unicast", hosttest.First, 0x0001, hosttest.OnOff, foundation.InvalidAddress),
		add("virtual", hosttest.First, 0x8001, hosttest.OnOff, foundation.InvalidAddress),
		add("unknown element", hosttest.Another, 0xC001, hosttest.OnOff, foundation.InvalidAddress),
		add("unknown model", hosttest.First, 0xC001, hosttest.Missing, foundation.InvalidModel),
		add("the Configuration Server itself", hosttest.First, 0xC001, foundation.ConfigurationServerID, foundation.NotASubscribeModel),
		list(0xC001, 0xC002, mesh.AllProxies),
		{"delete", &configuration.ModelSubscriptionDelete{ElementAddress: hosttest.First, Address: 0xC001, ModelIdentifier: hosttest.OnOff}, ok(0xC001), has(0xC002, mesh.AllProxies)},
		{"delete again", &configuration.ModelSubscriptionDelete{ElementAddress: hosttest.First, Address: 0xC001, ModelIdentifier: hosttest.OnOff}, ok(0xC001), nil},
		{
			"label", &configuration.ModelSubscriptionVirtualAddressAdd{ElementAddress: hosttest.First, Label: label, ModelIdentifier: hosttest.OnOff}, ok(virtual),
			func(h *hosttest.Host) bool {
				return slices.Equal(h.Model(0, hosttest.OnOff).Labels, []mesh.UUID{label})
			},
		},
		{"label again", &configuration.ModelSubscriptionVirtualAddressAdd{ElementAddress: hosttest.First, Label: label, ModelIdentifier: hosttest.OnOff}, ok(virtual), nil},
		{"second label", &configuration.ModelSubscriptionVirtualAddressAdd{ElementAddress: hosttest.First, Label: otherLabel, ModelIdentifier: hosttest.OnOff}, ok(other), nil},
		list(0xC002, mesh.AllProxies, virtual, other),
		{
			"delete label", &configuration.ModelSubscriptionVirtualAddressDelete{ElementAddress: hosttest.First, Label: label, ModelIdentifier: hosttest.OnOff}, ok(virtual),
			func(h *hosttest.Host) bool {
				return slices.Equal(h.Model(0, hosttest.OnOff).Labels, []mesh.UUID{otherLabel})
			},
		},
		{"delete label again", &configuration.ModelSubscriptionVirtualAddressDelete{ElementAddress: hosttest.First, Label: label, ModelIdentifier: hosttest.OnOff}, ok(virtual), nil},
		list(0xC002, mesh.AllProxies, other),
		{
			"overwrite", &configuration.ModelSubscriptionOverwrite{ElementAddress: hosttest.First, Address: 0xC005, ModelIdentifier: hosttest.OnOff}, ok(0xC005),
			func(h *hosttest.Host) bool { return has(0xC005)(h) && h.Model(0, hosttest.OnOff).Labels == nil },
		},
		{
			"overwrite with unicast", &configuration.ModelSubscriptionOverwrite{ElementAddress: hosttest.First, Address: 5, ModelIdentifier: hosttest.OnOff},
			status(foundation.InvalidAddress, hosttest.First, 5, hosttest.OnOff), has(0xC005),
		},
		{"overwrite with label", &configuration.ModelSubscriptionVirtualAddressOverwrite{ElementAddress: hosttest.First, Label: label, ModelIdentifier: hosttest.OnOff}, ok(virtual), has(virtual)},
		{
			"delete all", &configuration.ModelSubscriptionDeleteAll{ElementAddress: hosttest.First, ModelIdentifier: hosttest.OnOff}, ok(0),
			func(h *hosttest.Host) bool { return has()(h) && h.Model(0, hosttest.OnOff).Labels == nil },
		},
		{"vendor", &configuration.ModelSubscriptionAdd{ElementAddress: hosttest.Second, Address: 0xC001, ModelIdentifier: hosttest.Vendor}, status(0, hosttest.Second, 0xC001, hosttest.Vendor), nil},
		{
			"vendor list", &configuration.VendorModelSubscriptionGet{ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor},
			&configuration.VendorModelSubscriptionList{ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor, Addresses: []mesh.Address{0xC001}}, nil,
		},
		{
			"list of an unknown model", &configuration.SIGModelSubscriptionGet{ElementAddress: hosttest.First, ModelIdentifier: hosttest.Missing},
			&configuration.SIGModelSubscriptionList{Status: foundation.InvalidModel, ElementAddress: hosttest.First, ModelIdentifier: hosttest.Missing}, nil,
		},
	})
}
