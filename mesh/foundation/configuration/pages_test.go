package configuration_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/messagetest"
)

// FuzzPages decodes octets as pages 1 and 2 of the composition data.
func FuzzPages(f *testing.F) {
	f.Add(messagetest.Octets(f, "050307011afd0901383001080508480000050a00050ad0"))
	f.Add(messagetest.Octets(f, "02010000010700010000112233445566010001040002000011223336010100010600030000112233445500013601020001050004000011223344"))
	f.Fuzz(func(t *testing.T, data []byte) {
		messagetest.Pages(t, data,
			[2]access.Part{new(configuration.Relations), new(configuration.Relations)},
			[2]access.Part{new(configuration.Profiles), new(configuration.Profiles)})
	})
}
