package foundation_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestDirectedServerStates(t *testing.T) {
	h, s := newHost(), foundation.NewDirectedServer()
	s.Attach(h)
	h.node.Friend = state.Enabled
	on, off, keep, none := foundation.DirectedEnabled, foundation.DirectedDisabled, foundation.DirectedUnchanged, foundation.DirectedUnsupported
	control := func(forwarding, relay, proxy, uses, friend foundation.DirectedSwitch) foundation.DirectedControl {
		return foundation.DirectedControl{DirectedForwarding: forwarding, DirectedRelay: relay, DirectedProxy: proxy, DirectedProxyUseDirectedDefault: uses, DirectedFriend: friend}
	}
	transmit := state.Retransmit{Count: 3, Steps: 16}
	timing := foundation.PathDiscoveryTiming{PathMonitoringInterval: 300, PathDiscoveryRetryInterval: 500, PathDiscoveryInterval: 1}
	standard := state.DefaultDirected()
	playOn(t, h, s, []step{
		{"control get", &foundation.DirectedControlGet{NetKeyIndex: 7}, &foundation.DirectedControlStatus{NetKeyIndex: 7, DirectedControl: control(off, off, none, none, off)}, nil},
		{"control of another subnet", &foundation.DirectedControlGet{NetKeyIndex: 8}, &foundation.DirectedControlStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8}, nil},
		{
			"control set", &foundation.DirectedControlSet{NetKeyIndex: 7, DirectedControl: control(on, on, keep, keep, on)},
			&foundation.DirectedControlStatus{NetKeyIndex: 7, DirectedControl: control(on, on, none, none, on)},
			func(h *host) bool { return h.node.Directed.Subnets[0].Relay },
		},
		{
			"no proxy", &foundation.DirectedControlSet{NetKeyIndex: 7, DirectedControl: control(on, on, on, keep, keep)},
			&foundation.DirectedControlStatus{Status: foundation.FeatureNotSupported, NetKeyIndex: 7, DirectedControl: control(on, on, none, none, on)}, nil,
		},
		{
			"nothing without forwarding", &foundation.DirectedControlSet{NetKeyIndex: 7, DirectedControl: control(off, on, keep, keep, keep)},
			&foundation.DirectedControlStatus{NetKeyIndex: 7, DirectedControl: control(off, off, none, none, off)}, nil,
		},
		{"metric get", &foundation.PathMetricGet{NetKeyIndex: 7}, &foundation.PathMetricStatus{NetKeyIndex: 7, PathMetric: foundation.PathMetric{PathLifetime: 2}}, nil},
		{
			"metric set", &foundation.PathMetricSet{NetKeyIndex: 7, PathMetric: foundation.PathMetric{PathLifetime: 3}},
			&foundation.PathMetricStatus{NetKeyIndex: 7, PathMetric: foundation.PathMetric{PathLifetime: 3}}, nil,
		},
		{
			"capabilities set", &foundation.DiscoveryTableCapabilitiesSet{NetKeyIndex: 7, MaxConcurrentInit: 5},
			&foundation.DiscoveryTableCapabilitiesStatus{NetKeyIndex: 7, MaxConcurrentInit: 5, MaxDiscoveryTableEntriesCount: foundation.MaxDiscoveryTable}, nil,
		},
		{
			"too many at once", &foundation.DiscoveryTableCapabilitiesSet{NetKeyIndex: 7, MaxConcurrentInit: foundation.MaxDiscoveryTable + 1},
			&foundation.DiscoveryTableCapabilitiesStatus{Status: foundation.CannotSet, NetKeyIndex: 7, MaxConcurrentInit: 5, MaxDiscoveryTableEntriesCount: foundation.MaxDiscoveryTable}, nil,
		},
		{"lanes", &foundation.WantedLanesSet{NetKeyIndex: 7, WantedLanes: 2}, &foundation.WantedLanesStatus{NetKeyIndex: 7, WantedLanes: 2}, nil},
		{"lanes of another subnet", &foundation.WantedLanesGet{NetKeyIndex: 8}, &foundation.WantedLanesStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8}, nil},
		{"two ways", &foundation.TwoWayPathGet{NetKeyIndex: 0}, &foundation.TwoWayPathStatus{TwoWayPath: 1}, nil},
		{"one way", &foundation.TwoWayPathSet{NetKeyIndex: 0}, &foundation.TwoWayPathStatus{}, nil},
		{
			"echo set", &foundation.PathEchoIntervalSet{PathEchoInterval: foundation.PathEchoInterval{UnicastEchoInterval: 20, MulticastEchoInterval: 0xFF}},
			&foundation.PathEchoIntervalStatus{PathEchoInterval: foundation.PathEchoInterval{UnicastEchoInterval: 20}}, nil,
		},
		{"transmit get", &foundation.DirectedNetworkTransmitGet{}, &foundation.DirectedNetworkTransmitStatus{DirectedNetworkTransmit: standard.NetworkTransmit}, nil},
		{"transmit set", &foundation.DirectedNetworkTransmitSet{DirectedNetworkTransmit: transmit}, &foundation.DirectedNetworkTransmitStatus{DirectedNetworkTransmit: transmit}, nil},
		{"relay set", &foundation.DirectedRelayRetransmitSet{DirectedRelayRetransmit: transmit}, &foundation.DirectedRelayRetransmitStatus{DirectedRelayRetransmit: transmit}, nil},
		{"control transmit set", &foundation.DirectedControlNetworkTransmitSet{DirectedControlNetworkTransmit: transmit}, &foundation.DirectedControlNetworkTransmitStatus{DirectedControlNetworkTransmit: transmit}, nil},
		{"control relay set", &foundation.DirectedControlRelayRetransmitSet{DirectedControlRelayRetransmit: transmit}, &foundation.DirectedControlRelayRetransmitStatus{DirectedControlRelayRetransmit: transmit}, nil},
		{"RSSI set", &foundation.RSSIThresholdSet{RSSIMargin: 15}, &foundation.RSSIThresholdStatus{DefaultRSSIThreshold: -80, RSSIMargin: 15}, nil},
		{"timing set", &foundation.PathDiscoveryTimingControlSet{PathDiscoveryTiming: timing}, &foundation.PathDiscoveryTimingControlStatus{PathDiscoveryTiming: timing}, nil},
		{"paths", &foundation.DirectedPathsGet{}, &foundation.DirectedPathsStatus{DirectedNodePaths: 20, DirectedRelayPaths: 20, DirectedProxyPaths: 20, DirectedFriendPaths: 20}, nil},
		{
			"policy set", &foundation.DirectedPublishPolicySet{DirectedPublishPolicy: true, ElementAddress: second, ModelIdentifier: vendor},
			&foundation.DirectedPublishPolicyStatus{DirectedPublishPolicy: true, ElementAddress: second, ModelIdentifier: vendor},
			func(h *host) bool { return h.model(1, vendor).Directed },
		},
		{"policy get", &foundation.DirectedPublishPolicyGet{ElementAddress: second, ModelIdentifier: vendor}, &foundation.DirectedPublishPolicyStatus{DirectedPublishPolicy: true, ElementAddress: second, ModelIdentifier: vendor}, nil},
		{"policy of no element", &foundation.DirectedPublishPolicyGet{ElementAddress: another, ModelIdentifier: vendor}, &foundation.DirectedPublishPolicyStatus{Status: foundation.InvalidAddress, ElementAddress: another, ModelIdentifier: vendor}, nil},
		{"policy of no model", &foundation.DirectedPublishPolicyGet{ElementAddress: second, ModelIdentifier: missing}, &foundation.DirectedPublishPolicyStatus{Status: foundation.InvalidModel, ElementAddress: second, ModelIdentifier: missing}, nil},
	})
}

func TestDirectedServerTable(t *testing.T) {
	h, s := newHost(), foundation.NewDirectedServer()
	s.Attach(h)
	origin := foundation.AddressRange{RangeStart: 0x1234, RangeLength: 3}
	target := foundation.AddressRange{RangeStart: 0x5678, RangeLength: 5}
	key := foundation.PathKey{PathOrigin: 0x1234, Destination: 0x5678}
	group := foundation.PathKey{PathOrigin: 0x1234, Destination: 0xC001}
	add := &foundation.ForwardingTableAdd{
		NetKeyIndex: 7, BackwardPathValidated: true, PathOriginRange: origin, BearerTowardPathOrigin: 1, BearerTowardPathTarget: 1,
		PathTarget: foundation.PathTarget{UnicastDestination: true, PathTargetRange: target},
	}
	toGroup := &foundation.ForwardingTableAdd{NetKeyIndex: 7, PathOriginRange: origin, BearerTowardPathTarget: 1, PathTarget: foundation.PathTarget{MulticastDestination: 0xC001}}
	bad := *toGroup
	bad.BearerTowardPathTarget = 4
	unicastEntry := foundation.PathEntry{
		FixedPath: true, BackwardPathValidated: true, PathOriginRange: origin, HasBearerTowardPathOrigin: true, BearerTowardPathOrigin: 1,
		PathTarget: add.PathTarget, HasBearerTowardPathTarget: true, BearerTowardPathTarget: 1, DependentOriginListSize: 1,
	}
	groupEntry := foundation.PathEntry{
		FixedPath: true, PathOriginRange: origin, PathTarget: toGroup.PathTarget, HasBearerTowardPathTarget: true, BearerTowardPathTarget: 1,
	}
	dependent := []foundation.AddressRange{{RangeStart: 0x0200, RangeLength: 2}}
	filter := foundation.EntriesFilter{NetKeyIndex: 7, FilterMask: foundation.EntriesFixed}
	toTarget := foundation.EntriesFilter{NetKeyIndex: 7, FilterMask: foundation.EntriesFixed | foundation.EntriesDestination, Destination: 0xC001}
	of := foundation.DependentsFilter{NetKeyIndex: 7, DependentsListMask: 1, FixedPathFlag: 1, PathKey: key}
	playOn(t, h, s, []step{
		{"add", add, &foundation.ForwardingTableStatus{NetKeyIndex: 7, PathKey: key}, nil},
		{"add to a group", toGroup, &foundation.ForwardingTableStatus{NetKeyIndex: 7, PathKey: group}, nil},
		{"bad bearer", &bad, &foundation.ForwardingTableStatus{Status: foundation.InvalidBearer, NetKeyIndex: 7, PathKey: group}, nil},
		{
			"dependents", &foundation.ForwardingTableDependentsAdd{NetKeyIndex: 7, PathKey: key, Dependents: foundation.Dependents{DependentOriginRanges: dependent}},
			&foundation.ForwardingTableDependentsStatus{NetKeyIndex: 7, PathKey: key}, nil,
		},
		{
			"dependents of no path", &foundation.ForwardingTableDependentsAdd{NetKeyIndex: 0, PathKey: key},
			&foundation.ForwardingTableDependentsStatus{Status: foundation.InvalidPathEntry, PathKey: key}, nil,
		},
		{
			"count", &foundation.ForwardingTableEntriesCountGet{NetKeyIndex: 7},
			&foundation.ForwardingTableEntriesCountStatus{NetKeyIndex: 7, HasUpdateIdentifier: true, UpdateIdentifier: 3, FixedPathEntriesCount: 2}, nil,
		},
		{
			"entries", &foundation.ForwardingTableEntriesGet{EntriesFilter: filter},
			&foundation.ForwardingTableEntriesStatus{EntriesFilter: filter, HasUpdateIdentifier: true, UpdateIdentifier: 3, Entries: []foundation.PathEntry{unicastEntry, groupEntry}}, nil,
		},
		{
			"entries to a group", &foundation.ForwardingTableEntriesGet{EntriesFilter: toTarget, HasUpdateIdentifier: true, UpdateIdentifier: 3},
			&foundation.ForwardingTableEntriesStatus{EntriesFilter: toTarget, HasUpdateIdentifier: true, UpdateIdentifier: 3, Entries: []foundation.PathEntry{groupEntry}}, nil,
		},
		{
			"entries of an older table", &foundation.ForwardingTableEntriesGet{EntriesFilter: filter, HasUpdateIdentifier: true, UpdateIdentifier: 1},
			&foundation.ForwardingTableEntriesStatus{Status: foundation.ObsoleteInformation, EntriesFilter: filter, HasUpdateIdentifier: true, UpdateIdentifier: 3}, nil,
		},
		{
			"dependents get", &foundation.ForwardingTableDependentsGet{DependentsFilter: of},
			&foundation.ForwardingTableDependentsGetStatus{
				DependentsFilter: of, HasUpdateIdentifier: true, UpdateIdentifier: 3, HasDependents: true,
				Dependents: foundation.Dependents{DependentOriginRanges: dependent},
			}, nil,
		},
		{
			"dependents delete", &foundation.ForwardingTableDependentsDelete{NetKeyIndex: 7, PathKey: key, DependentOrigins: []mesh.Address{0x0200}},
			&foundation.ForwardingTableDependentsStatus{NetKeyIndex: 7, PathKey: key},
			func(h *host) bool { return len(h.node.Directed.Subnets[0].Paths[0].DependentOrigins) == 0 },
		},
		{
			"delete", &foundation.ForwardingTableDelete{NetKeyIndex: 7, PathKey: key}, &foundation.ForwardingTableStatus{NetKeyIndex: 7, PathKey: key},
			func(h *host) bool { return len(h.node.Directed.Subnets[0].Paths) == 1 },
		},
		{"delete in another subnet", &foundation.ForwardingTableDelete{NetKeyIndex: 8, PathKey: key}, &foundation.ForwardingTableStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8, PathKey: key}, nil},
	})

	b := servertest.New(t, s)
	for i := range mesh.Address(foundation.MaxFixedPaths + 1) {
		toGroup.MulticastDestination = 0xC100 + i
		status, ok := b.Send(toGroup).(*foundation.ForwardingTableStatus)
		if !ok || (status.Status != foundation.Success) != (i >= foundation.MaxFixedPaths-1) {
			t.Errorf("path %d: %+v", i, status)
		}
	}
	h.node.DropSubnet(7)
	if len(h.node.Directed.Subnets) != 0 {
		t.Errorf("paths of a deleted subnet: %+v", h.node.Directed)
	}
}
