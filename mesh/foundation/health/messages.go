package health

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Health models, with their names
// in section 4.3.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[CurrentStatus]("Health Current Status"),
		access.Describe[FaultStatus]("Health Fault Status"),
		access.Describe[FaultGet]("Health Fault Get"),
		access.Describe[FaultClear]("Health Fault Clear"),
		access.Describe[FaultClearUnacknowledged]("Health Fault Clear Unacknowledged"),
		access.Describe[FaultTest]("Health Fault Test"),
		access.Describe[FaultTestUnacknowledged]("Health Fault Test Unacknowledged"),
		access.Describe[PeriodGet]("Health Period Get"),
		access.Describe[PeriodSet]("Health Period Set"),
		access.Describe[PeriodSetUnacknowledged]("Health Period Set Unacknowledged"),
		access.Describe[PeriodStatus]("Health Period Status"),
		access.Describe[AttentionGet]("Health Attention Get"),
		access.Describe[AttentionSet]("Health Attention Set"),
		access.Describe[AttentionSetUnacknowledged]("Health Attention Set Unacknowledged"),
		access.Describe[AttentionStatus]("Health Attention Status"),
	}
}
