//go:build unix

package disk

import "os"

// syncDir makes created or renamed names in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // read only
	return d.Sync()
}
