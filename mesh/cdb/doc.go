// Package cdb implements the Mesh Configuration Database (Mesh Configuration
// Database Profile 1.0.1): the JSON format in which phone apps and gateways
// exchange a network, with its keys, nodes, groups, scenes and the address
// ranges of its provisioners.
//
//	Database ─┬─ NetKeys, AppKeys      with the old key during a key refresh
//	          ├─ Provisioners          and the ranges that each assigns
//	          ├─ Nodes ── Elements ── Models ── bind, subscribe, publish
//	          ├─ Groups, Scenes
//	          └─ Exclusions            addresses of removed nodes, by IV index
//
// It does not contain the IV index, sequence numbers or the replay protection
// list. A program that takes over a network has to get the IV index from a
// beacon, and must not send from an address that another node has already used.
//
// Each object describes its fields once, for reading and writing, with a codec
// that knows its position. So an error names the field:
//
//	nodes[3].elements[0].models[2].bind[1]: expected a key index from 0 to 4095, got 5000
//
// Parse and JSON keep a whole database in memory. File and Writer pass its nodes
// one by one: a network of 20,000 nodes is 30 MB of JSON.
//
//	Open ─▶ File ── Head, then Nodes ─▶ visit(node)
//	NewWriter(head) ─▶ Writer ── Add(node) ... Close
//
// A database may be partial: device keys and whole objects may then be missing,
// and Check requires less. Fields that the schema does not define are ignored.
package cdb
