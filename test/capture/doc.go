// Package capture tries hci/capture with everything around it: a session of two
// nodes with the whole stack is captured and played back into another stack, and
// other people's programs read the file.
package capture
