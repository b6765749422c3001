package remote

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
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

func (s *station) Tell(to Client, m access.Message, done func(bool)) {
	s.messages = append(s.messages, sent{to, m, done})
}

func (s *station) Radio(out *provision.Output) { s.sent += len(out.Send) }

func (s *station) Elements(foundation.RefreshProcedure) int { return s.elements }

func (s *station) Check(foundation.RefreshProcedure, provision.Network, mesh.Address) (provision.ErrorCode, string) {
	return 0, ""
}

func (s *station) Prepare(_ foundation.RefreshProcedure, j *provision.Joined) { s.prepared = j }

func (s *station) Commit(foundation.RefreshProcedure) { s.committed = true }

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

func scanStatus(t *testing.T, m access.Message, status foundation.RemoteStatus, state foundation.RemoteScan) *foundation.RemoteProvisioningScanStatus {
	t.Helper()
	got, ok := m.(*foundation.RemoteProvisioningScanStatus)
	if !ok || got.Status != status || got.ScanningState != state {
		t.Fatalf("got %+v, want %v and state %v", m, status, state)
	}
	return got
}

func TestScan(t *testing.T) {
	s := newStation(t)
	if m, ok := s.say(alice, &foundation.RemoteProvisioningScanCapabilitiesGet{}).(*foundation.RemoteProvisioningScanCapabilitiesStatus); !ok || m.MaxScannedItems < 4 || m.ActiveScan {
		t.Errorf("capabilities %+v", m)
	}
	s.hear(9)
	scanStatus(t, s.say(alice, &foundation.RemoteProvisioningScanGet{}), foundation.RemoteSuccess, foundation.RemoteScanIdle)
	scanStatus(t, s.say(alice, &foundation.RemoteProvisioningScanStart{ScannedItemsLimit: maxScanned + 1, Timeout: 1}), foundation.RemoteScanningCannotStart, foundation.RemoteScanIdle)
	got := scanStatus(t, s.say(alice, &foundation.RemoteProvisioningScanStart{ScannedItemsLimit: 2, Timeout: 10}), foundation.RemoteSuccess, foundation.RemoteScanMultiple)
	if got.ScannedItemsLimit != 2 || got.Timeout != 10 {
		t.Errorf("%+v", got)
	}
	scanStatus(t, s.say(bob, &foundation.RemoteProvisioningScanStart{Timeout: 1}), foundation.RemoteInvalidState, foundation.RemoteScanMultiple)
	s.hear(1)
	if len(s.take()) != 0 {
		t.Error("reported at once")
	}
	s.pass(time.Second)
	if m := take1[*foundation.RemoteProvisioningScanReport](s, alice); m.UUID != (mesh.UUID{1}) || m.RSSI != -40 || m.OOBInformation != 0x1234 || !m.HasURIHash || m.URIHash != [4]byte{9} {
		t.Errorf("%+v", m)
	}
	for n := range byte(5) {
		s.hear(n) // 1 again, and more than the limit
	}
	s.pass(time.Second)
	if m := take1[*foundation.RemoteProvisioningScanReport](s, alice); m.UUID != (mesh.UUID{0}) || m.HasURIHash {
		t.Errorf("%+v", m)
	}
	s.pass(10 * time.Second)
	s.hear(8)
	scanStatus(t, s.say(bob, &foundation.RemoteProvisioningScanGet{}), foundation.RemoteSuccess, foundation.RemoteScanIdle)

	// For one device, and stopped.
	scanStatus(t, s.say(bob, &foundation.RemoteProvisioningScanStart{Timeout: 10, HasUUID: true, UUID: mesh.UUID{3}}), foundation.RemoteSuccess, foundation.RemoteScanSingle)
	s.hear(2)
	s.hear(3)
	scanStatus(t, s.say(bob, &foundation.RemoteProvisioningScanStop{}), foundation.RemoteSuccess, foundation.RemoteScanIdle)
	if m := take1[*foundation.RemoteProvisioningScanReport](s, bob); m.UUID != (mesh.UUID{3}) {
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
	s.say(alice, &foundation.RemoteProvisioningScanStart{Timeout: 255})
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
	s.say(alice, &foundation.RemoteProvisioningExtendedScanStart{ADTypeFilter: types})
	if m := take1[*foundation.RemoteProvisioningExtendedScanReport](s, alice); m.UUID != s.UUID() || !m.HasOOBInformation || m.Status != foundation.RemoteSuccess {
		t.Errorf("about itself: %+v", m)
	}
	look := &foundation.RemoteProvisioningExtendedScanStart{ADTypeFilter: types, HasUUID: true, UUID: mesh.UUID{5}, Timeout: 5}
	s.say(alice, look)
	s.hear(4)
	s.hear(5)
	s.hear(5)
	if m := take1[*foundation.RemoteProvisioningExtendedScanReport](s, alice); m.UUID != (mesh.UUID{5}) || m.OOBInformation != 0x1234 {
		t.Errorf("heard: %+v", m)
	}
	s.say(alice, look)
	s.say(bob, look)
	if m := take1[*foundation.RemoteProvisioningExtendedScanReport](s, bob); m.Status != foundation.RemoteLimitedResources {
		t.Errorf("another client: %+v", m)
	}
	s.pass(6 * time.Second)
	if m := take1[*foundation.RemoteProvisioningExtendedScanReport](s, alice); m.HasOOBInformation || m.Status != foundation.RemoteSuccess {
		t.Errorf("not heard: %+v", m)
	}
	s.say(alice, &foundation.RemoteProvisioningLinkOpen{HasUUID: true, UUID: mesh.UUID{6}})
	s.say(alice, look)
	if m := take1[*foundation.RemoteProvisioningExtendedScanReport](s, alice); m.Status != foundation.RemoteLimitedResources {
		t.Errorf("during a link: %+v", m)
	}
}

func (s *station) link(m access.Message, status foundation.RemoteStatus, state foundation.RemoteLink) {
	s.t.Helper()
	got, ok := m.(*foundation.RemoteProvisioningLinkStatus)
	if !ok || got.Status != status || got.State != state {
		s.t.Fatalf("got %+v, want %v and %v", m, status, state)
	}
}

func TestLinkThatIsNotAnswered(t *testing.T) {
	s := newStation(t)
	s.link(s.say(alice, &foundation.RemoteProvisioningLinkGet{}), foundation.RemoteSuccess, foundation.RemoteLinkIdle)
	open := &foundation.RemoteProvisioningLinkOpen{HasUUID: true, UUID: mesh.UUID{6}, HasTimeout: true, Timeout: 3}
	s.link(s.say(alice, open), foundation.RemoteSuccess, foundation.RemoteLinkOpening)
	s.link(s.say(alice, open), foundation.RemoteSuccess, foundation.RemoteLinkOpening)
	s.link(s.say(bob, open), foundation.RemoteLinkCannotOpen, foundation.RemoteLinkOpening)
	s.link(s.say(alice, &foundation.RemoteProvisioningLinkOpen{HasUUID: true, UUID: mesh.UUID{7}}), foundation.RemoteLinkCannotOpen, foundation.RemoteLinkOpening)
	s.link(s.say(alice, &foundation.RemoteProvisioningLinkOpen{}), foundation.RemoteLinkCannotOpen, foundation.RemoteLinkOpening)
	s.link(s.say(bob, &foundation.RemoteProvisioningLinkClose{}), foundation.RemoteInvalidState, foundation.RemoteLinkOpening)
	if s.sent == 0 {
		t.Error("no Link Open went out")
	}
	s.pass(5 * time.Second)
	if m := take1[*foundation.RemoteProvisioningLinkReport](s, alice); m.Status != foundation.RemoteLinkOpenFailed || m.State != foundation.RemoteLinkIdle {
		t.Errorf("%+v", m)
	}
	s.link(s.say(bob, open), foundation.RemoteSuccess, foundation.RemoteLinkOpening)
	s.link(s.say(bob, &foundation.RemoteProvisioningLinkClose{}), foundation.RemoteSuccess, foundation.RemoteLinkClosing)
	if m := take1[*foundation.RemoteProvisioningLinkReport](s, bob); m.Status != foundation.RemoteLinkClosedByClient || m.State != foundation.RemoteLinkIdle {
		t.Errorf("%+v", m)
	}
	s.link(s.say(bob, &foundation.RemoteProvisioningLinkClose{}), foundation.RemoteSuccess, foundation.RemoteLinkIdle)
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
	s.link(s.say(alice, &foundation.RemoteProvisioningLinkOpen{}), foundation.RemoteLinkCannotOpen, foundation.RemoteLinkIdle)
	s.elements = 2
	s.link(s.say(alice, &foundation.RemoteProvisioningLinkOpen{}), foundation.RemoteSuccess, foundation.RemoteLinkActive)
	if m := take1[*foundation.RemoteProvisioningLinkReport](s, alice); m.State != foundation.RemoteLinkActive {
		t.Errorf("%+v", m)
	}
	invite := []byte{0, 0}
	s.say(bob, &foundation.RemoteProvisioningPDUSend{OutboundPDUNumber: 1, ProvisioningPDU: invite})
	if len(s.take()) != 0 {
		t.Error("a PDU from another client was accepted")
	}
	s.say(alice, &foundation.RemoteProvisioningPDUSend{OutboundPDUNumber: 1, ProvisioningPDU: invite})
	all := s.take()
	if len(all) != 2 || all[0].m.(*foundation.RemoteProvisioningPDUOutboundReport).OutboundPDUNumber != 1 {
		t.Fatalf("sent %+v", all)
	}
	capabilities := all[1].m.(*foundation.RemoteProvisioningPDUReport)
	if p, err := provision.Decode(capabilities.ProvisioningPDU); err != nil || capabilities.InboundPDUNumber != 1 || p.(provision.Capabilities).Elements != 2 {
		t.Errorf("%+v, %v", capabilities, err)
	}
	for _, number := range []uint8{1, 0, 3, 200} {
		s.say(alice, &foundation.RemoteProvisioningPDUSend{OutboundPDUNumber: number, ProvisioningPDU: invite})
		if m := take1[*foundation.RemoteProvisioningPDUOutboundReport](s, alice); m.OutboundPDUNumber != 1 {
			t.Errorf("%d: %+v", number, m)
		}
	}
	// The client cannot be reached any more.
	all[1].done(false)
	if m := take1[*foundation.RemoteProvisioningLinkReport](s, alice); m.Status != foundation.RemoteLinkClosedAsCannotDeliverPDUReport || m.State != foundation.RemoteLinkIdle {
		t.Errorf("%+v", m)
	}
	all[0].done(false) // of a link that has ended
	if len(s.take()) != 0 || s.committed || s.prepared != nil {
		t.Error("an event on a link that has ended")
	}
	// An unused link ends.
	s.link(s.say(alice, &foundation.RemoteProvisioningLinkOpen{}), foundation.RemoteSuccess, foundation.RemoteLinkActive)
	s.take()
	s.pass(2 * time.Minute)
	if m := take1[*foundation.RemoteProvisioningLinkReport](s, alice); m.Status != foundation.RemoteLinkClosedByServer {
		t.Errorf("%+v", m)
	}
	s.link(s.say(bob, &foundation.RemoteProvisioningLinkOpen{}), foundation.RemoteSuccess, foundation.RemoteLinkActive)
	s.say(bob, &foundation.RemoteProvisioningLinkClose{})
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
			if next := s.server.NextDeadline(); due(next, s.now) {
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
