package logging_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/internal/logging"
)

func TestWith(t *testing.T) {
	var out bytes.Buffer
	logging.With(slog.New(slog.NewTextHandler(&out, nil)), "adapter", "hci0").Info("ready")
	if text := out.String(); !strings.Contains(text, "msg=ready adapter=hci0") {
		t.Errorf("got %q", text)
	}
	logging.With(nil, "adapter", "hci0").Error("goes nowhere")
}
