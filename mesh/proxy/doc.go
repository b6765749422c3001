// Package proxy is the proxy protocol, which connects a node over GATT (Mesh
// Protocol 1.1, chapter 6, and the services of chapter 7). It is pure: it has
// no connections and no clock, and only the keys that are passed to it.
//
//	pdu.go             Proxy PDUs: segmentation and reassembly (section 6.3)
//	configuration.go   proxy configuration messages (section 6.6)
//	filter.go          what a proxy server forwards to a client (section 6.4)
//	identity.go        the service data that identifies a proxy (section 7.2.2.2)
//	solicitation.go    solicitations, and the list against replays (section 6.9)
//	client.go          which proxies to connect to
//	clientlink.go      and their filters
//	candidate.go       the proxies in range, and whom to try next
//	known.go           the proxies that are remembered
//	status.go          what is told about proxies
//	server.go          the clients that are connected to this node
//
// A Proxy PDU is one attribute value, at most as long as the ATT MTU minus
// three octets:
//
//	+-----+------+----------------------+
//	| SAR | type | message, or a part   |
//	+-----+------+----------------------+
//	bits 2    6
//
//	SAR   0 complete, 1 first, 2 continuation, 3 last
//	type  0 network PDU, 1 mesh beacon, 2 proxy configuration, 3 provisioning PDU
//
// A proxy configuration message is the transport PDU of a network PDU with CTL
// 1, TTL 0 and no destination, encrypted with the proxy nonce. All numbers are
// big-endian:
//
//	+--------+----------------------+
//	| opcode | parameters, 0 to 11  |
//	+--------+----------------------+
//
// The exchange on a client's connection:
//
//	client                                    server
//	                             <-           mesh beacon of each subnet
//	    Set Filter Type          ->
//	                             <-           Filter Status
//	    Add Addresses            ->
//	                             <-           Filter Status
//	    network PDUs             ->
//	                             <-           network PDUs that pass the filter
package proxy
