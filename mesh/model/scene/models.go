package scene

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 5.3).
const (
	ServerID      = sig | 0x1203
	SetupServerID = sig | 0x1204
	ClientID      = sig | 0x1205

	sig mesh.ModelID = 0xFFFF << 16
)
