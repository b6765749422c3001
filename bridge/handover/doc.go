// Package handover imports a network from a Mesh Configuration Database, the JSON that
// phone apps share (Mesh Configuration Database Profile 1.0.1), and exports the
// bridge's own network as one.
//
//	file ── cdb.Parse ──▶ Import ──▶ node.Saved     keys, peers, our addresses
//	                             ──▶ device.Record  names, composition
//	                             ──▶ table "cdb"    what else was in the file
//
//	store ─▶ Export ──▶ cdb.Database ── JSON ──▶ file
//
// The bridge becomes one more provisioner of the network. It never uses the address of
// another one: nodes remember the last sequence number of each address, and the file
// does not have it. The bridge gets a range of its own. It learns the IV index from the
// first beacon that it hears, unless the user gives it.
//
// Groups, scenes, other provisioners and whatever else the bridge does not use are
// stored unchanged, one entry for the network and one for each node. An export
// contains them again.
package handover
