package largecomposition

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Large Composition Data models,
// with their names in section 4.3.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[DataGet]("Large Composition Data Get"),
		access.Describe[DataStatus]("Large Composition Data Status"),
		access.Describe[ModelsMetadataGet]("Models Metadata Get"),
		access.Describe[ModelsMetadataStatus]("Models Metadata Status"),
	}
}
