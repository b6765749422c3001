package bench_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	record "github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// Devices that the gateway knows: name and number of the node.
const (
	gatewayNumber = 0
	plugNumber    = 1
	lampNumber    = 16
	plugName      = "plug"
	lampName      = "lamp"
)

// service is the whole service except for its ends: octets of HCI on one side,
// octets of MQTT on the other.
//
//	chip ─ controller ─ advertiser ─ node ─ bridge ─ session ─ broker
type service struct {
	chip   *chip
	broker *broker
	alarm  *time.Timer
}

// start runs the service with one device until the test ends.
func start(tb testing.TB, name string, number int, elements []access.Element) *service {
	tb.Helper()
	r := interviewed(tb, name, sim.Address(number), mesh.UUID{0: 1, 1: byte(number)}, elements)
	a := assemble(tb, []*record.Record{r}, homeassistant.Options{}, "bench/"+name)
	s := &service{broker: a.broker, alarm: time.NewTimer(patience)}
	air := virtual.NewAir(virtual.AirOptions{})
	attached, err := air.Attach(virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000001)})
	if err != nil {
		tb.Fatal(err)
	}
	s.chip = newChip(attached.Transport())
	radio := advertiser.New(advertiser.Config{Receive: a.node.Receive})
	up := make(chan struct{}, 16)
	driver := controller.New(controller.Config{
		Name:  "bench",
		Open:  func(context.Context) (transport.Transport, error) { return s.chip, nil },
		Hosts: []controller.Host{radio},
		Status: func(status controller.Status) {
			if status.State == controller.Running {
				up <- struct{}{}
			}
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = driver.Run(ctx) }) // returns the context's error
	end := a.run(swift{radio})
	tb.Cleanup(func() {
		end()
		stop()
		parts.Wait()
		_ = air.Close()
	})
	<-up
	return s
}

// swift is the radio of a chip that sends a PDU in no time. The node must not wait for
// it: what is measured is the computer.
type swift struct{ *advertiser.Bearer }

// Pace implements bearer.Paced. With one transmission there is no interval either.
func (swift) Pace() bearer.Pace { return bearer.Pace{Interval: 20 * time.Millisecond, Parallel: 1} }

// peer is a device as the gateway receives it: events with encrypted statuses,
// made in advance.
type peer struct {
	core   *node.Core
	make   func(i int) access.Message
	events [][]byte
	made   int
}

func newPeer(tb testing.TB, number int, status func(i int) access.Message) *peer {
	p := &peer{core: newCore(tb, number), make: status}
	p.stock(tb)
	return p
}

// stock makes events in advance.
func (p *peer) stock(tb testing.TB) {
	tb.Helper()
	for range 4096 {
		payload, err := access.Append(nil, p.make(p.made))
		if err != nil {
			tb.Fatal(err)
		}
		p.made++
		now := epoch.Add(time.Duration(p.made) * 100 * time.Millisecond) // the radio is free again
		if _, err := p.core.Request(now, node.Request{Dst: sim.Address(gatewayNumber), TTL: mesh.DefaultTTL, Payload: payload}); err != nil {
			tb.Fatal(err)
		}
		out := p.core.Take()
		p.events = append(p.events, advertisement(bearer.Message, out.Send[0].PDU()))
	}
}

// next returns an event that was not received before. Making more is not
// measured.
func (p *peer) next(tb testing.TB) []byte {
	if len(p.events) == 0 {
		if b, ok := tb.(*testing.B); ok {
			b.StopTimer()
			defer b.StartTimer()
		}
		p.stock(tb)
	}
	event := p.events[0]
	p.events = p.events[1:]
	return event
}

// await waits for the next PUBLISH of a device's state.
func (s *service) await(tb testing.TB, topic string) {
	tb.Helper()
	s.alarm.Reset(patience)
	for {
		select {
		case got := <-s.broker.published:
			if got == topic {
				return
			}
		case <-s.alarm.C:
			tb.Fatalf("nothing was published on %s", topic)
		}
	}
}

// patience stops a test that makes no progress.
const patience = 5 * time.Minute

func lampStatus(i int) access.Message {
	return &light.CTLStatus{PresentCTLLightness: uint16(1000 + i%2*30000), PresentCTLTemperature: 3000}
}

func plugStatus(i int) access.Message { return &generic.OnOffStatus{PresentOnOff: i%2 == 0} }

// From the octets of an HCI event, an advertising report with an encrypted
// status, to the octets of the PUBLISH with the new state, one after the other:
// the time that a status takes through the whole service.
func BenchmarkEventToPublish(b *testing.B) {
	for _, c := range []struct {
		name, device string
		number       int
		elements     []access.Element
		status       func(i int) access.Message
	}{
		{"OnOff", plugName, plugNumber, device.NewPlug().Elements(), plugStatus},
		{"CTL", lampName, lampNumber, device.NewLamp().Elements(), lampStatus},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := start(b, c.device, c.number, c.elements)
			p := newPeer(b, c.number, c.status)
			status := func() {
				s.chip.give(p.next(b))
				s.await(b, "bench/"+c.device)
			}
			status()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				status()
			}
			b.StopTimer()
		})
	}
}

// From the octets of the PUBLISH with a command to those of the HCI command
// that transmits it. The answer and the new state that follow count for ns/op
// and for the allocations, but not for ns/command.
func BenchmarkCommandToHCI(b *testing.B) {
	s, p := startPlug(b)
	s.command(b, p, 1)
	var down time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		down += s.command(b, p, i+2)
	}
	b.StopTimer()
	b.ReportMetric(float64(down)/float64(b.N), "ns/command")
}

// startPlug runs the service with a plug and answers the state request that the
// bridge sends to every device at start.
func startPlug(tb testing.TB) (*service, *peer) {
	tb.Helper()
	s, p := start(tb, plugName, plugNumber, device.NewPlug().Elements()), newPeer(tb, plugNumber, plugStatus)
	s.awaitCommand(tb)
	s.chip.give(p.next(tb))
	s.await(tb, "bench/plug")
	return s, p
}

// awaitCommand waits until a message is transmitted.
func (s *service) awaitCommand(tb testing.TB) {
	tb.Helper()
	s.alarm.Reset(patience)
	select {
	case <-s.chip.sent:
	case <-s.alarm.C:
		tb.Fatal("nothing was transmitted")
	}
}

// command switches the plug on or off in turn and answers for it. It returns
// the time from PUBLISH to the HCI command.
func (s *service) command(tb testing.TB, p *peer, i int) time.Duration {
	tb.Helper()
	payloads := [2]string{`{"state":"ON"}`, `{"state":"OFF"}`}
	began := time.Now()
	s.broker.publish("bench/plug/set", payloads[i%2])
	s.awaitCommand(tb)
	down := time.Since(began)
	s.chip.give(p.next(tb))
	s.await(tb, "bench/plug")
	return down
}

// Checks what the benchmarks measure: a few commands down, a few statuses up.
// In the bubble a slow machine causes no retransmission.
func TestWholeWay(t *testing.T) {
	t.Run("commands", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, plug := startPlug(t)
			for i := 1; i < 20; i++ {
				s.command(t, plug, i)
			}
		})
	})
	t.Run("statuses", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, lampName, lampNumber, device.NewLamp().Elements())
			lamp := newPeer(t, lampNumber, lampStatus)
			for range 20 {
				s.chip.give(lamp.next(t))
				s.await(t, "bench/lamp")
			}
		})
	})
}
