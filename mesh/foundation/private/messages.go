package private

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the models of this package, with
// their names in section 4.3.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[BeaconGet]("Private Beacon Get"),
		access.Describe[BeaconSet]("Private Beacon Set"),
		access.Describe[BeaconStatus]("Private Beacon Status"),
		access.Describe[GATTProxyGet]("Private GATT Proxy Get"),
		access.Describe[GATTProxySet]("Private GATT Proxy Set"),
		access.Describe[GATTProxyStatus]("Private GATT Proxy Status"),
		access.Describe[NodeIdentityGet]("Private Node Identity Get"),
		access.Describe[NodeIdentitySet]("Private Node Identity Set"),
		access.Describe[NodeIdentityStatus]("Private Node Identity Status"),

		access.Describe[OnDemandPrivateProxyGet]("On-Demand Private Proxy Get"),
		access.Describe[OnDemandPrivateProxySet]("On-Demand Private Proxy Set"),
		access.Describe[OnDemandPrivateProxyStatus]("On-Demand Private Proxy Status"),

		access.Describe[SolicitationPDURPLItemsClear]("Solicitation PDU RPL Items Clear"),
		access.Describe[SolicitationPDURPLItemsClearUnacknowledged]("Solicitation PDU RPL Items Clear Unacknowledged"),
		access.Describe[SolicitationPDURPLItemsStatus]("Solicitation PDU RPL Items Status"),
	}
}
