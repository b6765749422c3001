//go:build !linux

package docs

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
)

func TestBlocks(t *testing.T) {
	need.Missing(t, "linux", "the blocks run in a network namespace")
}
