package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// privateMessages is the table of the messages of the models of this package, with the names that section
// 4.3 gives them.
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

		access.Describe[SolicitationPDURPLItemsClear]("Solicitation PDU RPL Items Clear"),
		access.Describe[SolicitationPDURPLItemsClearUnacknowledged]("Solicitation PDU RPL Items Clear Unacknowledged"),
		access.Describe[SolicitationPDURPLItemsStatus]("Solicitation PDU RPL Items Status")}
}
