package light

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh"

// Identifiers of the models (Mesh Model 1.1, section 6.4).
const (
	LightnessServerID      = mesh.SIG | 0x1300
	LightnessSetupServerID = mesh.SIG | 0x1301
	LightnessClientID      = mesh.SIG | 0x1302
	CTLServerID            = mesh.SIG | 0x1303
	CTLSetupServerID       = mesh.SIG | 0x1304
	CTLClientID            = mesh.SIG | 0x1305
	CTLTemperatureServerID = mesh.SIG | 0x1306
	HSLServerID            = mesh.SIG | 0x1307
	HSLSetupServerID       = mesh.SIG | 0x1308
	HSLClientID            = mesh.SIG | 0x1309
	HSLHueServerID         = mesh.SIG | 0x130A
	HSLSaturationServerID  = mesh.SIG | 0x130B
	XYLServerID            = mesh.SIG | 0x130C
	XYLSetupServerID       = mesh.SIG | 0x130D
	XYLClientID            = mesh.SIG | 0x130E
	LCServerID             = mesh.SIG | 0x130F
	LCSetupServerID        = mesh.SIG | 0x1310
	LCClientID             = mesh.SIG | 0x1311
)
