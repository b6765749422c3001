package private_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/private"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestOctets(t *testing.T) {
	messagetest.Samples(t, []messagetest.Sample{
		{&private.BeaconGet{}, "8060"},
		{&private.BeaconSet{PrivateBeacon: true}, "806101"},
		{&private.BeaconSet{HasRandomUpdateInterval: true, RandomUpdateIntervalSteps: 60}, "8061003c"},
		{&private.BeaconStatus{PrivateBeacon: true, RandomUpdateIntervalSteps: 60}, "8062013c"},
		{&private.GATTProxyGet{}, "8063"},
		{&private.GATTProxySet{PrivateGATTProxy: state.Enabled}, "806401"},
		{&private.GATTProxyStatus{PrivateGATTProxy: state.Unsupported}, "806502"},
		{&private.NodeIdentityGet{NetKeyIndex: 0x123}, "80662301"},
		{&private.NodeIdentitySet{NetKeyIndex: 0x123, PrivateNodeIdentity: state.Enabled}, "8067230101"},
		{&private.NodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 0x123, PrivateNodeIdentity: state.Unsupported}, "806804230102"},
		{&private.OnDemandPrivateProxyGet{}, "8069"},
		{&private.OnDemandPrivateProxySet{Duration: 30}, "806a1e"},
		{&private.OnDemandPrivateProxyStatus{Duration: 255}, "806bff"},
		{&private.SolicitationPDURPLItemsClear{AddressRange: foundation.AddressRange{RangeStart: 0x1234, RangeLength: 1}}, "80786824"},
		{&private.SolicitationPDURPLItemsClearUnacknowledged{SolicitationPDURPLItemsClear: private.SolicitationPDURPLItemsClear{
			AddressRange: foundation.AddressRange{RangeStart: 0x1234, RangeLength: 3},
		}}, "8079692403"},
		{&private.SolicitationPDURPLItemsStatus{AddressRange: foundation.AddressRange{RangeStart: 0x7FFF, RangeLength: 1}}, "807afeff"},
	})
	messagetest.Refusals(t, []messagetest.Refusal{
		{new(private.BeaconSet), "02"},
		{new(private.GATTProxySet), "02"},
		{new(private.NodeIdentitySet), "010002"},
		{new(private.SolicitationPDURPLItemsClear), "0000"},
		{new(private.SolicitationPDURPLItemsClear), "692401"},
		{new(private.SolicitationPDURPLItemsClear), "fffff0"},
	})
}
