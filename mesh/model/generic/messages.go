package generic

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the generic models, with their names
// in section 3.2 of Mesh Model.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[OnOffGet]("Generic OnOff Get"),
		access.Describe[OnOffSet]("Generic OnOff Set"),
		access.Describe[OnOffSetUnacknowledged]("Generic OnOff Set Unacknowledged"),
		access.Describe[OnOffStatus]("Generic OnOff Status"),

		access.Describe[LevelGet]("Generic Level Get"),
		access.Describe[LevelSet]("Generic Level Set"),
		access.Describe[LevelSetUnacknowledged]("Generic Level Set Unacknowledged"),
		access.Describe[DeltaSet]("Generic Delta Set"),
		access.Describe[DeltaSetUnacknowledged]("Generic Delta Set Unacknowledged"),
		access.Describe[MoveSet]("Generic Move Set"),
		access.Describe[MoveSetUnacknowledged]("Generic Move Set Unacknowledged"),
		access.Describe[LevelStatus]("Generic Level Status"),

		access.Describe[DefaultTransitionTimeGet]("Generic Default Transition Time Get"),
		access.Describe[DefaultTransitionTimeSet]("Generic Default Transition Time Set"),
		access.Describe[DefaultTransitionTimeSetUnacknowledged]("Generic Default Transition Time Set Unacknowledged"),
		access.Describe[DefaultTransitionTimeStatus]("Generic Default Transition Time Status"),

		access.Describe[OnPowerUpGet]("Generic OnPowerUp Get"),
		access.Describe[OnPowerUpSet]("Generic OnPowerUp Set"),
		access.Describe[OnPowerUpSetUnacknowledged]("Generic OnPowerUp Set Unacknowledged"),
		access.Describe[OnPowerUpStatus]("Generic OnPowerUp Status"),

		access.Describe[PowerLevelGet]("Generic Power Level Get"),
		access.Describe[PowerLevelSet]("Generic Power Level Set"),
		access.Describe[PowerLevelSetUnacknowledged]("Generic Power Level Set Unacknowledged"),
		access.Describe[PowerLevelStatus]("Generic Power Level Status"),
		access.Describe[PowerLastGet]("Generic Power Last Get"),
		access.Describe[PowerLastStatus]("Generic Power Last Status"),
		access.Describe[PowerDefaultGet]("Generic Power Default Get"),
		access.Describe[PowerDefaultSet]("Generic Power Default Set"),
		access.Describe[PowerDefaultSetUnacknowledged]("Generic Power Default Set Unacknowledged"),
		access.Describe[PowerDefaultStatus]("Generic Power Default Status"),
		access.Describe[PowerRangeGet]("Generic Power Range Get"),
		access.Describe[PowerRangeSet]("Generic Power Range Set"),
		access.Describe[PowerRangeSetUnacknowledged]("Generic Power Range Set Unacknowledged"),
		access.Describe[PowerRangeStatus]("Generic Power Range Status"),

		access.Describe[BatteryGet]("Generic Battery Get"),
		access.Describe[BatteryStatus]("Generic Battery Status"),

		access.Describe[LocationGlobalGet]("Generic Location Global Get"),
		access.Describe[LocationGlobalSet]("Generic Location Global Set"),
		access.Describe[LocationGlobalSetUnacknowledged]("Generic Location Global Set Unacknowledged"),
		access.Describe[LocationGlobalStatus]("Generic Location Global Status"),
		access.Describe[LocationLocalGet]("Generic Location Local Get"),
		access.Describe[LocationLocalSet]("Generic Location Local Set"),
		access.Describe[LocationLocalSetUnacknowledged]("Generic Location Local Set Unacknowledged"),
		access.Describe[LocationLocalStatus]("Generic Location Local Status"),

		access.Describe[ManufacturerPropertiesGet]("Generic Manufacturer Properties Get"),
		access.Describe[ManufacturerPropertiesStatus]("Generic Manufacturer Properties Status"),
		access.Describe[ManufacturerPropertyGet]("Generic Manufacturer Property Get"),
		access.Describe[ManufacturerPropertySet]("Generic Manufacturer Property Set"),
		access.Describe[ManufacturerPropertySetUnacknowledged]("Generic Manufacturer Property Set Unacknowledged"),
		access.Describe[ManufacturerPropertyStatus]("Generic Manufacturer Property Status"),
		access.Describe[AdminPropertiesGet]("Generic Admin Properties Get"),
		access.Describe[AdminPropertiesStatus]("Generic Admin Properties Status"),
		access.Describe[AdminPropertyGet]("Generic Admin Property Get"),
		access.Describe[AdminPropertySet]("Generic Admin Property Set"),
		access.Describe[AdminPropertySetUnacknowledged]("Generic Admin Property Set Unacknowledged"),
		access.Describe[AdminPropertyStatus]("Generic Admin Property Status"),
		access.Describe[UserPropertiesGet]("Generic User Properties Get"),
		access.Describe[UserPropertiesStatus]("Generic User Properties Status"),
		access.Describe[UserPropertyGet]("Generic User Property Get"),
		access.Describe[UserPropertySet]("Generic User Property Set"),
		access.Describe[UserPropertySetUnacknowledged]("Generic User Property Set Unacknowledged"),
		access.Describe[UserPropertyStatus]("Generic User Property Status"),
		access.Describe[ClientPropertiesGet]("Generic Client Properties Get"),
		access.Describe[ClientPropertiesStatus]("Generic Client Properties Status"),
	}
}
