package sensor

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 4.3).
const (
	ServerID      = mesh.SIG | 0x1100
	SetupServerID = mesh.SIG | 0x1101
	ClientID      = mesh.SIG | 0x1102
)
