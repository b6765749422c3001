package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// aggregatorMessages is the table of the messages of the Opcodes Aggregator models, with the names that section
// 4.3 gives them.
func aggregatorMessages() []access.Kind {
	return []access.Kind{
		access.Describe[OpcodesAggregatorSequence]("Opcodes Aggregator Sequence"),
		access.Describe[OpcodesAggregatorStatus]("Opcodes Aggregator Status"),
	}
}
