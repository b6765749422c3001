package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/capture"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
)

// recorder writes the HCI traffic to a file. A nil recorder writes nothing.
type recorder struct{ *capture.Recorder }

// openCapture starts the capture if hci.capture is set. Close it after the
// radios have ended.
func openCapture(c config.HCI, log zerolog.Logger) (*recorder, error) {
	if c.Capture == "" {
		return nil, nil //nolint:nilnil // nothing to record
	}
	const mebi = 1 << 20
	r, err := capture.Create(capture.Options{
		Path:  c.Capture,
		Limit: int64(c.CaptureSize) * mebi,
		Note:  "btmesh2mqtt " + programVersion(),
		Log:   slogger(log),
	})
	if err != nil {
		return nil, fmt.Errorf("hci.capture: %w", err)
	}
	log.Info().Str("capture", c.Capture).Msg("writing HCI traffic to a file")
	return &recorder{r}, nil
}

// tap returns the adapter's transport, recorded under a number if there is a
// recorder.
func (r *recorder) tap(number int, a adapter) adapter {
	if r == nil {
		return a
	}
	open := a.open
	a.open = func(ctx context.Context) (transport.Transport, error) {
		t, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return r.Tap(t, uint16(number), a.name), nil
	}
	return a
}

// close ends the file. Write errors have already been logged.
func (r *recorder) close() {
	if r != nil {
		_ = r.Close()
	}
}
