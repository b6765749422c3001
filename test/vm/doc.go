// Package vm tests what only a real Linux kernel shows: Debian's, under QEMU's
// software emulation, because the machines that run the tests have no Bluetooth
// of their own.
//
//	host                          | guest: initramfs, this test binary again
//	go test ./test/vm             |
//	  builds, boots, reads   <----| the parts of one test
//	  the serial line             |   TestLinux            TestBlueZ, TestKill, TestProvisioner, TestRefresh
//	                              |   hci/transport        btmesh2mqtt run, Mosquitto, a plug
//	                              |   hci/controller       BlueZ's mesh daemon, D-Bus (bluez)
//	                              |   hci/advertiser         |
//	                              |     | HCI_CHANNEL_USER   |
//	                              |   the kernel: hci0, hci1, ...
//	                              |     | /dev/vhci, one H4 packet per read and write
//	                              |   hci/virtual: controllers on one air, a room
//
// Each test is a [guest] with a table of parts and boots a machine of its own.
// -run chooses parts, and the machine runs just these:
//
//	go test -v -run 'TestBlueZ/join_legacy' ./test/vm
//
// says how long the machine took to boot and each part to run, and shows what
// the part logged; a part that fails shows also what its programs wrote, and the
// capture of the service's HCI traffic comes out over the serial line and is
// kept (test/keep).
//
// What runs in the guest is told from what runs outside by an environment
// variable that only the guest's init sets. The guest has what its guest type
// says: modules, and with stack Debian's programs with their libraries at the
// places where they are outside, btmesh2mqtt, and a loopback interface.
package vm
