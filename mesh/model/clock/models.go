package clock

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 5.3).
const (
	ServerID      = sig | 0x1200
	SetupServerID = sig | 0x1201
	ClientID      = sig | 0x1202

	sig mesh.ModelID = 0xFFFF << 16
)
