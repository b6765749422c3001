// Package catalog lists the messages of all foundation models (Mesh Protocol
// 1.1.1, section 4.3), for code that decodes or names any of them.
//
//	opcode ──▶ access.Registry built from Messages ──▶ name, fields
package catalog

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/bridgeconfig"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/directedforwarding"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/largecomposition"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/private"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/sar"
)

// Messages is the table of the messages of the foundation models, with their
// names in section 4.3.
func Messages() []access.Kind {
	return slices.Concat(
		configuration.Messages(),
		health.Messages(),
		remoteprovisioning.Messages(),
		private.Messages(),
		sar.Messages(),
		opcodesaggregator.Messages(),
		largecomposition.Messages(),
		directedforwarding.Messages(),
		bridgeconfig.Messages(),
	)
}
