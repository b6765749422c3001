package scheduler

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Scheduler models, with their
// names in section 5.2.3 of Mesh Model.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[Get]("Scheduler Get"),
		access.Describe[Status]("Scheduler Status"),
		access.Describe[ActionGet]("Scheduler Action Get"),
		access.Describe[ActionSet]("Scheduler Action Set"),
		access.Describe[ActionSetUnacknowledged]("Scheduler Action Set Unacknowledged"),
		access.Describe[ActionStatus]("Scheduler Action Status"),
	}
}
