package vm

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// radio is an adapter with the service's controller and bearer on it.
type radio struct {
	bearer *advertiser.Bearer
	states chan controller.Status
	heard  chan []byte
	stop   func()
}

// run starts a radio that notes what it hears.
func run(t *testing.T, name string) *radio {
	t.Helper()
	heard := make(chan []byte, 1000)
	r := tune(t, name, func(in *bearer.Incoming) { heard <- bytes.Clone(in.PDU()) })
	r.heard = heard
	return r
}

// tune starts a radio as the service does.
func tune(t *testing.T, name string, receive func(*bearer.Incoming)) *radio {
	t.Helper()
	spec, err := transport.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	r := &radio{states: make(chan controller.Status, 1000)}
	r.bearer = advertiser.New(advertiser.Config{Receive: receive})
	c := controller.New(controller.Config{
		Name: name, Open: spec.Open, Hosts: []controller.Host{r.bearer},
		Status: func(s controller.Status) { r.states <- s },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(r.stop)
	return r
}

// await waits until the controller is in a state.
func (r *radio) await(t *testing.T, want controller.State) controller.Status {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case s := <-r.states:
			t.Log(s.State, s.Err)
			if s.State == want {
				return s
			}
		case <-late:
			t.Fatalf("the controller is not %s", want)
		}
	}
}

// interval between the transmissions of a PDU; a 4.2 controller takes 100 ms.
const interval = 20 * time.Millisecond

// send puts a PDU on the air, twice.
func (r *radio) send(t *testing.T, text string) {
	t.Helper()
	m := bearer.NewOutgoing(bearer.Message, bearer.OwnLane(5), bearer.Transmit{Count: 2, Interval: interval}, []byte(text))
	if err := r.bearer.Send(m); err != nil {
		t.Error(err)
	}
}

// meet calls until the other radio hears, which listens only some time after
// its controller is running.
func (r *radio) meet(t *testing.T, other *radio) {
	t.Helper()
	const call = "call"
	m := bearer.NewOutgoing(bearer.Beacon, bearer.BeaconLane(), bearer.Transmit{Count: 255, Interval: interval}, []byte(call))
	if err := r.bearer.Send(m); err != nil {
		t.Error(err)
	}
	other.hears(t, call)
	r.bearer.Cancel(bearer.BeaconLane())
}

// hears waits for a PDU.
func (r *radio) hears(t *testing.T, want string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-r.heard:
			if string(got) == want {
				return
			}
		case <-late:
			t.Fatalf("%q was not heard; bearer: %+v", want, r.bearer.Stats())
		}
	}
}

// testAir has PDUs of all lengths go both ways.
func testAir(legacyA, legacyB bool) func(*testing.T) {
	return func(t *testing.T) {
		room := newRoom(t)
		a := room.plug(t, virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000001), Legacy: legacyA})
		b := room.plug(t, virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000002), Legacy: legacyB})
		b.switchOn(t)
		one, two := run(t, a.name()), run(t, b.address())
		for _, x := range []struct {
			radio  *radio
			dongle *dongle
			legacy bool
		}{{one, a, legacyA}, {two, b, legacyB}} {
			s := x.radio.await(t, controller.Running)
			if s.Info.Address != x.dongle.controller.Address() || s.Info.Extended == x.legacy {
				t.Errorf("got %+v", s.Info)
			}
		}
		one.meet(t, two)
		two.meet(t, one)
		for n := 2; n <= bearer.MaxPDU; n += 9 {
			there, back := fmt.Sprintf("%-*s", n, "to"), fmt.Sprintf("%-*s", n, "fro")
			one.send(t, there)
			two.send(t, back)
			two.hears(t, there)
			one.hears(t, back)
		}
		one.stop()
		two.stop()
		if a.isUp(t) || !b.isUp(t) {
			t.Errorf("%s was down and up is %t, %s was up and up is %t", a, a.isUp(t), b, b.isUp(t))
		}
	}
}

// testReplug takes the adapter away while the service runs.
func testReplug(legacy, on bool) func(*testing.T) {
	return func(t *testing.T) {
		room := newRoom(t)
		d := room.plug(t, virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000001), Legacy: legacy})
		other := room.plug(t, second())
		if on {
			d.switchOn(t)
		}
		ours, theirs := run(t, d.address()), run(t, other.address())
		ours.await(t, controller.Running)
		theirs.await(t, controller.Running)
		ours.meet(t, theirs)
		for i := range 3 {
			d.pull(t)
			ours.await(t, controller.Down)
			text := fmt.Sprintf("queued %d", i)
			ours.send(t, text)
			d.replug(t)
			ours.await(t, controller.Running)
			theirs.hears(t, text)
			theirs.meet(t, ours)
			theirs.send(t, text+" and back")
			ours.hears(t, text+" and back")
		}
	}
}

// testFresh starts the service on a dongle that the kernel knows only since now.
func testFresh(t *testing.T) {
	room := newRoom(t)
	d := room.attach(t, first())
	d.connect(t)
	run(t, d.address()).await(t, controller.Running)
}
