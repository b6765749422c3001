package clock

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 5.3).
const (
	ServerID      = mesh.SIG | 0x1200
	SetupServerID = mesh.SIG | 0x1201
	ClientID      = mesh.SIG | 0x1202
)
