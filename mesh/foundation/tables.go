package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// The tables of the foundation models beside Configuration and Health, in the
// order of their opcodes.

func privateMessages() []access.Kind {
	return []access.Kind{
		access.Describe[PrivateBeaconGet]("Private Beacon Get"),
		access.Describe[PrivateBeaconSet]("Private Beacon Set"),
		access.Describe[PrivateBeaconStatus]("Private Beacon Status"),
		access.Describe[PrivateGATTProxyGet]("Private GATT Proxy Get"),
		access.Describe[PrivateGATTProxySet]("Private GATT Proxy Set"),
		access.Describe[PrivateGATTProxyStatus]("Private GATT Proxy Status"),
		access.Describe[PrivateNodeIdentityGet]("Private Node Identity Get"),
		access.Describe[PrivateNodeIdentitySet]("Private Node Identity Set"),
		access.Describe[PrivateNodeIdentityStatus]("Private Node Identity Status"),

		access.Describe[OnDemandPrivateProxyGet]("On-Demand Private Proxy Get"),
		access.Describe[OnDemandPrivateProxySet]("On-Demand Private Proxy Set"),
		access.Describe[OnDemandPrivateProxyStatus]("On-Demand Private Proxy Status"),
	}
}

func sarMessages() []access.Kind {
	return []access.Kind{
		access.Describe[SARTransmitterGet]("SAR Transmitter Get"),
		access.Describe[SARTransmitterSet]("SAR Transmitter Set"),
		access.Describe[SARTransmitterStatus]("SAR Transmitter Status"),
		access.Describe[SARReceiverGet]("SAR Receiver Get"),
		access.Describe[SARReceiverSet]("SAR Receiver Set"),
		access.Describe[SARReceiverStatus]("SAR Receiver Status"),
	}
}

func largeMessages() []access.Kind {
	return []access.Kind{
		access.Describe[OpcodesAggregatorSequence]("Opcodes Aggregator Sequence"),
		access.Describe[OpcodesAggregatorStatus]("Opcodes Aggregator Status"),

		access.Describe[LargeCompositionDataGet]("Large Composition Data Get"),
		access.Describe[LargeCompositionDataStatus]("Large Composition Data Status"),
		access.Describe[ModelsMetadataGet]("Models Metadata Get"),
		access.Describe[ModelsMetadataStatus]("Models Metadata Status"),

		access.Describe[SolicitationPDURPLItemsClear]("Solicitation PDU RPL Items Clear"),
		access.Describe[SolicitationPDURPLItemsClearUnacknowledged]("Solicitation PDU RPL Items Clear Unacknowledged"),
		access.Describe[SolicitationPDURPLItemsStatus]("Solicitation PDU RPL Items Status"),
	}
}

func directedMessages() []access.Kind {
	return []access.Kind{
		access.Describe[DirectedControlGet]("Directed Control Get"),
		access.Describe[DirectedControlSet]("Directed Control Set"),
		access.Describe[DirectedControlStatus]("Directed Control Status"),
		access.Describe[PathMetricGet]("Path Metric Get"),
		access.Describe[PathMetricSet]("Path Metric Set"),
		access.Describe[PathMetricStatus]("Path Metric Status"),
		access.Describe[DiscoveryTableCapabilitiesGet]("Discovery Table Capabilities Get"),
		access.Describe[DiscoveryTableCapabilitiesSet]("Discovery Table Capabilities Set"),
		access.Describe[DiscoveryTableCapabilitiesStatus]("Discovery Table Capabilities Status"),
		access.Describe[WantedLanesGet]("Wanted Lanes Get"),
		access.Describe[WantedLanesSet]("Wanted Lanes Set"),
		access.Describe[WantedLanesStatus]("Wanted Lanes Status"),
		access.Describe[TwoWayPathGet]("Two Way Path Get"),
		access.Describe[TwoWayPathSet]("Two Way Path Set"),
		access.Describe[TwoWayPathStatus]("Two Way Path Status"),
		access.Describe[PathEchoIntervalGet]("Path Echo Interval Get"),
		access.Describe[PathEchoIntervalSet]("Path Echo Interval Set"),
		access.Describe[PathEchoIntervalStatus]("Path Echo Interval Status"),

		access.Describe[ForwardingTableAdd]("Forwarding Table Add"),
		access.Describe[ForwardingTableDelete]("Forwarding Table Delete"),
		access.Describe[ForwardingTableStatus]("Forwarding Table Status"),
		access.Describe[ForwardingTableDependentsAdd]("Forwarding Table Dependents Add"),
		access.Describe[ForwardingTableDependentsDelete]("Forwarding Table Dependents Delete"),
		access.Describe[ForwardingTableDependentsStatus]("Forwarding Table Dependents Status"),
		access.Describe[ForwardingTableDependentsGet]("Forwarding Table Dependents Get"),
		access.Describe[ForwardingTableDependentsGetStatus]("Forwarding Table Dependents Get Status"),
		access.Describe[ForwardingTableEntriesCountGet]("Forwarding Table Entries Count Get"),
		access.Describe[ForwardingTableEntriesCountStatus]("Forwarding Table Entries Count Status"),
		access.Describe[ForwardingTableEntriesGet]("Forwarding Table Entries Get"),
		access.Describe[ForwardingTableEntriesStatus]("Forwarding Table Entries Status"),

		access.Describe[DirectedNetworkTransmitGet]("Directed Network Transmit Get"),
		access.Describe[DirectedNetworkTransmitSet]("Directed Network Transmit Set"),
		access.Describe[DirectedNetworkTransmitStatus]("Directed Network Transmit Status"),
		access.Describe[DirectedRelayRetransmitGet]("Directed Relay Retransmit Get"),
		access.Describe[DirectedRelayRetransmitSet]("Directed Relay Retransmit Set"),
		access.Describe[DirectedRelayRetransmitStatus]("Directed Relay Retransmit Status"),
		access.Describe[RSSIThresholdGet]("RSSI Threshold Get"),
		access.Describe[RSSIThresholdSet]("RSSI Threshold Set"),
		access.Describe[RSSIThresholdStatus]("RSSI Threshold Status"),
		access.Describe[DirectedPathsGet]("Directed Paths Get"),
		access.Describe[DirectedPathsStatus]("Directed Paths Status"),
		access.Describe[DirectedPublishPolicyGet]("Directed Publish Policy Get"),
		access.Describe[DirectedPublishPolicySet]("Directed Publish Policy Set"),
		access.Describe[DirectedPublishPolicyStatus]("Directed Publish Policy Status"),
		access.Describe[PathDiscoveryTimingControlGet]("Path Discovery Timing Control Get"),
		access.Describe[PathDiscoveryTimingControlSet]("Path Discovery Timing Control Set"),
		access.Describe[PathDiscoveryTimingControlStatus]("Path Discovery Timing Control Status"),
		access.Describe[DirectedControlNetworkTransmitGet]("Directed Control Network Transmit Get"),
		access.Describe[DirectedControlNetworkTransmitSet]("Directed Control Network Transmit Set"),
		access.Describe[DirectedControlNetworkTransmitStatus]("Directed Control Network Transmit Status"),
		access.Describe[DirectedControlRelayRetransmitGet]("Directed Control Relay Retransmit Get"),
		access.Describe[DirectedControlRelayRetransmitSet]("Directed Control Relay Retransmit Set"),
		access.Describe[DirectedControlRelayRetransmitStatus]("Directed Control Relay Retransmit Status"),
	}
}

func bridgeMessages() []access.Kind {
	return []access.Kind{
		access.Describe[SubnetBridgeGet]("Subnet Bridge Get"),
		access.Describe[SubnetBridgeSet]("Subnet Bridge Set"),
		access.Describe[SubnetBridgeStatus]("Subnet Bridge Status"),
		access.Describe[BridgingTableAdd]("Bridging Table Add"),
		access.Describe[BridgingTableRemove]("Bridging Table Remove"),
		access.Describe[BridgingTableStatus]("Bridging Table Status"),
		access.Describe[BridgedSubnetsGet]("Bridged Subnets Get"),
		access.Describe[BridgedSubnetsList]("Bridged Subnets List"),
		access.Describe[BridgingTableGet]("Bridging Table Get"),
		access.Describe[BridgingTableList]("Bridging Table List"),
		access.Describe[BridgingTableSizeGet]("Bridging Table Size Get"),
		access.Describe[BridgingTableSizeStatus]("Bridging Table Size Status"),
	}
}
