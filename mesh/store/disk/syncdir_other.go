//go:build !unix

package disk

// syncDir does nothing where a directory cannot be synced; there the file
// system journals names itself.
func syncDir(string) error { return nil }
