package mqtt

import (
	"fmt"
	"strings"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/rs/zerolog"
)

// LogLibrary sends the client library's own log lines, which are for debugging
// it, to logger at debug level. The library keeps its loggers in package
// variables, therefore this is for a program's start, never for a library or a
// test; without it those lines are dropped.
func LogLibrary(logger zerolog.Logger) {
	paho.CRITICAL = libraryLog{logger, "critical"}
	paho.ERROR = libraryLog{logger, "error"}
	paho.WARN = libraryLog{logger, "warning"}
}

// libraryLog is the library's idea of a logger. Its levels are kept as a field
// only: it calls every failed attempt to connect an error.
type libraryLog struct {
	logger zerolog.Logger
	level  string
}

func (l libraryLog) Println(v ...any) { l.write(fmt.Sprintln(v...)) }

func (l libraryLog) Printf(format string, v ...any) { l.write(fmt.Sprintf(format, v...)) }

func (l libraryLog) write(line string) {
	l.logger.Debug().Str("library", "paho").Str("level_there", l.level).Msg(strings.TrimSpace(line))
}
