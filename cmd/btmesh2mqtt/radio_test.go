package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// nobody is a node that ignores what it receives.
type nobody struct{}

func (nobody) Receive(*bearer.Incoming)         {}
func (nobody) ReceiveSighting(*bearer.Sighting) {}
func (nobody) ReceiveLink(bearer.LinkEvent)     {}

// Failures that are worth waiting for at start, and others.
func TestRadioIsAwaited(t *testing.T) {
	settingUp := errors.Join(transport.ErrBusy, transport.ErrSettingUp)
	for name, test := range map[string]struct {
		failure error
		lasts   time.Duration // duration of the failure
		least   time.Duration // time until awaitRadios returns
		most    time.Duration
		want    error
	}{
		"works":               {},
		"being set up":        {settingUp, 4 * time.Second, 4 * time.Second, 8 * time.Second, nil},
		"by address, at boot": {errors.Join(transport.ErrNoAdapter, transport.ErrSettingUp), time.Second, time.Second, 5 * time.Second, nil},
		"never set up":        {settingUp, time.Hour, setUpPatience, setUpPatience + 5*time.Second, transport.ErrSettingUp},
		"missing":             {transport.ErrNoAdapter, time.Second, 0, 0, transport.ErrNoAdapter},
		"held":                {transport.ErrBusy, time.Second, 0, 0, transport.ErrBusy},
		"without rights":      {transport.ErrPermission, time.Second, 0, 0, transport.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := virtual.NewAir(virtual.AirOptions{})
				defer func() { _ = air.Close() }()
				c, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(1)})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				var log bytes.Buffer
				r := newRadio(0, adapter{"hci0", func(context.Context) (transport.Transport, error) {
					if time.Since(began) < test.lasts {
						return nil, test.failure
					}
					return c.Transport(), nil
				}}, nobody{}, zerolog.New(&log))
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = r.controller.Run(ctx)
				}()
				err = awaitRadios(ctx, []*radio{r})
				took := time.Since(began)
				stop()
				<-done
				if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if took < test.least || took > test.most {
					t.Errorf("it took %s", took)
				}
				logged := strings.Count(log.String(), "waiting for the kernel, which is setting the adapter up")
				if waits := errors.Is(test.failure, transport.ErrSettingUp); waits && logged != 1 || !waits && logged != 0 {
					t.Errorf("logged %d times that the kernel is setting up the adapter", logged)
				}
			})
		})
	}
}
