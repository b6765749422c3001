package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

// newLogger makes a logger as log.level and log.format require. It writes to w,
// one line at a time.
func newLogger(c config.Log, w io.Writer, environ []string) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		return zerolog.Nop(), fmt.Errorf("log.level: %w", err)
	}
	if c.Format == "console" || c.Format == "auto" && isTerminal(w) {
		plain := !isTerminal(w) || slices.ContainsFunc(environ, func(v string) bool { return len(v) > 9 && v[:9] == "NO_COLOR=" })
		w = zerolog.ConsoleWriter{Out: w, NoColor: plain, TimeFormat: "15:04:05.000", FieldsOrder: fieldsOrder()}
	}
	return zerolog.New(zerolog.SyncWriter(w)).Level(level).Hook(zerolog.HookFunc(stamp)), nil
}

// slogger returns a logger for packages that log with log/slog. Their lines
// become lines of log.
func slogger(log zerolog.Logger) *slog.Logger {
	return slog.New(unstamped{zerolog.NewSlogHandler(log)})
}

// unstamped removes the time from records, because [stamp] adds it to all lines.
type unstamped struct{ slog.Handler }

// Handle implements slog.Handler.
func (u unstamped) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return u.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (u unstamped) WithAttrs(fields []slog.Attr) slog.Handler {
	return unstamped{u.Handler.WithAttrs(fields)}
}

// WithGroup implements slog.Handler.
func (u unstamped) WithGroup(name string) slog.Handler { return unstamped{u.Handler.WithGroup(name)} }

// stamp adds the time with milliseconds. In zerolog itself the format is a
// global variable.
func stamp(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().Format("2006-01-02T15:04:05.000Z07:00"))
}

func isTerminal(w io.Writer) bool {
	if q, ok := w.(*lineQueue); ok {
		w = q.out
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// fieldsOrder is the order of the fields in console lines: who and where before
// what. All packages use the same names. Other fields follow in alphabetical
// order.
func fieldsOrder() []string {
	return []string{
		"adapter", "device", "uuid", "src", "dst", "element", "topic", "request",
		"opcode", "access_message", "fields", "hex", "payload",
	}
}
