package sensor

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 4.3).
const (
	ServerID      = sig | 0x1100
	SetupServerID = sig | 0x1101
	ClientID      = sig | 0x1102

	sig mesh.ModelID = 0xFFFF << 16
)
