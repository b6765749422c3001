package bridgeconfig

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Bridge Configuration models,
// with their names in section 4.3.
func Messages() []access.Kind {
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
