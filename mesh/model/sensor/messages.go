package sensor

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the sensor models, with their names
// in section 4.2 of Mesh Model.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[Get]("Sensor Get"),
		access.Describe[Status]("Sensor Status"),

		access.Describe[DescriptorGet]("Sensor Descriptor Get"),
		access.Describe[DescriptorStatus]("Sensor Descriptor Status"),

		access.Describe[ColumnGet]("Sensor Column Get"),
		access.Describe[ColumnStatus]("Sensor Column Status"),
		access.Describe[SeriesGet]("Sensor Series Get"),
		access.Describe[SeriesStatus]("Sensor Series Status"),

		access.Describe[CadenceGet]("Sensor Cadence Get"),
		access.Describe[CadenceSet]("Sensor Cadence Set"),
		access.Describe[CadenceSetUnacknowledged]("Sensor Cadence Set Unacknowledged"),
		access.Describe[CadenceStatus]("Sensor Cadence Status"),

		access.Describe[SettingsGet]("Sensor Settings Get"),
		access.Describe[SettingsStatus]("Sensor Settings Status"),
		access.Describe[SettingGet]("Sensor Setting Get"),
		access.Describe[SettingSet]("Sensor Setting Set"),
		access.Describe[SettingSetUnacknowledged]("Sensor Setting Set Unacknowledged"),
		access.Describe[SettingStatus]("Sensor Setting Status"),
	}
}
