package mqtt

import "github.com/rs/zerolog"

// LogLibrary sends the client library's own log lines, which are for debugging
// it, to logger at debug level. The library keeps its loggers in package
// variables, therefore this is for a program's start, never for a library or a
// test; without it those lines are dropped.
func LogLibrary(logger zerolog.Logger) { panic("TODO") }
