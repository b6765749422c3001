package opcodesaggregator

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Opcodes Aggregator models, with
// their names in section 4.3.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[Sequence]("Opcodes Aggregator Sequence"),
		access.Describe[Status]("Opcodes Aggregator Status"),
	}
}
