//go:build !unix

package disk

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
