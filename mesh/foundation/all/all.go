package foundation

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Messages is the table of the messages of the foundation models, with the
// names that section 4.3 gives them.
func Messages() []access.Kind {
	return slices.Concat(
		configMessages(),
		healthMessages(),
		remoteMessages(),
		privateMessages(),
		sarMessages(),
		aggregatorMessages(),
		largeMessages(),
		directedMessages(),
		bridgeMessages(),
	)
}
