// Package private implements the models that configure a node's privacy (Mesh
// Protocol 1.1.1, chapter 4): Mesh Private Beacon, On-Demand Private Proxy, and
// Solicitation PDU RPL Configuration; messages and servers.
//
//	BeaconServer         Mesh Private beacons, Private GATT Proxy, Private Node Identity
//	OnDemandProxyServer  how long the node advertises after a solicitation
//	SolicitationServer   clears the replay protection list of solicitations
//
// A range of addresses in the solicitation replay protection list:
//
//	| LengthPresent 1 | RangeStart 15 | [ RangeLength 8 ] |
package private
