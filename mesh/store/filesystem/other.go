//go:build !unix

package filesystem

// NonBlocking is a flag that other systems need.
const NonBlocking = 0

// syncDir does nothing where a directory cannot be synced; there the file
// system journals names itself.
func syncDir(string) error { return nil }
