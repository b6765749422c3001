package scheduler

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 5.3).
const (
	ServerID      = mesh.SIG | 0x1206
	SetupServerID = mesh.SIG | 0x1207
	ClientID      = mesh.SIG | 0x1208
)
