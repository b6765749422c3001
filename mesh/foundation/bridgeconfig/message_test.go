package bridgeconfig_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/bridgeconfig"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
)

func TestOctets(t *testing.T) {
	bridged := bridgeconfig.BridgedSubnets{NetKeyIndex1: 0x123, NetKeyIndex2: 0x456}
	messagetest.Samples(t, []messagetest.Sample{
		{&bridgeconfig.SubnetBridgeSet{SubnetBridge: true}, "80b201"},
		{&bridgeconfig.BridgingTableAdd{Directions: bridgeconfig.BothWay, BridgedSubnets: bridged, Address1: 0x0AAA, Address2: 0x0BBB}, "80b402236145aa0abb0b"},
		{&bridgeconfig.BridgedSubnetsList{Filter: bridgeconfig.FilterFirst, NetKeyIndex: 0x123, BridgedSubnets: []bridgeconfig.BridgedSubnets{bridged}}, "80b8311200236145"},
		{&bridgeconfig.BridgingTableList{BridgedSubnets: bridged, BridgedAddresses: []bridgeconfig.BridgedAddresses{{Address1: 1, Address2: 2, Directions: bridgeconfig.OneWay}}}, "80ba002361450000" + "0100020001"},
		{&bridgeconfig.BridgingTableSizeStatus{BridgingTableSize: 256}, "80bc0001"},
	})
	messagetest.Refusals(t, []messagetest.Refusal{
		{new(bridgeconfig.SubnetBridgeSet), "02"},
		{new(bridgeconfig.BridgingTableAdd), "00236145aa0abb0b"},
		{new(bridgeconfig.BridgingTableAdd), "02236145aa0abbcb"},
		{new(bridgeconfig.BridgingTableAdd), "01236145aa0affff"},
		{new(bridgeconfig.BridgingTableAdd), "01011000aa0abb0b"},
	})
}
