package generic

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 3.3).
const (
	OnOffServerID                 = sig | 0x1000
	OnOffClientID                 = sig | 0x1001
	LevelServerID                 = sig | 0x1002
	LevelClientID                 = sig | 0x1003
	DefaultTransitionTimeServerID = sig | 0x1004
	DefaultTransitionTimeClientID = sig | 0x1005
	PowerOnOffServerID            = sig | 0x1006
	PowerOnOffSetupServerID       = sig | 0x1007
	PowerOnOffClientID            = sig | 0x1008
	PowerLevelServerID            = sig | 0x1009
	PowerLevelSetupServerID       = sig | 0x100A
	PowerLevelClientID            = sig | 0x100B
	BatteryServerID               = sig | 0x100C
	BatteryClientID               = sig | 0x100D
	LocationServerID              = sig | 0x100E
	LocationSetupServerID         = sig | 0x100F
	LocationClientID              = sig | 0x1010
	AdminPropertyServerID         = sig | 0x1011
	ManufacturerPropertyServerID  = sig | 0x1012
	UserPropertyServerID          = sig | 0x1013
	ClientPropertyServerID        = sig | 0x1014
	PropertyClientID              = sig | 0x1015

	sig mesh.ModelID = 0xFFFF << 16
)
