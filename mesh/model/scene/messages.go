package scene

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the Scene models, with their names
// in section 5.2.2 of Mesh Model.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[Get]("Scene Get"),
		access.Describe[Recall]("Scene Recall"),
		access.Describe[RecallUnacknowledged]("Scene Recall Unacknowledged"),
		access.Describe[Status]("Scene Status"),
		access.Describe[RegisterGet]("Scene Register Get"),
		access.Describe[RegisterStatus]("Scene Register Status"),
		access.Describe[Store]("Scene Store"),
		access.Describe[StoreUnacknowledged]("Scene Store Unacknowledged"),
		access.Describe[Delete]("Scene Delete"),
		access.Describe[DeleteUnacknowledged]("Scene Delete Unacknowledged"),
	}
}
