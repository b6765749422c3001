package firmware

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models.
const (
	UpdateServerID       = mesh.SIG | 0x1402
	UpdateClientID       = mesh.SIG | 0x1403
	DistributionServerID = mesh.SIG | 0x1404
	DistributionClientID = mesh.SIG | 0x1405
)
