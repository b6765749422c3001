package scene

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 5.3).
const (
	ServerID      = mesh.SIG | 0x1203
	SetupServerID = mesh.SIG | 0x1204
	ClientID      = mesh.SIG | 0x1205
)
