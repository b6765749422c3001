// Package upgrade proves that a network survives an update of the program: the
// store and the retained topics that an older version wrote open under this one
// with the same devices, names, entities, topics and keys.
//
//	testdata/VERSION/store.tar.gz   store directory, with those of the virtual devices
//	testdata/VERSION/retained.json  what the broker kept, by topic
//	testdata/VERSION/network.json   the network with all its keys (Mesh Configuration Database)
//	testdata/VERSION/fixture.json   who wrote it, and the sequence numbers that were reserved
//
// Every folder of testdata is tested. To record another one with the program as
// it is now:
//
//	go test -run TestRecordUpgradeFixture ./test/upgrade -record v0.N
//
// A fixture is never changed or deleted: it stands for a network at somebody's
// home. What it promised is left out of the comparison only in [varies], with a
// reason.
package upgrade
