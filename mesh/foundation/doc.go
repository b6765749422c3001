// Package foundation holds the common parts of the foundation models (Mesh
// Protocol 1.1.1, chapter 4): model identifiers and names, status codes, the
// interface to the node of a server, and the base of all servers. Each model
// has its own package with its messages and its server. A client sends requests
// and needs no model for the answers.
//
//	configuration       Configuration: keys, publication, subscriptions, features, composition
//	health              Health: faults, self-tests, attention
//	remoteprovisioning  Remote Provisioning: the messages; mesh/remote has the models
//	directedforwarding  Directed Forwarding Configuration
//	bridgeconfig        Bridge Configuration
//	private             Mesh Private Beacon, On-Demand Private Proxy, Solicitation PDU RPL Configuration
//	sar                 SAR Configuration: segmentation and reassembly
//	opcodesaggregator   Opcodes Aggregator: several messages in one
//	largecomposition    Large Composition Data: pages in parts
//	catalog             the messages of all of them
//
// Each message is a struct with the fields of section 4.3. Its name is the name
// in the specification without the words that are already in the package name:
// Config NetKey Add is configuration.NetKeyAdd. The tables above the messages
// list the parameters in transmission order with their widths in bits. Within
// an octet the first field has the least significant bits.
//
//	+--------+------------+------------------+-----------+
//	| opcode | parameters in little endian               |
//	+--------+------------+------------------+-----------+
//
// Health messages are encrypted with an application key. Opcodes Aggregator
// messages are encrypted with an application key or the device key of the node.
// All other messages are encrypted with the device key.
package foundation
