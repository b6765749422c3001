package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// What a virtual device could not do is in the log, with its name, and nothing else.
func TestFaultsOfVirtualDevicesAreLogged(t *testing.T) {
	var out bytes.Buffer
	report := logFaults(zerolog.New(&out))
	report(node.KeysChanged{})
	if out.Len() != 0 {
		t.Errorf("logged %s", out.String())
	}
	report(node.Faulted{Err: errors.New("node: no room")})
	if got := out.String(); !strings.Contains(got, "node: no room") || !strings.Contains(got, "warn") {
		t.Errorf("logged %q", got)
	}
}
