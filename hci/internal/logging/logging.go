// Package logging prepares the loggers of hci's packages. They take a
// [slog.Logger] and none by default: a program that uses them chooses where
// their lines go, or that they go nowhere.
package logging

import "log/slog"

// With is log with fields that all its lines have, as in [slog.Logger.With]. For
// a nil log it is one that discards everything.
func With(log *slog.Logger, fields ...any) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log.With(fields...)
}
