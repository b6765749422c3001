package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
)

// Lines that packages log with log/slog look like all others: the same levels and
// names, the same form of times and durations, and each field once.
func TestSlogLines(t *testing.T) {
	for level, want := range map[string][]string{
		"trace": {"trace", "debug", "info", "warn", "error"},
		"debug": {"debug", "info", "warn", "error"},
		"warn":  {"warn", "error"},
	} {
		var out bytes.Buffer
		zero, err := newLogger(config.Log{Level: level, Format: "json"}, &out, nil)
		if err != nil {
			t.Fatal(err)
		}
		log := slogger(zero).With("adapter", "hci0")
		for _, l := range []slog.Level{controller.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			log.Log(context.Background(), l, "said", "error", errors.New("broken"), "pause", 1500*time.Millisecond, "radio", uint8(1))
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			var fields struct {
				Level, Time, Message, Adapter, Error string
				Pause                                float64
				Radio                                int
			}
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			got = append(got, fields.Level)
			if fields.Message != "said" || fields.Adapter != "hci0" || fields.Error != "broken" || fields.Pause != 1500 || fields.Radio != 1 ||
				strings.Count(line, `"time":`) != 1 || strings.Count(line, `"adapter":`) != 1 {
				t.Errorf("line %s", line)
			}
			if _, err := time.Parse("2006-01-02T15:04:05.000Z07:00", fields.Time); err != nil {
				t.Error(err)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("level %s: got the lines %v, expected %v", level, got, want)
		}
	}
}
