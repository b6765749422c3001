package remote

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// sent is a message that the server sent to a client.
type sent struct {
	to   Client
	m    access.Message
	done func(bool)
}

// station is a node that contains only a server.
type station struct {
	t        *testing.T
	server   *Server
	now      time.Time
	random   io.Reader
	messages []sent
	sent     int // PB-ADV PDUs
	reply    access.Message

	elements  int
	prepared  *provision.Joined
	committed bool
	discarded int
}

func newStation(t *testing.T) *station {
	t.Helper()
	s := &station{t: t, server: NewServer(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), random: rand.NewChaCha8([32]byte{1}), elements: 2}
	s.server.Attach(s)
	return s
}

func (s *station) UUID() mesh.UUID { return mesh.UUID{0xEE} }

func (s *station) Random() io.Reader { return s.random }

func (s *station) SendTo(to Client, m access.Message, done func(bool)) {
	s.messages = append(s.messages, sent{to, m, done})
}

func (s *station) Radio(out *provision.Output) { s.sent += len(out.Send) }

func (s *station) Elements(remoteprovisioning.RefreshProcedure) int { return s.elements }

func (s *station) Check(remoteprovisioning.RefreshProcedure, provision.Network, mesh.Address) (provision.ErrorCode, string) {
	return 0, ""
}

func (s *station) Prepare(_ remoteprovisioning.RefreshProcedure, j *provision.Joined) { s.prepared = j }

func (s *station) Commit(remoteprovisioning.RefreshProcedure) { s.committed = true }

func (s *station) Discard() { s.discarded++ }

func (s *station) Now() time.Time { return s.now }

func (s *station) Reply(m access.Message) { s.reply = m }

func (s *station) Publish(access.Message) bool { return false }

// say passes a message to the server and returns its answer.
func (s *station) say(from Client, m access.Message) access.Message {
	s.t.Helper()
	payload, err := access.Append(nil, m)
	if err != nil {
		s.t.Fatal(err)
	}
	op, params, err := access.ParseOpcode(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	s.reply = nil
	s.server.Receive(s, &access.Incoming{Src: from.Address, NetKey: from.NetKey, DeviceKey: true, Opcode: op, Params: params})
	return s.reply
}

// pass lets time go by.
func (s *station) pass(d time.Duration) {
	s.t.Helper()
	for end := s.now.Add(d); ; {
		next := s.server.NextDeadline()
		if next.IsZero() || next.After(end) {
			s.now = end
			return
		}
		s.now = next
		s.server.Wake(s)
		if next.Equal(s.server.NextDeadline()) {
			s.t.Fatal("a deadline does not advance")
		}
	}
}

// take returns the messages sent since the last call.
func (s *station) take() []sent {
	all := s.messages
	s.messages = nil
	return all
}

func (s *station) hear(n byte) {
	s.server.Heard(s.now, &beacon.Unprovisioned{UUID: mesh.UUID{n}, OOB: 0x1234, HasURI: n == 1, URIHash: [4]byte{9}}, -40)
}

// take1 expects one message of a type to a client.
func take1[M any](s *station, to Client) M {
	s.t.Helper()
	all := s.take()
	var none M
	if len(all) != 1 || all[0].to != to {
		s.t.Fatalf("sent %+v, expected one message to %v", all, to)
	}
	m, ok := all[0].m.(M)
	if !ok {
		s.t.Fatalf("sent %T, expected %T", all[0].m, none)
	}
	return m
}

var alice, bob = Client{Address: 1}, Client{Address: 1, NetKey: 7}

func scanStatus(t *testing.T, m access.Message, status remoteprovisioning.Status, state remoteprovisioning.ScanState) *remoteprovisioning.ScanStatus {
	t.Helper()
	got, ok := m.(*remoteprovisioning.ScanStatus)
	if !ok || got.Status != status || got.ScanningState != state {
		t.Fatalf("got %+v, want %v and state %v", m, status, state)
	}
	return got
}

func TestScan(t *testing.T) {
	s := newStation(t)
	if m, ok := s.say(alice, &remoteprovisioning.ScanCapabilitiesGet{}).(*remoteprovisioning.ScanCapabilitiesStatus); !ok || m.MaxScannedItems < 4 || m.ActiveScan {
		t.Errorf("capabilities %+v", m)
	}
	s.hear(9)
	scanStatus(t, s.say(alice, &remoteprovisioning.ScanGet{}), remoteprovisioning.Success, remoteprovisioning.ScanIdle)
	scanStatus(t, s.say(alice, &remoteprovisioning.ScanStart{ScannedItemsLimit: maxScanned + 1, Timeout: 1}), remoteprovisioning.ScanningCannotStart, remoteprovisioning.ScanIdle)
	got := scanStatus(t, s.say(alice, &remoteprovisioning.ScanStart{ScannedItemsLimit: 2, Timeout: 10}), remoteprovisioning.Success, remoteprovisioning.ScanMultiple)
	if got.ScannedItemsLimit != 2 || got.Timeout != 10 {
		t.Errorf("%+v", got)
	}
	scanStatus(t, s.say(bob, &remoteprovisioning.ScanStart{Timeout: 1}), remoteprovisioning.InvalidState, remoteprovisioning.ScanMultiple)
	s.hear(1)
	if len(s.take()) != 0 {
		t.Error("reported at once")
	}
	s.pass(time.Second)
	if m := take1[*remoteprovisioning.ScanReport](s, alice); m.UUID != (mesh.UUID{1}) || m.RSSI != -40 || m.OOBInformation != 0x1234 || !m.HasURIHash || m.URIHash != [4]byte{9} {
		t.Errorf("%+v", m)
	}
	for n := range byte(5) {
		s.hear(n) // 1 again, and more than the limit
	}
	s.pass(time.Second)
	if m := take1[*remoteprovisioning.ScanReport](s, alice); m.UUID != (mesh.UUID{0}) || m.HasURIHash {
		t.Errorf("%+v", m)
	}
	s.pass(10 * time.Second)
	s.hear(8)
	scanStatus(t, s.say(bob, &remoteprovisioning.ScanGet{}), remoteprovisioning.Success, remoteprovisioning.ScanIdle)

	// For one device, and stopped.
	scanStatus(t, s.say(bob, &remoteprovisioning.ScanStart{Timeout: 10, HasUUID: true, UUID: mesh.UUID{3}}), remoteprovisioning.Success, remoteprovisioning.ScanSingle)
	s.hear(2)
	s.hear(3)
	scanStatus(t, s.say(bob, &remoteprovisioning.ScanStop{}), remoteprovisioning.Success, remoteprovisioning.ScanIdle)
	if m := take1[*remoteprovisioning.ScanReport](s, bob); m.UUID != (mesh.UUID{3}) {
		t.Errorf("%+v", m)
	}
	if !s.server.NextDeadline().IsZero() {
		t.Error("a deadline is left")
	}
}

// TestScanFlood: a hundred thousand made-up devices take no more memory than
// sixteen.
func TestScanFlood(t *testing.T) {
	s := newStation(t)
	s.say(alice, &remoteprovisioning.ScanStart{Timeout: 255})
	for n := range 100_000 {
		s.server.Heard(s.now, &beacon.Unprovisioned{UUID: mesh.UUID{byte(n >> 16), byte(n >> 8), byte(n)}}, 0)
	}
	s.pass(time.Minute)
	if got := len(s.take()); got != maxScanned || len(s.server.scan.found) != maxScanned {
		t.Errorf("%d reports, %d remembered", got, len(s.server.scan.found))
	}
}

func TestExtendedScan(t *testing.T) {
	s := newStation(t)
	types := []uint8{0x09}
	s.say(alice, &remoteprovisioning.ExtendedScanStart{ADTypeFilter: types})
	if m := take1[*remoteprovisioning.ExtendedScanReport](s, alice); m.UUID != s.UUID() || !m.HasOOBInformation || m.Status != remoteprovisioning.Success {
		t.Errorf("of itself: %+v", m)
	}
	look := &remoteprovisioning.ExtendedScanStart{ADTypeFilter: types, HasUUID: true, UUID: mesh.UUID{5}, Timeout: 5}
	s.say(alice, look)
	s.hear(4)
	s.hear(5)
	s.hear(5)
	if m := take1[*remoteprovisioning.ExtendedScanReport](s, alice); m.UUID != (mesh.UUID{5}) || m.OOBInformation != 0x1234 {
		t.Errorf("heard: %+v", m)
	}
	s.say(alice, look)
	s.say(bob, look)
	if m := take1[*remoteprovisioning.ExtendedScanReport](s, bob); m.Status != remoteprovisioning.LimitedResources {
		t.Errorf("another client: %+v", m)
	}
	s.pass(6 * time.Second)
	if m := take1[*remoteprovisioning.ExtendedScanReport](s, alice); m.HasOOBInformation || m.Status != remoteprovisioning.Success {
		t.Errorf("not heard: %+v", m)
	}
	s.say(alice, &remoteprovisioning.LinkOpen{HasUUID: true, UUID: mesh.UUID{6}})
	s.say(alice, look)
	if m := take1[*remoteprovisioning.ExtendedScanReport](s, alice); m.Status != remoteprovisioning.LimitedResources {
		t.Errorf("during a link: %+v", m)
	}
}

func (s *station) link(m access.Message, status remoteprovisioning.Status, state remoteprovisioning.LinkState) {
	s.t.Helper()
	got, ok := m.(*remoteprovisioning.LinkStatus)
	if !ok || got.Status != status || got.State != state {
		s.t.Fatalf("got %+v, want %v and %v", m, status, state)
	}
}

func TestLinkThatIsNotAnswered(t *testing.T) {
	s := newStation(t)
	s.link(s.say(alice, &remoteprovisioning.LinkGet{}), remoteprovisioning.Success, remoteprovisioning.LinkIdle)
	open := &remoteprovisioning.LinkOpen{HasUUID: true, UUID: mesh.UUID{6}, HasTimeout: true, Timeout: 3}
	s.link(s.say(alice, open), remoteprovisioning.Success, remoteprovisioning.LinkOpening)
	s.link(s.say(alice, open), remoteprovisioning.Success, remoteprovisioning.LinkOpening)
	s.link(s.say(bob, open), remoteprovisioning.LinkCannotOpen, remoteprovisioning.LinkOpening)
	s.link(s.say(alice, &remoteprovisioning.LinkOpen{HasUUID: true, UUID: mesh.UUID{7}}), remoteprovisioning.LinkCannotOpen, remoteprovisioning.LinkOpening)
	s.link(s.say(alice, &remoteprovisioning.LinkOpen{}), remoteprovisioning.LinkCannotOpen, remoteprovisioning.LinkOpening)
	s.link(s.say(bob, &remoteprovisioning.LinkClose{}), remoteprovisioning.InvalidState, remoteprovisioning.LinkOpening)
	if s.sent == 0 {
		t.Error("no Link Open went out")
	}
	s.pass(5 * time.Second)
	if m := take1[*remoteprovisioning.LinkReport](s, alice); m.Status != remoteprovisioning.LinkOpenFailed || m.State != remoteprovisioning.LinkIdle {
		t.Errorf("%+v", m)
	}
	s.link(s.say(bob, open), remoteprovisioning.Success, remoteprovisioning.LinkOpening)
	s.link(s.say(bob, &remoteprovisioning.LinkClose{}), remoteprovisioning.Success, remoteprovisioning.LinkClosing)
	if m := take1[*remoteprovisioning.LinkReport](s, bob); m.Status != remoteprovisioning.LinkClosedByClient || m.State != remoteprovisioning.LinkIdle {
		t.Errorf("%+v", m)
	}
	s.link(s.say(bob, &remoteprovisioning.LinkClose{}), remoteprovisioning.Success, remoteprovisioning.LinkIdle)
	s.pass(time.Minute)
	if len(s.take()) != 0 || !s.server.NextDeadline().IsZero() {
		t.Error("a deadline is left")
	}
}

// TestOwnLink: only the client that opened the link to the node itself can use
// it, PDUs are numbered, and repetitions are answered but not handled twice.
func TestOwnLink(t *testing.T) {
	s := newStation(t)
	s.elements = 0
	s.link(s.say(alice, &remoteprovisioning.LinkOpen{}), remoteprovisioning.LinkCannotOpen, remoteprovisioning.LinkIdle)
	s.elements = 2
	s.link(s.say(alice, &remoteprovisioning.LinkOpen{}), remoteprovisioning.Success, remoteprovisioning.LinkActive)
	if m := take1[*remoteprovisioning.LinkReport](s, alice); m.State != remoteprovisioning.LinkActive {
		t.Errorf("%+v", m)
	}
	invite := []byte{0, 0}
	s.say(bob, &remoteprovisioning.PDUSend{OutboundPDUNumber: 1, ProvisioningPDU: invite})
	if len(s.take()) != 0 {
		t.Error("a PDU from another client was accepted")
	}
	s.say(alice, &remoteprovisioning.PDUSend{OutboundPDUNumber: 1, ProvisioningPDU: invite})
	all := s.take()
	if len(all) != 2 || all[0].m.(*remoteprovisioning.PDUOutboundReport).OutboundPDUNumber != 1 {
		t.Fatalf("sent %+v", all)
	}
	capabilities := all[1].m.(*remoteprovisioning.PDUReport)
	if p, err := provision.Decode(capabilities.ProvisioningPDU); err != nil || capabilities.InboundPDUNumber != 1 || p.(provision.Capabilities).Elements != 2 {
		t.Errorf("%+v, %v", capabilities, err)
	}
	for _, number := range []uint8{1, 0, 3, 200} {
		s.say(alice, &remoteprovisioning.PDUSend{OutboundPDUNumber: number, ProvisioningPDU: invite})
		if m := take1[*remoteprovisioning.PDUOutboundReport](s, alice); m.OutboundPDUNumber != 1 {
			t.Errorf("%d: %+v", number, m)
		}
	}
	// The client cannot be reached any more.
	all[1].done(false)
	if m := take1[*remoteprovisioning.LinkReport](s, alice); m.Status != remoteprovisioning.LinkClosedAsCannotDeliverPDUReport || m.State != remoteprovisioning.LinkIdle {
		t.Errorf("%+v", m)
	}
	all[0].done(false) // of a link that has ended
	if len(s.take()) != 0 || s.committed || s.prepared != nil {
		t.Error("an event on a link that has ended")
	}
	// An unused link ends.
	s.link(s.say(alice, &remoteprovisioning.LinkOpen{}), remoteprovisioning.Success, remoteprovisioning.LinkActive)
	s.take()
	s.pass(2 * time.Minute)
	if m := take1[*remoteprovisioning.LinkReport](s, alice); m.Status != remoteprovisioning.LinkClosedByServer {
		t.Errorf("%+v", m)
	}
	s.link(s.say(bob, &remoteprovisioning.LinkOpen{}), remoteprovisioning.Success, remoteprovisioning.LinkActive)
	s.say(bob, &remoteprovisioning.LinkClose{})
	for _, m := range s.take() {
		if m.done != nil {
			m.done(true)
		}
	}
	if s.committed {
		t.Error("nothing was prepared, and it was committed")
	}
}

// FuzzServer: whatever messages and PDUs arrive, the server has at most one
// link and sends only what its messages allow.
func FuzzServer(f *testing.F) {
	f.Add([]byte{0x52, 2, 0, 10, 0x59, 1, 0, 0x5D, 3, 1, 0, 0, 0x5A, 1, 0})
	f.Add([]byte{0x59, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0xFF, 6, 0, 0, 0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newStation(t)
		for len(data) > 1 && len(s.messages) < 1000 {
			op, n := data[0], min(int(data[1]), len(data)-2)
			params := data[2 : 2+n]
			data = data[2+n:]
			if op == 0xFF && s.server.link.served != nil {
				s.server.ReceivePDU(s.now, params)
			} else {
				s.server.Receive(s, &access.Incoming{Src: mesh.Address(op%3) + 1, DeviceKey: true, Opcode: 0x8000 | mesh.Opcode(op), Params: params})
			}
			s.now = s.now.Add(time.Duration(op) * 10 * time.Millisecond)
			if next := s.server.NextDeadline(); deadline.Due(next, s.now) {
				s.server.Wake(s)
			}
			for _, m := range s.messages {
				if _, err := access.Append(nil, m.m); err != nil {
					t.Fatalf("%T cannot be sent: %v", m.m, err)
				}
			}
		}
	})
}
