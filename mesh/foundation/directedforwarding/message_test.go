package directedforwarding_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/directedforwarding"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
)

func TestOctets(t *testing.T) {
	messagetest.Samples(t, []messagetest.Sample{
		{&directedforwarding.ForwardingTableAdd{
			NetKeyIndex: 0x123, PathOriginRange: foundation.AddressRange{RangeStart: 0x1234, RangeLength: 3}, BearerTowardPathOrigin: 1, BearerTowardPathTarget: 2,
			PathTarget: directedforwarding.PathTarget{MulticastDestination: 0xC001},
		}, "80842301" + "692403" + "01c0" + "01000200"},
		{&directedforwarding.ForwardingTableDependentsDelete{NetKeyIndex: 1, PathKey: directedforwarding.PathKey{PathOrigin: 2, Destination: 3}, DependentOrigins: []mesh.Address{4}}, "808801000200030001000400"},
		{&directedforwarding.ForwardingTableEntriesCountStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 1}, "808d040100"},
		{&directedforwarding.ForwardingTableEntriesGet{
			EntriesFilter: directedforwarding.EntriesFilter{NetKeyIndex: 1, FilterMask: directedforwarding.EntriesFixed | directedforwarding.EntriesDestination, StartIndex: 2, Destination: 0xC000},
		}, "808e0190" + "0200" + "00c0"},
	})
	messagetest.Refusals(t, []messagetest.Refusal{
		{new(directedforwarding.DirectedControlSet), "23010200ffff01"},
		{new(directedforwarding.DirectedControlSet), "23010100ff0201"},
		{new(directedforwarding.WantedLanesSet), "230100"},
		{new(directedforwarding.PathEchoIntervalSet), "23016414"},
		{new(directedforwarding.RSSIThresholdSet), "33"},
		{new(directedforwarding.DirectedPublishPolicySet), "0207060410"},
		{new(directedforwarding.ForwardingTableAdd), "2301" + "692403" + "0100" + "01000200"},
	})
}
