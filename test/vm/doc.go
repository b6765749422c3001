// Package vm holds the tests that need a real Linux kernel. The machines that run
// the tests have no Bluetooth in their own kernel, so each test boots Debian's
// kernel in a virtual machine, under QEMU's software emulation.
//
//	host                          | guest: initramfs, init is this test binary
//	go test ./test/vm             |
//	  builds, boots, watches  <---| console: the kernel's lines, init's heartbeat
//	  reads the results       <---| second serial line: go test's output
//	                              |
//	                              |   TestLinux            TestBlueZ, TestKill, TestProvisioner, TestRefresh
//	                              |   hci/transport        btmesh2mqtt run, Mosquitto, a plug
//	                              |   hci/controller       BlueZ's mesh daemon, D-Bus (bluez)
//	                              |   hci/advertiser         |
//	                              |     | HCI_CHANNEL_USER   |
//	                              |   the kernel: hci0, hci1, ...
//	                              |     | /dev/vhci, one H4 packet per read and write
//	                              |   hci/virtual: controllers that hear each other
//
// Each test is a [guest] with a table of parts and boots a machine of its own.
// -run chooses parts, and the machine runs just these:
//
//	go test -v -run 'TestBlueZ/join_legacy' ./test/vm
//
// prints how long the machine took to boot and each part to run, and what the
// part logged. A part that fails also shows what its programs wrote, and the
// capture of the service's HCI traffic comes out over the serial line and is
// kept (test/keep).
//
// An environment variable that only the guest's init sets tells the tests that
// they run in the guest. The guest has the kernel modules that its guest type
// names, and with stack also Debian's programs with their libraries, btmesh2mqtt,
// and a loopback interface.
//
// # Guests that hang
//
// On a busy machine guests used to die before init ran. To find out how the timer
// interrupt is wired, the kernel waits for 160 million counts of the time stamp
// counter, some 60 ms, and expects five ticks of the 8254 timer. The emulator
// makes these ticks in another thread; if that thread got no CPU meanwhile, the
// kernel tried other wirings and at the end panicked ("IO-APIC + timer doesn't
// work"). The guests now boot with no_timer_check.
//
// A guest that hangs for another reason is found by its silence (watch). Before
// its tests begin it is killed and started again, at most three times, and each
// restart is printed. Once the tests have begun, a guest without a heartbeat, or
// tests that log nothing for a long time, are a failure. No limit is on the time
// that anything takes: a slow guest does not fail. When a test fails, the complete
// console of each boot, QEMU's own messages, and for a guest that hung the state
// of its CPUs and interrupt controllers are kept (test/keep).
//
// To boot a hundred guests beside two busy loops, two guests at a time, and count
// the restarts:
//
//	MESH_TEST_BOOTS=100 go test -v -run '^TestBoots$' -parallel 2 -timeout 0 ./test/vm
//
// MESH_TEST_BUSY is the number of busy loops.
package vm
