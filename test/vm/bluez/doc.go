package bluez

// MeshDaemon and BusDaemon are where Debian's packages bluez-meshd and dbus put
// the two daemons.
const (
	MeshDaemon = "/usr/libexec/bluetooth/bluetooth-meshd"
	BusDaemon  = "/usr/bin/dbus-daemon"
)
