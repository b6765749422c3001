// Package foundation holds what the foundation models have in common (Mesh
// Protocol 1.1.1, chapter 4): the identifiers and names of models, the status
// codes, the node that a server works on, and the frame of a server. Each model
// is a package of its own, with its messages and its server. A client sends
// requests and needs no model for the answers.
//
//	configuration       Configuration: keys, publication, subscriptions, features, composition
//	health              Health: faults, self-tests, attention
//	remoteprovisioning  Remote Provisioning: the messages; mesh/remote has the models
//	directedforwarding  Directed Forwarding Configuration
//	bridgeconfig        Bridge Configuration
//	private             Mesh Private Beacon, On-Demand Private Proxy, Solicitation PDU RPL Configuration
//	sar                 SAR Configuration: segmentation and reassembly
//	opcodesaggregator   Opcodes Aggregator: many messages in one
//	largecomposition    Large Composition Data: pages in parts
//	catalog             the messages of all of them
//
// Each message is a struct with the fields of section 4.3. Its name is that of
// the specification without the words that its package already says: Config
// NetKey Add is configuration.NetKeyAdd. The drawings above the messages give
// the parameters in the order of the air with their widths in bits; within an
// octet the field that is named first has the least significant bits.
//
//	+--------+------------+------------------+-----------+
//	| opcode | parameters in little endian               |
//	+--------+------------+------------------+-----------+
//
// Health messages are encrypted with an application key, those of the Opcodes
// Aggregator with an application key or the device key of the node, all others
// with the device key.
package foundation
