// Package handover takes a network over from a Mesh Configuration Database, the
// JSON that phone apps share, and hands the bridge's own network out as one.
//
//	file ── cdb.Parse ──▶ Import ──▶ node.Saved     keys, peers, our addresses
//	                             ──▶ device.Record  names, composition
//	                             ──▶ table "cdb"    what else was in the file
//
//	store ─▶ Export ──▶ cdb.Database ── JSON ──▶ file
//
// The bridge becomes one more provisioner of the network. It never takes the
// address of another one: the nodes know the last sequence number of each
// address, and the file does not. It gets a range of its own, and it learns the
// IV index from the first beacon that it hears, unless it is told.
//
// Groups, scenes, other provisioners and what the bridge does not use are kept
// as they came, one entry for the network and one for each node, so that an
// export gives them back.
package handover
