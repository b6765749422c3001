package blob

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models.
const (
	TransferServerID = mesh.SIG | 0x1400
	TransferClientID = mesh.SIG | 0x1401
)
