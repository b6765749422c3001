package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// largeMessages is the table of the messages of the Large Composition Data models, with the names that section
// 4.3 gives them.
func largeMessages() []access.Kind {
	return []access.Kind{
		access.Describe[LargeCompositionDataGet]("Large Composition Data Get"),
		access.Describe[LargeCompositionDataStatus]("Large Composition Data Status"),
		access.Describe[ModelsMetadataGet]("Models Metadata Get"),
		access.Describe[ModelsMetadataStatus]("Models Metadata Status"),
	}
}
