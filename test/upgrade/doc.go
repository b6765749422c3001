// Package upgrade tests that a network survives an update of the program. It
// opens the store and the retained topics that an older version wrote with the
// current program, and expects the same devices, names, entities, topics and
// keys.
//
//	testdata/VERSION/store.tar.gz   the store directory, with the stores of the virtual devices
//	testdata/VERSION/retained.json  what the broker kept, by topic
//	testdata/VERSION/network.json   the network with all its keys (Mesh Configuration Database)
//	testdata/VERSION/fixture.json   who wrote it, and the sequence numbers that were reserved
//
// Every folder of testdata is tested. To record another one with the current
// program:
//
//	go test -run TestRecordUpgradeFixture ./test/upgrade -record v0.N
//
// Never change or delete a fixture: it represents a network in somebody's home.
// A part of it is excluded from the comparison only in [varies], with a reason.
package upgrade
