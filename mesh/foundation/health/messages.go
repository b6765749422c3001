package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// healthMessages is the table of the messages of the Health models, with the names that section
// 4.3 gives them.
func healthMessages() []access.Kind {
	return []access.Kind{
		access.Describe[HealthCurrentStatus]("Health Current Status"),
		access.Describe[HealthFaultStatus]("Health Fault Status"),
		access.Describe[HealthFaultGet]("Health Fault Get"),
		access.Describe[HealthFaultClear]("Health Fault Clear"),
		access.Describe[HealthFaultClearUnacknowledged]("Health Fault Clear Unacknowledged"),
		access.Describe[HealthFaultTest]("Health Fault Test"),
		access.Describe[HealthFaultTestUnacknowledged]("Health Fault Test Unacknowledged"),
		access.Describe[HealthPeriodGet]("Health Period Get"),
		access.Describe[HealthPeriodSet]("Health Period Set"),
		access.Describe[HealthPeriodSetUnacknowledged]("Health Period Set Unacknowledged"),
		access.Describe[HealthPeriodStatus]("Health Period Status"),
		access.Describe[HealthAttentionGet]("Health Attention Get"),
		access.Describe[HealthAttentionSet]("Health Attention Set"),
		access.Describe[HealthAttentionSetUnacknowledged]("Health Attention Set Unacknowledged"),
		access.Describe[HealthAttentionStatus]("Health Attention Status"),
	}
}
