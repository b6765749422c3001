// Package logging prepares the loggers of the packages in hci. Each takes a
// [slog.Logger], and logs nothing without one: the program decides where the
// lines go.
package logging

import "log/slog"

// With returns log with fields for all its lines, as [slog.Logger.With] does.
// If log is nil, the result discards everything.
func With(log *slog.Logger, fields ...any) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log.With(fields...)
}
