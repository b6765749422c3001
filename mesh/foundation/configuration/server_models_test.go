package foundation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestConfigServerBindings(t *testing.T) {
	bind := func(element mesh.Address, index mesh.KeyIndex, id mesh.ModelID, s foundation.Status) (request, answer access.Message) {
		return &foundation.ConfigModelAppBind{ElementAddress: element, AppKeyIndex: index, ModelIdentifier: id},
			&foundation.ConfigModelAppStatus{Status: s, ElementAddress: element, AppKeyIndex: index, ModelIdentifier: id}
	}
	var steps []step
	for _, test := range []struct {
		name    string
		element mesh.Address
		index   mesh.KeyIndex
		id      mesh.ModelID
		status  foundation.Status
	}{
		{"bind", first, 0, onOff, foundation.Success},
		{"bind again", first, 0, onOff, foundation.Success},
		{"bind a second", first, 1, onOff, foundation.Success},
		{"bind a vendor model", second, 1, vendor, foundation.Success},
		{"bind health", first, 1, foundation.HealthServerID, foundation.Success},
		{"no such element", another, 0, onOff, foundation.InvalidAddress},
		{"no such model", first, 0, missing, foundation.InvalidModel},
		{"model of another element", first, 0, level, foundation.InvalidModel},
		{"no such key", first, 4, onOff, foundation.InvalidAppKeyIndex},
		{"the server itself", first, 0, foundation.ConfigurationServerID, foundation.CannotBind},
	} {
		request, answer := bind(test.element, test.index, test.id, test.status)
		steps = append(steps, step{test.name, request, answer, nil})
	}
	h := newHost()
	play(t, h, append(steps,
		step{
			"list", &foundation.ConfigSIGModelAppGet{ElementAddress: first, ModelIdentifier: onOff},
			&foundation.ConfigSIGModelAppList{ElementAddress: first, ModelIdentifier: onOff, AppKeyIndexes: []mesh.KeyIndex{0, 1}}, nil,
		},
		step{
			"list of nothing", &foundation.ConfigSIGModelAppGet{ElementAddress: first, ModelIdentifier: missing},
			&foundation.ConfigSIGModelAppList{Status: foundation.InvalidModel, ElementAddress: first, ModelIdentifier: missing}, nil,
		},
		step{
			"vendor list", &foundation.ConfigVendorModelAppGet{ElementAddress: second, ModelIdentifier: vendor},
			&foundation.ConfigVendorModelAppList{ElementAddress: second, ModelIdentifier: vendor, AppKeyIndexes: []mesh.KeyIndex{1}}, nil,
		},
	))
	h.model(0, onOff).Publication = state.Publication{Address: 1, AppKey: 1}
	play(t, h, []step{
		{
			"unbind", &foundation.ConfigModelAppUnbind{ElementAddress: first, AppKeyIndex: 1, ModelIdentifier: onOff},
			&foundation.ConfigModelAppStatus{ElementAddress: first, AppKeyIndex: 1, ModelIdentifier: onOff},
			func(h *host) bool {
				m := h.model(0, onOff)
				return !m.IsBound(1) && m.IsBound(0) && m.Publication.Address == 0
			},
		},
		{
			"unbind again", &foundation.ConfigModelAppUnbind{ElementAddress: first, AppKeyIndex: 1, ModelIdentifier: onOff},
			&foundation.ConfigModelAppStatus{ElementAddress: first, AppKeyIndex: 1, ModelIdentifier: onOff}, nil,
		},
	})
}

func TestConfigServerPublication(t *testing.T) {
	h := newHost()
	h.model(0, onOff).Bindings = []mesh.KeyIndex{0}
	parameters := foundation.PublishParameters{PublishTTL: 5, PublishPeriod: 0x46, PublishRetransmit: 0x21}
	set := func(name string, element, to mesh.Address, id mesh.ModelID, p foundation.PublishParameters, s foundation.Status) step {
		return step{
			name, &foundation.ConfigModelPublicationSet{ElementAddress: element, PublishAddress: to, PublishParameters: p, ModelIdentifier: id},
			&foundation.ConfigModelPublicationStatus{Status: s, ElementAddress: element, PublishAddress: to, PublishParameters: p, ModelIdentifier: id}, nil,
		}
	}
	unbound, friendship := parameters, parameters
	unbound.AppKeyIndex = 1
	friendship.CredentialFlag = true
	status := func(to mesh.Address, p foundation.PublishParameters) access.Message {
		return &foundation.ConfigModelPublicationStatus{ElementAddress: first, PublishAddress: to, PublishParameters: p, ModelIdentifier: onOff}
	}
	get := &foundation.ConfigModelPublicationGet{ElementAddress: first, ModelIdentifier: onOff}
	play(t, h, []step{
		{"get", get, status(0, foundation.PublishParameters{}), nil},
		set("set", first, 1, onOff, parameters, foundation.Success),
		{"get", get, status(1, parameters), func(h *host) bool {
			p := h.model(0, onOff).Publication
			return p == state.Publication{Address: 1, TTL: 5, Period: 0x46, Retransmit: 0x21}
		}},
		set("no such element", another, 1, onOff, parameters, foundation.InvalidAddress),
		set("no such model", second, 1, onOff, parameters, foundation.InvalidModel),
		set("key not bound", first, 1, onOff, unbound, foundation.InvalidAppKeyIndex),
		set("friendship", first, 1, onOff, friendship, foundation.FeatureNotSupported),
		set("server itself", first, 1, foundation.ConfigurationServerID, parameters, foundation.InvalidPublishParameters),
		{"virtual address", &foundation.ConfigModelPublicationSet{ElementAddress: first, PublishAddress: 0x8000, ModelIdentifier: onOff}, nil, nil},
		{"unchanged by all that", get, status(1, parameters), nil},
		{
			"label", &foundation.ConfigModelPublicationVirtualAddressSet{ElementAddress: first, PublishAddress: label, PublishParameters: parameters, ModelIdentifier: onOff},
			status(crypto.VirtualAddress(label), parameters), func(h *host) bool { return h.model(0, onOff).Publication.Label == label },
		},
		{
			"off", &foundation.ConfigModelPublicationSet{ElementAddress: first, PublishParameters: parameters, ModelIdentifier: onOff},
			status(0, foundation.PublishParameters{}), func(h *host) bool { return h.model(0, onOff).Publication == state.Publication{} },
		},
		{
			"get of nothing", &foundation.ConfigModelPublicationGet{ElementAddress: another, ModelIdentifier: onOff},
			&foundation.ConfigModelPublicationStatus{Status: foundation.InvalidAddress, ElementAddress: another, ModelIdentifier: onOff}, nil,
		},
	})
}

func TestConfigServerSubscriptions(t *testing.T) {
	virtual, other := crypto.VirtualAddress(label), crypto.VirtualAddress(otherLabel)
	status := func(s foundation.Status, element, a mesh.Address, id mesh.ModelID) access.Message {
		return &foundation.ConfigModelSubscriptionStatus{Status: s, ElementAddress: element, Address: a, ModelIdentifier: id}
	}
	add := func(name string, element, a mesh.Address, id mesh.ModelID, s foundation.Status) step {
		return step{name, &foundation.ConfigModelSubscriptionAdd{ElementAddress: element, Address: a, ModelIdentifier: id}, status(s, element, a, id), nil}
	}
	has := func(want ...mesh.Address) func(*host) bool {
		return func(h *host) bool { return slices.Equal(h.model(0, onOff).Subscriptions, want) }
	}
	list := func(want ...mesh.Address) step {
		slices.Sort(want)
		return step{
			"list", &foundation.ConfigSIGModelSubscriptionGet{ElementAddress: first, ModelIdentifier: onOff},
			&foundation.ConfigSIGModelSubscriptionList{ElementAddress: first, ModelIdentifier: onOff, Addresses: want}, nil,
		}
	}
	ok := func(a mesh.Address) access.Message { return status(foundation.Success, first, a, onOff) }
	play(t, newHost(), []step{
		add("add", first, 0xC001, onOff, foundation.Success),
		add("add again", first, 0xC001, onOff, foundation.Success),
		add("add a second", first, 0xC002, onOff, foundation.Success),
		add("all proxies", first, mesh.AllProxies, onOff, foundation.Success),
		add("all nodes", first, mesh.AllNodes, onOff, foundation.InvalidAddress),
		add("unassigned", first, mesh.Unassigned, onOff, foundation.InvalidAddress),
		add("unicast", first, 0x0001, onOff, foundation.InvalidAddress),
		add("virtual", first, 0x8001, onOff, foundation.InvalidAddress),
		add("no such element", another, 0xC001, onOff, foundation.InvalidAddress),
		add("no such model", first, 0xC001, missing, foundation.InvalidModel),
		add("server itself", first, 0xC001, foundation.ConfigurationServerID, foundation.NotASubscribeModel),
		list(0xC001, 0xC002, mesh.AllProxies),
		{"delete", &foundation.ConfigModelSubscriptionDelete{ElementAddress: first, Address: 0xC001, ModelIdentifier: onOff}, ok(0xC001), has(0xC002, mesh.AllProxies)},
		{"delete again", &foundation.ConfigModelSubscriptionDelete{ElementAddress: first, Address: 0xC001, ModelIdentifier: onOff}, ok(0xC001), nil},
		{
			"label", &foundation.ConfigModelSubscriptionVirtualAddressAdd{ElementAddress: first, Label: label, ModelIdentifier: onOff}, ok(virtual),
			func(h *host) bool { return slices.Equal(h.model(0, onOff).Labels, []mesh.UUID{label}) },
		},
		{"label again", &foundation.ConfigModelSubscriptionVirtualAddressAdd{ElementAddress: first, Label: label, ModelIdentifier: onOff}, ok(virtual), nil},
		{"second label", &foundation.ConfigModelSubscriptionVirtualAddressAdd{ElementAddress: first, Label: otherLabel, ModelIdentifier: onOff}, ok(other), nil},
		list(0xC002, mesh.AllProxies, virtual, other),
		{
			"delete label", &foundation.ConfigModelSubscriptionVirtualAddressDelete{ElementAddress: first, Label: label, ModelIdentifier: onOff}, ok(virtual),
			func(h *host) bool { return slices.Equal(h.model(0, onOff).Labels, []mesh.UUID{otherLabel}) },
		},
		{"delete label again", &foundation.ConfigModelSubscriptionVirtualAddressDelete{ElementAddress: first, Label: label, ModelIdentifier: onOff}, ok(virtual), nil},
		list(0xC002, mesh.AllProxies, other),
		{
			"overwrite", &foundation.ConfigModelSubscriptionOverwrite{ElementAddress: first, Address: 0xC005, ModelIdentifier: onOff}, ok(0xC005),
			func(h *host) bool { return has(0xC005)(h) && h.model(0, onOff).Labels == nil },
		},
		{
			"overwrite with unicast", &foundation.ConfigModelSubscriptionOverwrite{ElementAddress: first, Address: 5, ModelIdentifier: onOff},
			status(foundation.InvalidAddress, first, 5, onOff), has(0xC005),
		},
		{"overwrite with label", &foundation.ConfigModelSubscriptionVirtualAddressOverwrite{ElementAddress: first, Label: label, ModelIdentifier: onOff}, ok(virtual), has(virtual)},
		{
			"delete all", &foundation.ConfigModelSubscriptionDeleteAll{ElementAddress: first, ModelIdentifier: onOff}, ok(0),
			func(h *host) bool { return has()(h) && h.model(0, onOff).Labels == nil },
		},
		{"vendor", &foundation.ConfigModelSubscriptionAdd{ElementAddress: second, Address: 0xC001, ModelIdentifier: vendor}, status(0, second, 0xC001, vendor), nil},
		{
			"vendor list", &foundation.ConfigVendorModelSubscriptionGet{ElementAddress: second, ModelIdentifier: vendor},
			&foundation.ConfigVendorModelSubscriptionList{ElementAddress: second, ModelIdentifier: vendor, Addresses: []mesh.Address{0xC001}}, nil,
		},
		{
			"list of nothing", &foundation.ConfigSIGModelSubscriptionGet{ElementAddress: first, ModelIdentifier: missing},
			&foundation.ConfigSIGModelSubscriptionList{Status: foundation.InvalidModel, ElementAddress: first, ModelIdentifier: missing}, nil,
		},
	})
}

func TestHealthServer(t *testing.T) {
	health := foundation.NewHealth(0xFFFF)
	b := servertest.New(t, health.Model())
	none := &foundation.HealthFaultStatus{CompanyID: 0xFFFF}
	play := func(name string, send, want access.Message) {
		t.Helper()
		got := b.Send(send)
		if want == nil {
			if got != nil {
				t.Errorf("%s: answered with %+v", name, got)
			}
			return
		}
		octets, _ := access.Append(nil, want)
		if got == nil {
			t.Errorf("%s: no answer", name)
		} else if said, _ := access.Append(nil, got); !slices.Equal(said, octets) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	play("faults", &foundation.HealthFaultGet{CompanyID: 0xFFFF}, none)
	play("faults of another company", &foundation.HealthFaultGet{CompanyID: 1}, nil)
	play("clear", &foundation.HealthFaultClear{CompanyID: 0xFFFF}, none)
	play("test", &foundation.HealthFaultTest{TestID: 3, CompanyID: 0xFFFF}, &foundation.HealthFaultStatus{TestID: 3, CompanyID: 0xFFFF})
	play("test of another company", &foundation.HealthFaultTest{TestID: 4, CompanyID: 1}, nil)
	play("faults", &foundation.HealthFaultGet{CompanyID: 0xFFFF}, &foundation.HealthFaultStatus{TestID: 3, CompanyID: 0xFFFF})
	play("period", &foundation.HealthPeriodSet{FastPeriodDivisor: 4}, &foundation.HealthPeriodStatus{FastPeriodDivisor: 4})
	play("period", &foundation.HealthPeriodGet{}, &foundation.HealthPeriodStatus{FastPeriodDivisor: 4})
	play("attention", &foundation.HealthAttentionSet{Attention: 10}, &foundation.HealthAttentionStatus{Attention: 10})
	b.Pass(6500 * time.Millisecond)
	play("attention runs out", &foundation.HealthAttentionGet{}, &foundation.HealthAttentionStatus{Attention: 4})
	b.Pass(4 * time.Second)
	play("attention is over", &foundation.HealthAttentionGet{}, &foundation.HealthAttentionStatus{})

	state := health.State()
	again := foundation.NewHealth(0xFFFF)
	if err := again.Restore(state); err != nil {
		t.Fatal(err)
	}
	b = servertest.New(t, again.Model())
	play("period after a restart", &foundation.HealthPeriodGet{}, &foundation.HealthPeriodStatus{FastPeriodDivisor: 4})
	b.Periodic(again.Model())
	if p := b.Publications(); len(p) != 1 || p[0].Message.Opcode() != foundation.OpHealthCurrentStatus {
		t.Errorf("published %+v", p)
	}
	if again.Restore([]byte("x")) == nil {
		t.Error("nonsense was restored without an error")
	}
}
