// Package vm tests the service's way to the radio on a real Linux kernel:
// Debian's, under QEMU's software emulation, because the machines that run the
// tests have no Bluetooth of their own.
//
//	host                          | guest: initramfs, this test binary again
//	go test ./test/vm             | TestLinux's table
//	  builds, boots, reads   <----|   hci/transport, hci/controller, hci/advertiser
//	  the serial line             |     | HCI_CHANNEL_USER
//	                              |   the kernel: hci0, hci1
//	                              |     | /dev/vhci, one H4 packet per read and write
//	                              |   hci/virtual: controllers on one air
//
// What runs in the guest is told from what runs outside by an environment
// variable that only the guest's init sets.
package vm
