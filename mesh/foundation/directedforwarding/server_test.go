package directedforwarding_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/directedforwarding"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/hosttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestDirectedServerStates(t *testing.T) {
	h, s := hosttest.New(), directedforwarding.NewServer()
	s.Attach(h)
	h.Node.Friend = state.Enabled
	on, off, keep, none := directedforwarding.DirectedEnabled, directedforwarding.DirectedDisabled, directedforwarding.DirectedUnchanged, directedforwarding.DirectedUnsupported
	control := func(forwarding, relay, proxy, uses, friend directedforwarding.DirectedSwitch) directedforwarding.DirectedControl {
		return directedforwarding.DirectedControl{DirectedForwarding: forwarding, DirectedRelay: relay, DirectedProxy: proxy, DirectedProxyUseDirectedDefault: uses, DirectedFriend: friend}
	}
	transmit := state.Retransmit{Count: 3, Steps: 16}
	timing := directedforwarding.PathDiscoveryTiming{PathMonitoringInterval: 300, PathDiscoveryRetryInterval: 500, PathDiscoveryInterval: 1}
	standard := state.DefaultDirected()
	hosttest.Play(t, h, s, []hosttest.Step{
		{"control get", &directedforwarding.DirectedControlGet{NetKeyIndex: 7}, &directedforwarding.DirectedControlStatus{NetKeyIndex: 7, DirectedControl: control(off, off, none, none, off)}, nil},
		{"control of another subnet", &directedforwarding.DirectedControlGet{NetKeyIndex: 8}, &directedforwarding.DirectedControlStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8}, nil},
		{
			"control set", &directedforwarding.DirectedControlSet{NetKeyIndex: 7, DirectedControl: control(on, on, keep, keep, on)},
			&directedforwarding.DirectedControlStatus{NetKeyIndex: 7, DirectedControl: control(on, on, none, none, on)},
			func(h *hosttest.Host) bool { return h.Node.Directed.Subnets[0].Relay },
		},
		{
			"proxy unsupported", &directedforwarding.DirectedControlSet{NetKeyIndex: 7, DirectedControl: control(on, on, on, keep, keep)},
			&directedforwarding.DirectedControlStatus{Status: foundation.FeatureNotSupported, NetKeyIndex: 7, DirectedControl: control(on, on, none, none, on)}, nil,
		},
		{
			"nothing without forwarding", &directedforwarding.DirectedControlSet{NetKeyIndex: 7, DirectedControl: control(off, on, keep, keep, keep)},
			&directedforwarding.DirectedControlStatus{NetKeyIndex: 7, DirectedControl: control(off, off, none, none, off)}, nil,
		},
		{"metric get", &directedforwarding.PathMetricGet{NetKeyIndex: 7}, &directedforwarding.PathMetricStatus{NetKeyIndex: 7, PathMetric: directedforwarding.PathMetric{PathLifetime: 2}}, nil},
		{
			"metric set", &directedforwarding.PathMetricSet{NetKeyIndex: 7, PathMetric: directedforwarding.PathMetric{PathLifetime: 3}},
			&directedforwarding.PathMetricStatus{NetKeyIndex: 7, PathMetric: directedforwarding.PathMetric{PathLifetime: 3}}, nil,
		},
		{
			"capabilities set", &directedforwarding.DiscoveryTableCapabilitiesSet{NetKeyIndex: 7, MaxConcurrentInit: 5},
			&directedforwarding.DiscoveryTableCapabilitiesStatus{NetKeyIndex: 7, MaxConcurrentInit: 5, MaxDiscoveryTableEntriesCount: directedforwarding.MaxDiscoveryTable}, nil,
		},
		{
			"too many discoveries at once", &directedforwarding.DiscoveryTableCapabilitiesSet{NetKeyIndex: 7, MaxConcurrentInit: directedforwarding.MaxDiscoveryTable + 1},
			&directedforwarding.DiscoveryTableCapabilitiesStatus{Status: foundation.CannotSet, NetKeyIndex: 7, MaxConcurrentInit: 5, MaxDiscoveryTableEntriesCount: directedforwarding.MaxDiscoveryTable}, nil,
		},
		{"lanes", &directedforwarding.WantedLanesSet{NetKeyIndex: 7, WantedLanes: 2}, &directedforwarding.WantedLanesStatus{NetKeyIndex: 7, WantedLanes: 2}, nil},
		{"lanes of another subnet", &directedforwarding.WantedLanesGet{NetKeyIndex: 8}, &directedforwarding.WantedLanesStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8}, nil},
		{"two-way path", &directedforwarding.TwoWayPathGet{NetKeyIndex: 0}, &directedforwarding.TwoWayPathStatus{TwoWayPath: 1}, nil},
		{"one-way path", &directedforwarding.TwoWayPathSet{NetKeyIndex: 0}, &directedforwarding.TwoWayPathStatus{}, nil},
		{
			"echo set", &directedforwarding.PathEchoIntervalSet{PathEchoInterval: directedforwarding.PathEchoInterval{UnicastEchoInterval: 20, MulticastEchoInterval: 0xFF}},
			&directedforwarding.PathEchoIntervalStatus{PathEchoInterval: directedforwarding.PathEchoInterval{UnicastEchoInterval: 20}}, nil,
		},
		{"transmit get", &directedforwarding.DirectedNetworkTransmitGet{}, &directedforwarding.DirectedNetworkTransmitStatus{DirectedNetworkTransmit: standard.NetworkTransmit}, nil},
		{"transmit set", &directedforwarding.DirectedNetworkTransmitSet{DirectedNetworkTransmit: transmit}, &directedforwarding.DirectedNetworkTransmitStatus{DirectedNetworkTransmit: transmit}, nil},
		{"relay set", &directedforwarding.DirectedRelayRetransmitSet{DirectedRelayRetransmit: transmit}, &directedforwarding.DirectedRelayRetransmitStatus{DirectedRelayRetransmit: transmit}, nil},
		{"control transmit set", &directedforwarding.DirectedControlNetworkTransmitSet{DirectedControlNetworkTransmit: transmit}, &directedforwarding.DirectedControlNetworkTransmitStatus{DirectedControlNetworkTransmit: transmit}, nil},
		{"control relay set", &directedforwarding.DirectedControlRelayRetransmitSet{DirectedControlRelayRetransmit: transmit}, &directedforwarding.DirectedControlRelayRetransmitStatus{DirectedControlRelayRetransmit: transmit}, nil},
		{"RSSI set", &directedforwarding.RSSIThresholdSet{RSSIMargin: 15}, &directedforwarding.RSSIThresholdStatus{DefaultRSSIThreshold: -80, RSSIMargin: 15}, nil},
		{"timing set", &directedforwarding.PathDiscoveryTimingControlSet{PathDiscoveryTiming: timing}, &directedforwarding.PathDiscoveryTimingControlStatus{PathDiscoveryTiming: timing}, nil},
		{"paths", &directedforwarding.DirectedPathsGet{}, &directedforwarding.DirectedPathsStatus{DirectedNodePaths: 20, DirectedRelayPaths: 20, DirectedProxyPaths: 20, DirectedFriendPaths: 20}, nil},
		{
			"policy set", &directedforwarding.DirectedPublishPolicySet{DirectedPublishPolicy: true, ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor},
			&directedforwarding.DirectedPublishPolicyStatus{DirectedPublishPolicy: true, ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor},
			func(h *hosttest.Host) bool { return h.Model(1, hosttest.Vendor).Directed },
		},
		{"policy get", &directedforwarding.DirectedPublishPolicyGet{ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor}, &directedforwarding.DirectedPublishPolicyStatus{DirectedPublishPolicy: true, ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Vendor}, nil},
		{"policy of an unknown element", &directedforwarding.DirectedPublishPolicyGet{ElementAddress: hosttest.Another, ModelIdentifier: hosttest.Vendor}, &directedforwarding.DirectedPublishPolicyStatus{Status: foundation.InvalidAddress, ElementAddress: hosttest.Another, ModelIdentifier: hosttest.Vendor}, nil},
		{"policy of an unknown model", &directedforwarding.DirectedPublishPolicyGet{ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Missing}, &directedforwarding.DirectedPublishPolicyStatus{Status: foundation.InvalidModel, ElementAddress: hosttest.Second, ModelIdentifier: hosttest.Missing}, nil},
	})
}

func TestDirectedServerTable(t *testing.T) {
	h, s := hosttest.New(), directedforwarding.NewServer()
	s.Attach(h)
	origin := foundation.AddressRange{RangeStart: 0x1234, RangeLength: 3}
	target := foundation.AddressRange{RangeStart: 0x5678, RangeLength: 5}
	key := directedforwarding.PathKey{PathOrigin: 0x1234, Destination: 0x5678}
	group := directedforwarding.PathKey{PathOrigin: 0x1234, Destination: 0xC001}
	add := &directedforwarding.ForwardingTableAdd{
		NetKeyIndex: 7, BackwardPathValidated: true, PathOriginRange: origin, BearerTowardPathOrigin: 1, BearerTowardPathTarget: 1,
		PathTarget: directedforwarding.PathTarget{UnicastDestination: true, PathTargetRange: target},
	}
	toGroup := &directedforwarding.ForwardingTableAdd{NetKeyIndex: 7, PathOriginRange: origin, BearerTowardPathTarget: 1, PathTarget: directedforwarding.PathTarget{MulticastDestination: 0xC001}}
	bad := *toGroup
	bad.BearerTowardPathTarget = 4
	unicastEntry := directedforwarding.PathEntry{
		FixedPath: true, BackwardPathValidated: true, PathOriginRange: origin, HasBearerTowardPathOrigin: true, BearerTowardPathOrigin: 1,
		PathTarget: add.PathTarget, HasBearerTowardPathTarget: true, BearerTowardPathTarget: 1, DependentOriginListSize: 1,
	}
	groupEntry := directedforwarding.PathEntry{
		FixedPath: true, PathOriginRange: origin, PathTarget: toGroup.PathTarget, HasBearerTowardPathTarget: true, BearerTowardPathTarget: 1,
	}
	dependent := []foundation.AddressRange{{RangeStart: 0x0200, RangeLength: 2}}
	filter := directedforwarding.EntriesFilter{NetKeyIndex: 7, FilterMask: directedforwarding.EntriesFixed}
	toTarget := directedforwarding.EntriesFilter{NetKeyIndex: 7, FilterMask: directedforwarding.EntriesFixed | directedforwarding.EntriesDestination, Destination: 0xC001}
	of := directedforwarding.DependentsFilter{NetKeyIndex: 7, DependentsListMask: 1, FixedPathFlag: 1, PathKey: key}
	hosttest.Play(t, h, s, []hosttest.Step{
		{"add", add, &directedforwarding.ForwardingTableStatus{NetKeyIndex: 7, PathKey: key}, nil},
		{"add to a group", toGroup, &directedforwarding.ForwardingTableStatus{NetKeyIndex: 7, PathKey: group}, nil},
		{"bad bearer", &bad, &directedforwarding.ForwardingTableStatus{Status: foundation.InvalidBearer, NetKeyIndex: 7, PathKey: group}, nil},
		{
			"dependents", &directedforwarding.ForwardingTableDependentsAdd{NetKeyIndex: 7, PathKey: key, Dependents: directedforwarding.Dependents{DependentOriginRanges: dependent}},
			&directedforwarding.ForwardingTableDependentsStatus{NetKeyIndex: 7, PathKey: key}, nil,
		},
		{
			"dependents of an unknown path", &directedforwarding.ForwardingTableDependentsAdd{NetKeyIndex: 0, PathKey: key},
			&directedforwarding.ForwardingTableDependentsStatus{Status: foundation.InvalidPathEntry, PathKey: key}, nil,
		},
		{
			"count", &directedforwarding.ForwardingTableEntriesCountGet{NetKeyIndex: 7},
			&directedforwarding.ForwardingTableEntriesCountStatus{NetKeyIndex: 7, HasUpdateIdentifier: true, UpdateIdentifier: 3, FixedPathEntriesCount: 2}, nil,
		},
		{
			"entries", &directedforwarding.ForwardingTableEntriesGet{EntriesFilter: filter},
			&directedforwarding.ForwardingTableEntriesStatus{EntriesFilter: filter, HasUpdateIdentifier: true, UpdateIdentifier: 3, Entries: []directedforwarding.PathEntry{unicastEntry, groupEntry}}, nil,
		},
		{
			"entries to a group", &directedforwarding.ForwardingTableEntriesGet{EntriesFilter: toTarget, HasUpdateIdentifier: true, UpdateIdentifier: 3},
			&directedforwarding.ForwardingTableEntriesStatus{EntriesFilter: toTarget, HasUpdateIdentifier: true, UpdateIdentifier: 3, Entries: []directedforwarding.PathEntry{groupEntry}}, nil,
		},
		{
			"entries of an older table", &directedforwarding.ForwardingTableEntriesGet{EntriesFilter: filter, HasUpdateIdentifier: true, UpdateIdentifier: 1},
			&directedforwarding.ForwardingTableEntriesStatus{Status: foundation.ObsoleteInformation, EntriesFilter: filter, HasUpdateIdentifier: true, UpdateIdentifier: 3}, nil,
		},
		{
			"dependents get", &directedforwarding.ForwardingTableDependentsGet{DependentsFilter: of},
			&directedforwarding.ForwardingTableDependentsGetStatus{
				DependentsFilter: of, HasUpdateIdentifier: true, UpdateIdentifier: 3, HasDependents: true,
				Dependents: directedforwarding.Dependents{DependentOriginRanges: dependent},
			}, nil,
		},
		{
			"dependents delete", &directedforwarding.ForwardingTableDependentsDelete{NetKeyIndex: 7, PathKey: key, DependentOrigins: []mesh.Address{0x0200}},
			&directedforwarding.ForwardingTableDependentsStatus{NetKeyIndex: 7, PathKey: key},
			func(h *hosttest.Host) bool { return len(h.Node.Directed.Subnets[0].Paths[0].DependentOrigins) == 0 },
		},
		{
			"delete", &directedforwarding.ForwardingTableDelete{NetKeyIndex: 7, PathKey: key}, &directedforwarding.ForwardingTableStatus{NetKeyIndex: 7, PathKey: key},
			func(h *hosttest.Host) bool { return len(h.Node.Directed.Subnets[0].Paths) == 1 },
		},
		{"delete in another subnet", &directedforwarding.ForwardingTableDelete{NetKeyIndex: 8, PathKey: key}, &directedforwarding.ForwardingTableStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: 8, PathKey: key}, nil},
	})

	b := servertest.New(t, s)
	for i := range mesh.Address(directedforwarding.MaxFixedPaths + 1) {
		toGroup.MulticastDestination = 0xC100 + i
		status, ok := b.Send(toGroup).(*directedforwarding.ForwardingTableStatus)
		if !ok || (status.Status != foundation.Success) != (i >= directedforwarding.MaxFixedPaths-1) {
			t.Errorf("path %d: got %+v", i, status)
		}
	}
	h.Node.DropSubnet(7)
	if len(h.Node.Directed.Subnets) != 0 {
		t.Errorf("paths of a deleted subnet are left: %+v", h.Node.Directed)
	}
}
