package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

// TestServiceCommand runs a service that behaves as each case requires.
func TestServiceCommand(t *testing.T) {
	for name, test := range map[string]struct {
		args   []string
		err    error
		code   int
		stderr string
	}{
		"done":                  {args: []string{"serve", "--log.format=json"}, code: exitDone},
		"failed":                {args: []string{"serve"}, err: errors.New("hci: no such device"), code: exitFailed, stderr: "btmesh2mqtt: hci: no such device\n"},
		"invalid configuration": {args: []string{"serve", "--log.level=x"}, code: exitUsage, stderr: "btmesh2mqtt: config: one problem:\n  log.level: expected one of trace, debug, info, warn, error, got \"x\" (--log.level)\n"},
		"invalid later":         {args: []string{"serve"}, err: &config.Invalid{Problems: []config.Problem{{Key: "k", Message: "m"}}}, code: exitUsage, stderr: "btmesh2mqtt: config: one problem:\n  k: m\n"},
		"argument":              {args: []string{"serve", "now"}, code: exitUsage, stderr: "btmesh2mqtt: unexpected argument \"now\": btmesh2mqtt serve takes flags only\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			a := newApp(nil, &stdout, &stderr)
			served := false
			root := a.rootCommand()
			root.AddCommand(a.serviceCommand("serve", "Serve", "", func(ctx context.Context, l *config.Loaded, _ zerolog.Logger) error {
				served = true
				if ctx == nil || l.Config.MQTT.URL == "" {
					t.Error("no context or no configuration")
				}
				return test.err
			}))
			root.SetArgs(test.args)
			if code := a.exitCode(root.ExecuteContext(t.Context())); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if stderr.String() != test.stderr || stdout.Len() > 0 {
				t.Errorf("stderr %q, want %q; stdout %q", &stderr, test.stderr, &stdout)
			}
			if want := test.code == exitDone || test.err != nil; served != want {
				t.Errorf("served: %v, want %v", served, want)
			}
		})
	}
}

func TestLoggerWritesJSONOffTheTerminal(t *testing.T) {
	var b bytes.Buffer
	log, err := newLogger(config.Log{Level: "info", Format: "auto"}, &b, nil)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug().Msg("not shown")
	log.Info().Stringer("password", config.NewSecret("hunter2")).Msg("shown")
	var line struct{ Level, Message, Time, Password string }
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatalf("%q: %v", &b, err)
	}
	if line.Level != "info" || line.Message != "shown" || line.Password != "(hidden)" {
		t.Errorf("got %+v", line)
	}
	if at, err := time.Parse(time.RFC3339, line.Time); err != nil || !strings.Contains(line.Time, ".") || time.Since(at) > time.Hour {
		t.Errorf("time %q: %v", line.Time, err)
	}
}

func TestLoggerForPeople(t *testing.T) {
	var b bytes.Buffer
	log, err := newLogger(config.Log{Level: "trace", Format: "console"}, &b, []string{"NO_COLOR=1"})
	if err != nil {
		t.Fatal(err)
	}
	log.Trace().Str("src", "0x0001").Msg("received")
	if got := b.String(); !strings.Contains(got, "TRC received src=0x0001") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
	if _, err := newLogger(config.Log{Level: "loud"}, os.Stderr, nil); err == nil {
		t.Error("an unknown level was accepted")
	}
}

func TestVersion(t *testing.T) {
	for name, test := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"no build information": {nil, "btmesh2mqtt (devel)\ncommit   unknown\ngo       unknown\nplatform unknown/unknown\n"},
		"complete build information": {&debug.BuildInfo{
			GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"},
			Settings: []debug.BuildSetting{
				{Key: "vcs.revision", Value: "abc"},
				{Key: "vcs.modified", Value: "true"},
				{Key: "vcs.time", Value: "2026-11-23T00:00:00Z"},
				{Key: "GOOS", Value: "linux"},
				{Key: "GOARCH", Value: "arm"},
				{Key: "GOARM", Value: "6"},
			},
		}, "btmesh2mqtt v1.2.3\ncommit   abc with changes of 2026-11-23T00:00:00Z\ngo       go1.26.8\nplatform linux/arm v6\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeVersion(&b, test.info); err != nil || b.String() != test.want {
				t.Errorf("got %q, %v, want %q", &b, err, test.want)
			}
		})
	}
}
