package bridgeconfig_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/bridgeconfig"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

func TestBridgeServer(t *testing.T) {
	h, s := hosttest.New(), bridgeconfig.NewServer()
	s.Attach(h)
	subnets := bridgeconfig.BridgedSubnets{NetKeyIndex1: 0, NetKeyIndex2: 7}
	other := bridgeconfig.BridgedSubnets{NetKeyIndex1: 0, NetKeyIndex2: 8}
	add := func(a1, a2 mesh.Address, d bridgeconfig.Directions) *bridgeconfig.BridgingTableAdd {
		return &bridgeconfig.BridgingTableAdd{Directions: d, BridgedSubnets: subnets, Address1: a1, Address2: a2}
	}
	table := func(start uint16, list ...bridgeconfig.BridgedAddresses) *bridgeconfig.BridgingTableList {
		return &bridgeconfig.BridgingTableList{BridgedSubnets: subnets, StartIndex: start, BridgedAddresses: list}
	}
	hosttest.Play(t, h, s, []hosttest.Step{
		{"set", &bridgeconfig.SubnetBridgeSet{SubnetBridge: true}, &bridgeconfig.SubnetBridgeStatus{SubnetBridge: true}, func(h *hosttest.Host) bool { return h.Node.Bridge.Enabled }},
		{"size", &bridgeconfig.BridgingTableSizeGet{}, &bridgeconfig.BridgingTableSizeStatus{BridgingTableSize: bridgeconfig.MaxBridgingTable}, nil},
		{
			"add", add(1, 2, bridgeconfig.BothWay),
			&bridgeconfig.BridgingTableStatus{Directions: bridgeconfig.BothWay, BridgedSubnets: subnets, Address1: 1, Address2: 2},
			func(h *hosttest.Host) bool { return len(h.Node.Bridge.Table) == 1 && h.Node.Bridge.Table[0].BothWays },
		},
		{
			"replace", add(1, 2, bridgeconfig.OneWay),
			&bridgeconfig.BridgingTableStatus{Directions: bridgeconfig.OneWay, BridgedSubnets: subnets, Address1: 1, Address2: 2},
			func(h *hosttest.Host) bool { return len(h.Node.Bridge.Table) == 1 && !h.Node.Bridge.Table[0].BothWays },
		},
		{
			"add a group", add(3, 0xC000, bridgeconfig.OneWay),
			&bridgeconfig.BridgingTableStatus{Directions: bridgeconfig.OneWay, BridgedSubnets: subnets, Address1: 3, Address2: 0xC000}, nil,
		},
		{
			"another subnet", &bridgeconfig.BridgingTableAdd{Directions: bridgeconfig.OneWay, BridgedSubnets: other, Address1: 1, Address2: 2},
			&bridgeconfig.BridgingTableStatus{Status: foundation.InvalidNetKeyIndex, Directions: bridgeconfig.OneWay, BridgedSubnets: other, Address1: 1, Address2: 2}, nil,
		},
		{"list", &bridgeconfig.BridgingTableGet{BridgedSubnets: subnets}, table(0, bridgeconfig.BridgedAddresses{Address1: 1, Address2: 2, Directions: 1}, bridgeconfig.BridgedAddresses{Address1: 3, Address2: 0xC000, Directions: 1}), nil},
		{"list from 1", &bridgeconfig.BridgingTableGet{BridgedSubnets: subnets, StartIndex: 1}, table(1, bridgeconfig.BridgedAddresses{Address1: 3, Address2: 0xC000, Directions: 1}), nil},
		{"list of another subnet", &bridgeconfig.BridgingTableGet{BridgedSubnets: other}, &bridgeconfig.BridgingTableList{Status: foundation.InvalidNetKeyIndex, BridgedSubnets: other}, nil},
		{"subnets", &bridgeconfig.BridgedSubnetsGet{Filter: bridgeconfig.FilterSecond, NetKeyIndex: 7}, &bridgeconfig.BridgedSubnetsList{Filter: bridgeconfig.FilterSecond, NetKeyIndex: 7, BridgedSubnets: []bridgeconfig.BridgedSubnets{subnets}}, nil},
		{"no subnets", &bridgeconfig.BridgedSubnetsGet{Filter: bridgeconfig.FilterFirst, NetKeyIndex: 7}, &bridgeconfig.BridgedSubnetsList{Filter: bridgeconfig.FilterFirst, NetKeyIndex: 7}, nil},
		{
			"remove by one address", &bridgeconfig.BridgingTableRemove{BridgedSubnets: subnets, Address2: 0xC000},
			&bridgeconfig.BridgingTableStatus{BridgedSubnets: subnets, Address2: 0xC000},
			func(h *hosttest.Host) bool {
				return len(h.Node.Bridge.Table) == 1 && h.Node.Bridge.Table[0].Address1 == 1
			},
		},
	})
	for i := range mesh.Address(bridgeconfig.MaxBridgingTable - 1) {
		servertest.New(t, s).Send(add(100+i, 2, bridgeconfig.OneWay))
	}
	full, ok := servertest.New(t, s).Send(add(500, 2, bridgeconfig.OneWay)).(*bridgeconfig.BridgingTableStatus)
	if !ok || full.Status != foundation.InsufficientResources || len(h.Node.Bridge.Table) != bridgeconfig.MaxBridgingTable {
		t.Errorf("got %+v with %d entries", full, len(h.Node.Bridge.Table))
	}
	h.Node.DropSubnet(7)
	if len(h.Node.Bridge.Table) != 0 {
		t.Errorf("entries of a deleted subnet are left: %+v", h.Node.Bridge.Table)
	}
}
