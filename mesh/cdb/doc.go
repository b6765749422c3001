// Package cdb is the Mesh Configuration Database (Mesh Configuration Database
// Profile 1.0.1): the JSON in which phone apps and gateways hand a network to
// each other, with its keys, nodes, groups, scenes and the address ranges of
// its provisioners.
//
//	Database ─┬─ NetKeys, AppKeys      with the old key during a key refresh
//	          ├─ Provisioners          and the ranges that each gives out
//	          ├─ Nodes ── Elements ── Models ── bind, subscribe, publish
//	          ├─ Groups, Scenes
//	          └─ Exclusions            addresses of removed nodes, by IV index
//
// What is not in it: the IV index, sequence numbers, the replay protection list.
// Who takes a network over has to get the first from a beacon and must not
// send from an address that somebody else has sent from.
//
// Each object describes its fields once, for reading and for writing, with a
// codec that remembers where it is. So an error names the field:
//
//	nodes[3].elements[0].models[2].bind[1]: expected a key index from 0 to 4095, got 5000
//
// A database may be partial: then device keys and whole objects may be missing,
// and Check asks for less. Fields that the schema does not have are ignored.
package cdb
