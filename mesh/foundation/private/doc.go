// Package private holds the models that configure what a node shows of itself
// to others (Mesh Protocol 1.1.1, chapter 4): Mesh Private Beacon, On-Demand
// Private Proxy, and Solicitation PDU RPL Configuration; messages and servers.
//
//	BeaconServer         private beacons, private GATT proxy, private node identity
//	OnDemandProxyServer  for how long the node advertises after a solicitation
//	SolicitationServer   which solicitations the node forgets
//
// A range of addresses in the replay protection list of Solicitation PDUs:
//
//	| LengthPresent 1 | RangeStart 15 | [ RangeLength 8 ] |
package private
