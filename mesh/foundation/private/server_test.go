package foundation_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

func TestSARServer(t *testing.T) {
	h, s := newHost(), foundation.NewSARServer()
	s.Attach(h)
	transmitter := transport.Transmitter{SegmentIntervalStep: 9, UnicastRetransmissions: 7}
	receiver := transport.Receiver{SegmentsThreshold: 31, AckDelayIncrement: 7}
	playOn(t, h, s, []step{
		{"transmitter get", &foundation.SARTransmitterGet{}, &foundation.SARTransmitterStatus{Transmitter: transport.DefaultTransmitter()}, nil},
		{
			"transmitter set", &foundation.SARTransmitterSet{Transmitter: transmitter}, &foundation.SARTransmitterStatus{Transmitter: transmitter},
			func(h *host) bool { return *h.node.SARTransmitter == transmitter },
		},
		{"receiver get", &foundation.SARReceiverGet{}, &foundation.SARReceiverStatus{Receiver: transport.DefaultReceiver()}, nil},
		{
			"receiver set", &foundation.SARReceiverSet{Receiver: receiver}, &foundation.SARReceiverStatus{Receiver: receiver},
			func(h *host) bool { return *h.node.SARReceiver == receiver },
		},
	})
}

// advertiser is a host that can advertise, and knows who solicited it.
type advertiser struct {
	*host
	running   map[mesh.KeyIndex]bool
	forgotten []foundation.AddressRange
}

func (a *advertiser) PrivateNodeIdentity(subnet mesh.KeyIndex) state.Feature {
	if a.running[subnet] {
		return state.Enabled
	}
	return state.Disabled
}

func (a *advertiser) SetPrivateNodeIdentity(subnet mesh.KeyIndex, running bool) {
	a.running[subnet] = running
}

func (a *advertiser) ClearSolicitations(first mesh.Address, count int) {
	a.forgotten = append(a.forgotten, foundation.AddressRange{RangeStart: first, RangeLength: uint8(count)})
}

func TestPrivateBeaconServer(t *testing.T) {
	h, s := newHost(), foundation.NewPrivateBeaconServer()
	s.Attach(h)
	unsupported := &foundation.PrivateGATTProxyStatus{PrivateGATTProxy: state.Unsupported}
	playOn(t, h, s, []step{
		{"get", &foundation.PrivateBeaconGet{}, &foundation.PrivateBeaconStatus{}, nil},
		{
			"set both", &foundation.PrivateBeaconSet{PrivateBeacon: true, HasRandomUpdateInterval: true, RandomUpdateIntervalSteps: 6},
			&foundation.PrivateBeaconStatus{PrivateBeacon: true, RandomUpdateIntervalSteps: 6},
			func(h *host) bool { return h.node.PrivateBeacon == state.PrivateBeacon{Enabled: true, Steps: 6} },
		},
		{"the interval stays", &foundation.PrivateBeaconSet{}, &foundation.PrivateBeaconStatus{RandomUpdateIntervalSteps: 6}, nil},
		{"no proxy", &foundation.PrivateGATTProxyGet{}, unsupported, nil},
		{
			"no proxy to set", &foundation.PrivateGATTProxySet{PrivateGATTProxy: state.Enabled}, unsupported,
			func(h *host) bool { return h.node.PrivateProxy == state.Disabled },
		},
		{
			"identity of a host that does not advertise", &foundation.PrivateNodeIdentitySet{NetKeyIndex: 7, PrivateNodeIdentity: state.Enabled},
			&foundation.PrivateNodeIdentityStatus{Status: foundation.FeatureNotSupported, NetKeyIndex: 7, PrivateNodeIdentity: state.Unsupported}, nil,
		},
		{
			"identity of another subnet", &foundation.PrivateNodeIdentityGet{NetKeyIndex: 8},
			&foundation.PrivateNodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8, PrivateNodeIdentity: state.Unsupported}, nil,
		},
	})

	h.node.Proxy = state.Enabled
	a := &advertiser{host: h, running: map[mesh.KeyIndex]bool{}}
	s.Attach(a)
	playOn(t, h, s, []step{
		{
			"proxy", &foundation.PrivateGATTProxySet{PrivateGATTProxy: state.Enabled}, &foundation.PrivateGATTProxyStatus{PrivateGATTProxy: state.Enabled},
			func(h *host) bool { return h.node.PrivateProxy == state.Enabled },
		},
		{
			"identity", &foundation.PrivateNodeIdentitySet{NetKeyIndex: 7, PrivateNodeIdentity: state.Enabled},
			&foundation.PrivateNodeIdentityStatus{NetKeyIndex: 7, PrivateNodeIdentity: state.Enabled},
			func(*host) bool { return a.running[7] && !a.running[0] },
		},
	})
}

func TestOnDemandAndSolicitationServers(t *testing.T) {
	h, s := newHost(), foundation.NewOnDemandProxyServer()
	s.Attach(h)
	playOn(t, h, s, []step{
		{"no proxy", &foundation.OnDemandPrivateProxySet{Duration: 5}, &foundation.OnDemandPrivateProxyStatus{}, nil},
	})
	h.node.Proxy = state.Disabled
	playOn(t, h, s, []step{
		{
			"set", &foundation.OnDemandPrivateProxySet{Duration: 5}, &foundation.OnDemandPrivateProxyStatus{Duration: 5},
			func(h *host) bool { return h.node.OnDemandProxy == 5 },
		},
		{"get", &foundation.OnDemandPrivateProxyGet{}, &foundation.OnDemandPrivateProxyStatus{Duration: 5}, nil},
	})

	forget, a := foundation.NewSolicitationServer(), &advertiser{host: h}
	forget.Attach(a)
	r := foundation.AddressRange{RangeStart: 0x0100, RangeLength: 3}
	items := foundation.SolicitationPDURPLItemsClear{AddressRange: r}
	playOn(t, h, forget, []step{
		{"clear", &items, &foundation.SolicitationPDURPLItemsStatus{AddressRange: r}, nil},
		{"clear unacknowledged", &foundation.SolicitationPDURPLItemsClearUnacknowledged{SolicitationPDURPLItemsClear: items}, nil, nil},
	})
	if !slices.Equal(a.forgotten, []foundation.AddressRange{r, r}) {
		t.Errorf("forgotten: %v", a.forgotten)
	}
}

func TestBridgeServer(t *testing.T) {
	h, s := newHost(), foundation.NewBridgeServer()
	s.Attach(h)
	subnets := foundation.BridgedSubnets{NetKeyIndex1: 0, NetKeyIndex2: 7}
	other := foundation.BridgedSubnets{NetKeyIndex1: 0, NetKeyIndex2: 8}
	add := func(a1, a2 mesh.Address, d foundation.BridgeDirections) *foundation.BridgingTableAdd {
		return &foundation.BridgingTableAdd{Directions: d, BridgedSubnets: subnets, Address1: a1, Address2: a2}
	}
	table := func(start uint16, list ...foundation.BridgedAddresses) *foundation.BridgingTableList {
		return &foundation.BridgingTableList{BridgedSubnets: subnets, StartIndex: start, BridgedAddresses: list}
	}
	playOn(t, h, s, []step{
		{"set", &foundation.SubnetBridgeSet{SubnetBridge: true}, &foundation.SubnetBridgeStatus{SubnetBridge: true}, func(h *host) bool { return h.node.Bridge.Enabled }},
		{"size", &foundation.BridgingTableSizeGet{}, &foundation.BridgingTableSizeStatus{BridgingTableSize: foundation.MaxBridgingTable}, nil},
		{
			"add", add(1, 2, foundation.BridgeBothWay),
			&foundation.BridgingTableStatus{Directions: foundation.BridgeBothWay, BridgedSubnets: subnets, Address1: 1, Address2: 2},
			func(h *host) bool { return len(h.node.Bridge.Table) == 1 && h.node.Bridge.Table[0].BothWays },
		},
		{
			"replace", add(1, 2, foundation.BridgeOneWay),
			&foundation.BridgingTableStatus{Directions: foundation.BridgeOneWay, BridgedSubnets: subnets, Address1: 1, Address2: 2},
			func(h *host) bool { return len(h.node.Bridge.Table) == 1 && !h.node.Bridge.Table[0].BothWays },
		},
		{
			"add a group", add(3, 0xC000, foundation.BridgeOneWay),
			&foundation.BridgingTableStatus{Directions: foundation.BridgeOneWay, BridgedSubnets: subnets, Address1: 3, Address2: 0xC000}, nil,
		},
		{
			"another subnet", &foundation.BridgingTableAdd{Directions: foundation.BridgeOneWay, BridgedSubnets: other, Address1: 1, Address2: 2},
			&foundation.BridgingTableStatus{Status: foundation.InvalidNetKeyIndex, Directions: foundation.BridgeOneWay, BridgedSubnets: other, Address1: 1, Address2: 2}, nil,
		},
		{"list", &foundation.BridgingTableGet{BridgedSubnets: subnets}, table(0, foundation.BridgedAddresses{Address1: 1, Address2: 2, Directions: 1}, foundation.BridgedAddresses{Address1: 3, Address2: 0xC000, Directions: 1}), nil},
		{"list from 1", &foundation.BridgingTableGet{BridgedSubnets: subnets, StartIndex: 1}, table(1, foundation.BridgedAddresses{Address1: 3, Address2: 0xC000, Directions: 1}), nil},
		{"list of another subnet", &foundation.BridgingTableGet{BridgedSubnets: other}, &foundation.BridgingTableList{Status: foundation.InvalidNetKeyIndex, BridgedSubnets: other}, nil},
		{"subnets", &foundation.BridgedSubnetsGet{Filter: foundation.BridgeSecond, NetKeyIndex: 7}, &foundation.BridgedSubnetsList{Filter: foundation.BridgeSecond, NetKeyIndex: 7, BridgedSubnets: []foundation.BridgedSubnets{subnets}}, nil},
		{"no subnets", &foundation.BridgedSubnetsGet{Filter: foundation.BridgeFirst, NetKeyIndex: 7}, &foundation.BridgedSubnetsList{Filter: foundation.BridgeFirst, NetKeyIndex: 7}, nil},
		{
			"remove by one address", &foundation.BridgingTableRemove{BridgedSubnets: subnets, Address2: 0xC000},
			&foundation.BridgingTableStatus{BridgedSubnets: subnets, Address2: 0xC000},
			func(h *host) bool { return len(h.node.Bridge.Table) == 1 && h.node.Bridge.Table[0].Address1 == 1 },
		},
	})
	for i := range mesh.Address(foundation.MaxBridgingTable - 1) {
		servertest.New(t, s).Send(add(100+i, 2, foundation.BridgeOneWay))
	}
	full, ok := servertest.New(t, s).Send(add(500, 2, foundation.BridgeOneWay)).(*foundation.BridgingTableStatus)
	if !ok || full.Status != foundation.InsufficientResources || len(h.node.Bridge.Table) != foundation.MaxBridgingTable {
		t.Errorf("%+v with %d entries", full, len(h.node.Bridge.Table))
	}
	h.node.DropSubnet(7)
	if len(h.node.Bridge.Table) != 0 {
		t.Errorf("entries of a deleted subnet: %+v", h.node.Bridge.Table)
	}
}

func TestLargeServer(t *testing.T) {
	h := newHost()
	h.node.Elements[1].Models = append(h.node.Elements[1].Models, make([]state.Model, 250)...)
	for i := range h.node.Elements[1].Models[2:] {
		h.node.Elements[1].Models[2+i].ID = mesh.SIGModel(0x2000 + uint16(i))
	}
	config := foundation.NewConfigServer(foundation.Product{CompanyID: 0xFFFF})
	config.Attach(h)
	metadata := foundation.Metadata{Elements: []foundation.ElementMetadata{{
		SIGModels: []foundation.ModelMetadata{{Model: onOff, Entries: []foundation.MetadataEntry{{ID: 1, Data: bytes.Repeat([]byte{7}, 600)}}}},
	}}}
	s := foundation.NewLargeServer(config, metadata)
	s.Attach(h)
	b := servertest.New(t, s)

	var page []byte
	for parts := 0; ; parts++ {
		m, ok := b.Send(&foundation.LargeCompositionDataGet{Offset: uint16(len(page))}).(*foundation.LargeCompositionDataStatus)
		if !ok || parts > 3 {
			t.Fatalf("%+v after %d parts", m, parts)
		}
		page = append(page, m.Data...)
		if len(page) == int(m.TotalSize) {
			break
		}
	}
	c, err := foundation.ParseComposition(page)
	if err != nil || len(c.Elements) != 2 || len(c.Elements[1].Models) != 252 {
		t.Errorf("%+v, %v", c, err)
	}

	page = page[:0]
	for {
		m, ok := b.Send(&foundation.ModelsMetadataGet{Page: 128, Offset: uint16(len(page))}).(*foundation.ModelsMetadataStatus)
		if !ok || m.Page != 0 {
			t.Fatalf("%+v", m)
		}
		page = append(page, m.Data...)
		if len(m.Data) == 0 || len(page) == int(m.TotalSize) {
			break
		}
	}
	var again foundation.Metadata
	if err := access.DecodePart(page, &again); err != nil || len(again.Elements) != 1 || !bytes.Equal(again.Elements[0].SIGModels[0].Entries[0].Data, metadata.Elements[0].SIGModels[0].Entries[0].Data) {
		t.Errorf("%+v, %v", again, err)
	}
	beyond, ok := b.Send(&foundation.ModelsMetadataGet{Offset: 0xFFFF}).(*foundation.ModelsMetadataStatus)
	if !ok || len(beyond.Data) != 0 || int(beyond.TotalSize) != len(page) {
		t.Errorf("%+v", beyond)
	}
}

// dispatcher is a host whose models answer Beacon Get, take a Health Fault
// Clear Unacknowledged, and know nothing else.
type dispatcher struct {
	*host
	got []mesh.Opcode
	big bool
}

func (d *dispatcher) DispatchItem(_ *access.Incoming, element mesh.Address, op mesh.Opcode, _ []byte) (access.Message, foundation.AggregatorStatus) {
	d.got = append(d.got, op)
	switch {
	case d.big:
		return &foundation.LargeCompositionDataStatus{Data: make([]byte, 200)}, foundation.AggregatorSuccess
	case op == foundation.OpConfigBeaconGet && element == first:
		return &foundation.ConfigBeaconStatus{Beacon: true}, foundation.AggregatorSuccess
	case op == foundation.OpHealthFaultClearUnacknowledged:
		return nil, foundation.AggregatorSuccess
	}
	return nil, foundation.AggregatorWrongOpcode
}

func TestAggregatorServer(t *testing.T) {
	d, s := &dispatcher{host: newHost()}, foundation.NewAggregatorServer()
	s.Attach(d)
	get, quiet, unknown := []byte{0x80, 0x09}, []byte{0x80, 0x30, 1, 0}, []byte{0x82, 0x01}
	answered := []byte{0x80, 0x0B, 1}
	sequence := func(items ...[]byte) *foundation.OpcodesAggregatorSequence {
		return &foundation.OpcodesAggregatorSequence{ElementAddress: first, Items: items}
	}
	status := func(s foundation.AggregatorStatus, items ...[]byte) *foundation.OpcodesAggregatorStatus {
		return &foundation.OpcodesAggregatorStatus{Status: s, ElementAddress: first, Items: items}
	}
	playOn(t, d.host, s, []step{
		{"all", sequence(get, quiet, get), status(foundation.AggregatorSuccess, answered, nil, answered), nil},
		{"one that fails ends it", sequence(get, unknown, get), status(foundation.AggregatorWrongOpcode, answered), func(*host) bool { return len(d.got) == 5 }},
		{"no sequence in a sequence", sequence(get, []byte{0x80, 0x72, 5, 0}), status(foundation.AggregatorWrongOpcode, answered), nil},
		{"no opcode", sequence(nil), status(foundation.AggregatorWrongOpcode), nil},
		{
			"another element", &foundation.OpcodesAggregatorSequence{ElementAddress: another, Items: [][]byte{get}},
			&foundation.OpcodesAggregatorStatus{Status: foundation.AggregatorInvalidAddress, ElementAddress: another}, nil,
		},
	})
	d.big = true
	overflow, ok := servertest.New(t, s).Send(sequence(get, get, get)).(*foundation.OpcodesAggregatorStatus)
	if !ok || overflow.Status != foundation.AggregatorResponseOverflow || len(overflow.Items) != 1 {
		t.Errorf("%+v", overflow)
	}
}

func TestRelationsOfALamp(t *testing.T) {
	h := newHost()
	h.node.Elements = []state.Element{{Models: []state.Model{
		{ID: foundation.ConfigurationServerID}, {ID: onOff}, {ID: level}, {ID: mesh.SIGModel(0x1004)}, {ID: mesh.SIGModel(0x1006)}, {ID: mesh.SIGModel(0x1007)}, {ID: vendor},
	}}}
	config := foundation.NewConfigServer(foundation.Product{})
	config.Attach(h)
	want := &foundation.Relations{Elements: []foundation.ElementRelations{{
		SIGModels: []foundation.ModelRelations{
			{},
			{},
			{},
			{},
			{HasGroup: true, Extends: []foundation.ExtendedModel{{ModelIndex: 1}}},
			{HasGroup: true, Extends: []foundation.ExtendedModel{{ModelIndex: 4}, {ModelIndex: 3}}},
		},
		VendorModels: []foundation.ModelRelations{{}},
	}}}
	if got := config.Relations(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
