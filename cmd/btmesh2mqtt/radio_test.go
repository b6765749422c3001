package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// nobody is a node that ignores what it receives.
type nobody struct{}

func (nobody) Receive(*bearer.Incoming)         {}
func (nobody) ReceiveSighting(*bearer.Sighting) {}
func (nobody) ReceiveLink(bearer.LinkEvent)     {}

// attempts opens a controller, and fails as a test says.
type attempts struct {
	c    *virtual.Controller
	fail func(n int, since time.Duration) error // the error of the n-th attempt, from 1
	cut  int                                    // this many transports are lost with their first command

	began time.Time
	n     int
}

func (a *attempts) open(context.Context) (transport.Transport, error) {
	a.n++
	if a.fail != nil {
		if err := a.fail(a.n, time.Since(a.began)); err != nil {
			return nil, err
		}
	}
	if a.n <= a.cut {
		return lost{a.c.Transport()}, nil
	}
	return a.c.Transport(), nil
}

// lost is a transport that is lost with the first command.
type lost struct{ transport.Transport }

func (l lost) Write([]byte) error { _ = l.Transport.Close(); return io.ErrClosedPipe }

// Failures that are waited for at start, and others.
func TestRadioIsAwaited(t *testing.T) {
	settingUp := errors.Join(transport.ErrBusy, transport.ErrSettingUp)
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for name, test := range map[string]struct {
		failure error
		lasts   time.Duration // duration of the failure
		cut     int
		least   time.Duration // time until it is known, without waiting for adapters
		most    time.Duration
		want    error // without waiting for adapters
		waits   bool  // hci.wait makes a difference
	}{
		"works":               {},
		"being set up":        {failure: settingUp, lasts: 4 * time.Second, least: 4 * time.Second, most: 8 * time.Second},
		"by address, at boot": {failure: errors.Join(transport.ErrNoAdapter, transport.ErrSettingUp), lasts: time.Second, least: time.Second, most: 5 * time.Second},
		"never set up":        {failure: settingUp, lasts: time.Hour, least: setUpPatience, most: setUpPatience + 5*time.Second, want: transport.ErrSettingUp, waits: true},
		"missing":             {failure: transport.ErrNoAdapter, lasts: time.Minute, want: transport.ErrNoAdapter, waits: true},
		"no Bluetooth":        {failure: transport.ErrNoBluetooth, lasts: time.Minute, want: transport.ErrNoBluetooth, waits: true},
		"nobody listens":      {failure: refused, lasts: time.Minute, want: syscall.ECONNREFUSED, waits: true},
		"no serial port":      {failure: errors.Join(transport.ErrNoAdapter, fs.ErrNotExist), lasts: time.Minute, want: transport.ErrNoAdapter, waits: true},
		"no answer":           {failure: controller.ErrUnanswered, lasts: time.Minute, want: controller.ErrUnanswered, waits: true},
		"lost at once":        {cut: 3, want: io.ErrClosedPipe, waits: true},
		"held":                {failure: transport.ErrBusy, lasts: time.Second, want: transport.ErrBusy},
		"without rights":      {failure: transport.ErrPermission, lasts: time.Second, want: transport.ErrPermission},
		"unsuitable":          {failure: controller.ErrUnsuitable, lasts: time.Second, want: controller.ErrUnsuitable},
	} {
		for _, wait := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/wait=%v", name, wait), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := onlyController(t)
					a := &attempts{c: c, cut: test.cut, began: time.Now(), fail: func(_ int, since time.Duration) error {
						if since < test.lasts {
							return test.failure
						}
						return nil
					}}
					var log bytes.Buffer
					r := newRadio(0, adapter{"hci0", a.open}, nobody{}, nil, wait, zerolog.New(&log))
					ctx, stop := context.WithCancel(t.Context())
					done := make(chan struct{})
					go func() {
						defer close(done)
						_ = r.controller.Run(ctx)
					}()
					began := time.Now()
					err := awaitBeginnings(ctx, []*beginning{r.begin})
					took := time.Since(began)
					want, most := test.want, test.most
					if wait && test.waits {
						want = nil // it goes on without the adapter
					}
					if !errors.Is(err, want) || (err == nil) != (want == nil) {
						t.Errorf("got %v, want %v", err, want)
					}
					if took < test.least || took > most {
						t.Errorf("it took %s", took)
					}
					if wait && test.waits && test.lasts < time.Hour {
						if state := r.describe(); state.State == "running" {
							t.Errorf("it is %+v", state)
						}
						time.Sleep(test.lasts + 10*time.Second)
						if state := r.describe(); state.State != "running" || state.Error != "" {
							t.Errorf("when the adapter is there, it is %+v", state)
						}
					}
					stop()
					<-done
					for text, wanted := range map[string]bool{
						"waiting for the kernel, which is setting the adapter up": errors.Is(test.failure, transport.ErrSettingUp),
						"the adapter is not there; waiting for it":                wait && test.waits,
					} {
						if n := strings.Count(log.String(), text); n != map[bool]int{true: 1, false: 0}[wanted] {
							t.Errorf("%q is %d times in the log:\n%s", text, n, &log)
						}
					}
				})
			})
		}
	}
}

// TestNetworkWaitsForAnAdapter checks that nothing is created for an adapter that
// is not there.
func TestNetworkWaitsForAnAdapter(t *testing.T) {
	for name, test := range map[string]struct {
		failure error
		lasts   time.Duration
		wait    bool
		want    error
		least   time.Duration
	}{
		"works":            {wait: true},
		"missing, waits":   {failure: transport.ErrNoAdapter, lasts: time.Minute, wait: true, least: time.Minute},
		"missing":          {failure: transport.ErrNoAdapter, lasts: time.Minute, want: transport.ErrNoAdapter},
		"missing for good": {failure: transport.ErrNoAdapter, lasts: 24 * time.Hour, wait: true, want: context.DeadlineExceeded, least: time.Hour},
		"without rights":   {failure: transport.ErrPermission, lasts: time.Minute, wait: true, want: transport.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := onlyController(t)
				a := &attempts{c: c, began: time.Now(), fail: func(_ int, since time.Duration) error {
					if since < test.lasts {
						return test.failure
					}
					return nil
				}}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				conf := config.Default()
				conf.Store.Dir, conf.HCI.Wait = inMemory, test.wait
				began := time.Now()
				var log bytes.Buffer
				g, err := newGateway(ctx, &conf, []adapter{{"hci0", a.open}}, zerolog.New(zerolog.SyncWriter(&log)).Level(zerolog.WarnLevel))
				if strings.Contains(log.String(), "check the disk") {
					t.Errorf("the disk is blamed for the adapter:\n%s", &log)
				}
				if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if took := time.Since(began); took < test.least || took > test.least+10*time.Second {
					t.Errorf("it took %s", took)
				}
				if g != nil {
					_ = g.store.Close()
				}
			})
		})
	}
}

// TestUnsteadyRadio checks what bridge/health shows of an adapter that fails
// again and again, and when it does not any more.
func TestUnsteadyRadio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := onlyController(t)
		a := &attempts{c: c, began: time.Now()}
		told := make(chan struct{}, 1000)
		r := newRadio(0, adapter{"hci0", a.open}, nobody{}, func() { told <- struct{}{} }, true, zerolog.Nop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = r.controller.Run(ctx)
		}()
		defer func() { stop(); <-done }()
		expect := func(state, text string) {
			t.Helper()
			synctest.Wait()
			if a := r.describe(); a.State != state || !strings.Contains(a.Error, text) {
				t.Errorf("it is %s (%s), expected %s (%s)", a.State, a.Error, state, text)
			}
		}
		time.Sleep(time.Second)
		expect("running", "")
		c.HardwareError(7)
		time.Sleep(5 * time.Second)
		expect("running", "") // once is no reason to worry
		for range 30 {        // a hardware error every second
			c.HardwareError(7)
			time.Sleep(time.Second)
		}
		expect("unsteady", "code 0x07")
		time.Sleep(2 * time.Minute)
		expect("running", "")

		if len(told) == 0 || len(told) > 300 {
			t.Errorf("told %d times", len(told))
		}
		for len(told) > 0 {
			<-told
		}
		c.Unplug()
		synctest.Wait()
		expect("down", "unplugged")
		if len(told) == 0 {
			t.Error("nothing was told")
		}
		for range 100 { // it is tried all the time, and stays down
			time.Sleep(100 * time.Millisecond)
			expect("down", "unplugged")
		}
		if len(told) > 20 {
			t.Errorf("told %d times while it was away", len(told))
		}
		if err := c.Plug(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		expect("running", "")
	})
}

// onlyController is a virtual controller that is alone on its air.
func onlyController(t *testing.T) *virtual.Controller {
	t.Helper()
	air := virtual.NewAir(virtual.AirOptions{})
	t.Cleanup(func() { _ = air.Close() })
	c, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(1)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
