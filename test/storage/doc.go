// Package storage tests the bridge on a disk that fails while it runs: node, bridge and
// store together, on a file system in which each call can be made to fail, to take
// seconds, or to hang.
package storage
