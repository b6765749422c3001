package light

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 6.4).
const (
	LightnessServerID      = sig | 0x1300
	LightnessSetupServerID = sig | 0x1301
	LightnessClientID      = sig | 0x1302
	CTLServerID            = sig | 0x1303
	CTLSetupServerID       = sig | 0x1304
	CTLClientID            = sig | 0x1305
	CTLTemperatureServerID = sig | 0x1306
	HSLServerID            = sig | 0x1307
	HSLSetupServerID       = sig | 0x1308
	HSLClientID            = sig | 0x1309
	HSLHueServerID         = sig | 0x130A
	HSLSaturationServerID  = sig | 0x130B
	XYLServerID            = sig | 0x130C
	XYLSetupServerID       = sig | 0x130D
	XYLClientID            = sig | 0x130E
	LCServerID             = sig | 0x130F
	LCSetupServerID        = sig | 0x1310
	LCClientID             = sig | 0x1311

	sig mesh.ModelID = 0xFFFF << 16
)
