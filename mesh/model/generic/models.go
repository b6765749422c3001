package generic

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 3.3).
const (
	OnOffServerID                 = mesh.SIG | 0x1000
	OnOffClientID                 = mesh.SIG | 0x1001
	LevelServerID                 = mesh.SIG | 0x1002
	LevelClientID                 = mesh.SIG | 0x1003
	DefaultTransitionTimeServerID = mesh.SIG | 0x1004
	DefaultTransitionTimeClientID = mesh.SIG | 0x1005
	PowerOnOffServerID            = mesh.SIG | 0x1006
	PowerOnOffSetupServerID       = mesh.SIG | 0x1007
	PowerOnOffClientID            = mesh.SIG | 0x1008
	PowerLevelServerID            = mesh.SIG | 0x1009
	PowerLevelSetupServerID       = mesh.SIG | 0x100A
	PowerLevelClientID            = mesh.SIG | 0x100B
	BatteryServerID               = mesh.SIG | 0x100C
	BatteryClientID               = mesh.SIG | 0x100D
	LocationServerID              = mesh.SIG | 0x100E
	LocationSetupServerID         = mesh.SIG | 0x100F
	LocationClientID              = mesh.SIG | 0x1010
	AdminPropertyServerID         = mesh.SIG | 0x1011
	ManufacturerPropertyServerID  = mesh.SIG | 0x1012
	UserPropertyServerID          = mesh.SIG | 0x1013
	ClientPropertyServerID        = mesh.SIG | 0x1014
	PropertyClientID              = mesh.SIG | 0x1015
)
