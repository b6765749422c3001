// Package foundation holds the foundation models (Mesh Protocol 1.1, section 4):
// Configuration, Health, Remote Provisioning, Directed Forwarding and Bridge
// Configuration, Mesh Private Beacon, On-Demand Private Proxy, SAR
// Configuration, Opcodes Aggregator, Large Composition Data and Solicitation
// PDU RPL Configuration. Messages are in a file for each model, servers in
// server_*.go; who configures others sends requests and needs no client model.
//
// Each message is a struct with the name and the fields of section 4.3. The
// drawings above them give the parameters in the order of the air with their
// widths in bits; within an octet the field that is named first has the least
// significant bits.
//
//	+--------+------------+------------------+-----------+
//	| opcode | parameters in little endian               |
//	+--------+------------+------------------+-----------+
//
// Health messages are encrypted with an application key, those of the Opcodes
// Aggregator with an application key or the device key of the node, all others
// with the device key.
package foundation
