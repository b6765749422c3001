package virtual_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// address is the n-th controller's address in a test.
func address(n int) packet.Address { return virtual.MakeAddress(0xC0FFEE000000 + uint64(n)) }

// room is an air that is closed when the test ends.
func room(t testing.TB, options virtual.AirOptions) *virtual.Air {
	air := virtual.NewAir(options)
	t.Cleanup(func() { air.Close() })
	return air
}

// station is a host with its controller: it sends commands and keeps what it
// receives.
type station struct {
	*virtual.Controller
	t       testing.TB
	link    transport.Transport
	answers chan packet.Event

	mu         sync.Mutex
	reports    []report
	terminated []termination
	others     []packet.Event
	data       []packet.ACL
	garbage    int
	ended      error
}

type report struct {
	packet.Report
	at time.Time
}

type termination struct {
	packet.SetTerminated
	at time.Time
}

// attach adds a controller to the air and connects a station to it.
func attach(t testing.TB, air *virtual.Air, options virtual.Options) *station {
	t.Helper()
	c, err := air.Attach(options)
	if err != nil {
		t.Fatal(err)
	}
	s := &station{Controller: c, t: t}
	s.connect()
	return s
}

func (s *station) connect() {
	s.link = s.Transport()
	s.answers = make(chan packet.Event, 64)
	done := make(chan struct{})
	go s.read(s.link, s.answers, done)
	s.t.Cleanup(func() {
		s.link.Close()
		<-done
	})
}

func (s *station) read(link transport.Transport, answers chan<- packet.Event, done chan<- struct{}) {
	defer close(done)
	buffer := make([]byte, packet.MaxLen)
	for {
		n, err := link.Read(buffer)
		if err != nil {
			s.mu.Lock()
			s.ended = err
			s.mu.Unlock()
			return
		}
		s.take(slices.Clone(buffer[:n]), answers)
	}
}

func (s *station) take(p []byte, answers chan<- packet.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, err := packet.ParseACL(p); err == nil {
		s.data = append(s.data, a)
		return
	}
	event, err := packet.ParseEvent(p)
	if err != nil {
		s.garbage++
		return
	}
	switch event.Code {
	case packet.EventCommandComplete, packet.EventCommandStatus:
		answers <- event
		return
	case packet.EventLEMeta:
		if walk, err := event.AdvertisingReports(); err == nil {
			var r report
			for walk.Next(&r.Report) {
				r.at = time.Now()
				s.reports = append(s.reports, r)
			}
			if err := walk.Err(); err != nil {
				s.t.Errorf("report: %v", err)
			}
			return
		}
		if end, err := event.AdvertisingSetTerminated(); err == nil {
			s.terminated = append(s.terminated, termination{end, time.Now()})
			return
		}
	}
	s.others = append(s.others, event)
}

// heard is what was reported until now, after all goroutines have become idle.
func (s *station) heard() []report {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reports)
}

func (s *station) ends() []termination {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.terminated)
}

// send writes a command and does not wait.
func (s *station) send(c packet.Command) {
	s.t.Helper()
	if err := s.link.Write(c.AppendTo(nil)); err != nil {
		s.t.Fatalf("%s: %v", c.Opcode(), err)
	}
}

// do sends a command and returns the status and return parameters of its
// answer.
func (s *station) do(c packet.Command) (packet.Status, []byte) {
	s.t.Helper()
	s.send(c)
	status, ret, ok := s.answer(c.Opcode())
	if !ok {
		s.t.Fatalf("%s: no answer", c.Opcode())
	}
	return status, ret
}

// answer waits up to a second for an answer.
func (s *station) answer(opcode packet.Opcode) (status packet.Status, ret []byte, ok bool) {
	s.t.Helper()
	select {
	case event := <-s.answers:
		if end, err := event.CommandStatus(); err == nil {
			if end.Opcode != opcode {
				s.t.Fatalf("answer to %s, want %s", end.Opcode, opcode)
			}
			return end.Status, nil, true
		}
		end, err := event.CommandComplete()
		if err != nil {
			s.t.Fatal(err)
		}
		if end.Opcode != opcode {
			s.t.Fatalf("answer to %s, want %s", end.Opcode, opcode)
		}
		status, err := packet.ReturnStatus(end.Return)
		if err != nil {
			s.t.Fatal(err)
		}
		return status, end.Return[1:], true
	case <-time.After(time.Second):
		return 0, nil, false
	}
}

// must runs commands that have to succeed.
func (s *station) must(commands ...packet.Command) {
	s.t.Helper()
	for _, c := range commands {
		if status, _ := s.do(c); status != packet.StatusSuccess {
			s.t.Fatalf("%s: %s", c.Opcode(), status)
		}
	}
}

// refuse runs a command that has to fail with a status.
func (s *station) refuse(want packet.Status, c packet.Command) {
	s.t.Helper()
	if status, _ := s.do(c); status != want {
		s.t.Errorf("%s %x: %s, want %s", c.Opcode(), c.Params(), status, want)
	}
}

// start is the first thing that a host does.
func (s *station) start() {
	s.t.Helper()
	s.must(packet.Reset(), packet.SetEventMask(^uint64(0)), packet.LESetEventMask(^uint64(0)))
}

var always = packet.Scan{Interval: 30 * time.Millisecond, Window: 30 * time.Millisecond}

// listen starts a station that scans all the time with the extended commands.
func (s *station) listen() *station {
	s.t.Helper()
	s.start()
	s.must(always.Extended(), packet.LESetExtendedScanEnable(true, false))
	return s
}

// listenLegacy is listen with the legacy commands.
func (s *station) listenLegacy() *station {
	s.t.Helper()
	s.start()
	s.must(always.Legacy(), packet.LESetScanEnable(true, false))
	return s
}

// nonconnectable is what a mesh advertiser sends: a set with legacy PDUs.
func nonconnectable(handle uint8, interval time.Duration) packet.Command {
	return packet.ExtendedAdvertising{
		Handle: handle, Properties: packet.PropertiesNonconnectable, IntervalMin: interval, IntervalMax: interval,
		Channels: packet.AllChannels, OwnAddress: packet.AddressPublic, TxPower: packet.TxPowerAny,
	}.Command()
}

// advertise makes a set and enables it; events 0 means no limit.
func (s *station) advertise(handle uint8, interval time.Duration, events uint8, data ...byte) {
	s.t.Helper()
	s.must(nonconnectable(handle, interval),
		packet.LESetExtendedAdvertisingData(handle, data),
		packet.LESetExtendedAdvertisingEnable(true, handle, events))
}

func legacyParameters(kind packet.LegacyType, interval time.Duration) packet.Command {
	return packet.LegacyAdvertising{
		IntervalMin: interval, IntervalMax: interval, Type: kind, Channels: packet.AllChannels,
	}.Command()
}

// advertiseLegacy does the same with the legacy commands.
func (s *station) advertiseLegacy(interval time.Duration, data ...byte) {
	s.t.Helper()
	s.must(legacyParameters(packet.LegacyNonconnectable, interval),
		packet.LESetAdvertisingData(data), packet.LESetAdvertisingEnable(true))
}

// event is a sniffed advertisement with a copy of its octets.
type event struct {
	elapsed time.Duration
	from    packet.Address
	handle  uint8
	data    string
}

// trace is what a sniffer saw.
type trace struct {
	mu     sync.Mutex
	events []event
}

func sniff(air *virtual.Air) *trace {
	var tr trace
	air.Sniff(func(a *virtual.Advertisement) {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.events = append(tr.events, event{a.Elapsed, a.From, a.Handle, string(a.Data)})
	})
	return &tr
}

func (tr *trace) all() []event {
	synctest.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.events)
}

// gaps are the times between consecutive events.
func gaps(events []event) []time.Duration {
	var d []time.Duration
	for i := 1; i < len(events); i++ {
		d = append(d, events[i].elapsed-events[i-1].elapsed)
	}
	return d
}
