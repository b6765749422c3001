package clock

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Time models, with their names in
// section 5.2.1 of Mesh Model.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[Get]("Time Get"),
		access.Describe[Set]("Time Set"),
		access.Describe[Status]("Time Status"),
		access.Describe[RoleGet]("Time Role Get"),
		access.Describe[RoleSet]("Time Role Set"),
		access.Describe[RoleStatus]("Time Role Status"),
		access.Describe[ZoneGet]("Time Zone Get"),
		access.Describe[ZoneSet]("Time Zone Set"),
		access.Describe[ZoneStatus]("Time Zone Status"),
		access.Describe[DeltaGet]("TAI-UTC Delta Get"),
		access.Describe[DeltaSet]("TAI-UTC Delta Set"),
		access.Describe[DeltaStatus]("TAI-UTC Delta Status"),
	}
}
