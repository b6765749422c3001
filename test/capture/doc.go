// Package capture tests hci/capture with everything around it: a session of two
// nodes with the whole stack is captured and replayed into another stack, and
// btmon and Wireshark read the file.
package capture
