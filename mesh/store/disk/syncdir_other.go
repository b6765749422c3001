//go:build !unix

package disk

// syncDir does nothing where a directory cannot be synced; there the file
// system keeps names in its own journal.
func syncDir(string) error { return nil }
