package provision

import (
	"bytes"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// A fuzzed conversation is a string of records: one octet of length, one octet
// of time in units of 10 ms, then that many octets of PDU.
func record(elapsed byte, pdu []byte) []byte {
	return append([]byte{byte(len(pdu)), elapsed}, pdu...)
}

func nextRecord(data []byte) (elapsed time.Duration, pdu, rest []byte) {
	n := min(int(data[0]), len(data)-2)
	return time.Duration(data[1]) * 10 * time.Millisecond, data[2 : 2+n], data[2+n:]
}

// conversation is all PDUs that one side sends in a successful session.
func conversation(t testing.TB, s setup, toDevice bool) []byte {
	l := newLockstep(t, s).run()
	pdus := l.toProvisioner
	if toDevice {
		pdus = l.toDevice
	}
	var data []byte
	for _, pdu := range pdus {
		data = append(data, record(1, pdu)...)
	}
	return data
}

// sane checks what must hold after every input.
func sane(t *testing.T, out *Output, lane bearer.Lane) {
	t.Helper()
	if len(out.Send) > 16 || len(out.Cancel) > 1 || len(out.Events) > 3 {
		t.Fatalf("one input makes %d PDUs, %d cancels, %d events", len(out.Send), len(out.Cancel), len(out.Events))
	}
	for i := range out.Send {
		o := &out.Send[i]
		if g, ok := parse(o.PDU()); !ok || o.Lane != lane || o.Kind != bearer.Provisioning || bearer.LinkLane(g.link) != lane || o.Transmit.Count < 1 {
			t.Fatalf("sent %+v", o)
		}
	}
}

func FuzzLinkDevice(f *testing.F) {
	f.Add(conversation(f, plainSetup(), true))
	f.Add(conversation(f, staticSetup(1<<CMAC), true))
	f.Add(slicesOf(linkOpenPDU(testLink), startPDU(0, 2, 65, 0, make([]byte, 20)), continuationPDU(0, 2, make([]byte, 22)), continuationPDU(0, 1, make([]byte, 23))))
	f.Add(slicesOf(linkOpenPDU(testLink), startPDU(0, 63, 65535, 0, make([]byte, 20)), linkClosePDU(testLink, 1), linkOpenPDU(testLink)))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := plainSetup().device(t)
		now := testStart
		var out Output
		for len(data) >= 2 {
			elapsed, pdu, rest := nextRecord(data)
			data, now = rest, now.Add(elapsed)
			out.Reset()
			if next := d.NextDeadline(); deadline.Due(next, now) {
				d.Tick(now, &out)
				sane(t, &out, bearer.LinkLane(d.linkID()))
			}
			lane := bearer.LinkLane(d.linkID())
			out.Reset()
			d.Receive(now, pdu, &out)
			if d.Linked() {
				lane = bearer.LinkLane(d.linkID())
			}
			sane(t, &out, lane)
			if d.phase == deviceDone {
				return
			}
		}
	})
}

func FuzzLinkProvisioner(f *testing.F) {
	f.Add(conversation(f, plainSetup(), false))
	f.Add(conversation(f, staticSetup(1<<CMAC), false))
	p := plainSetup().provisioner(f)
	f.Add(slicesOf(ackPDU(p.Link(), 0), linkClosePDU(p.Link(), 2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := plainSetup()
		p := s.provisioner(t)
		now := testStart
		var out Output
		p.Open(now, &out)
		for len(data) >= 2 && !p.Done() {
			elapsed, pdu, rest := nextRecord(data)
			data, now = rest, now.Add(elapsed)
			out.Reset()
			if next := p.NextDeadline(); deadline.Due(next, now) {
				p.Tick(now, &out)
				sane(t, &out, bearer.LinkLane(p.Link()))
			}
			out.Reset()
			p.Receive(now, pdu, &out)
			sane(t, &out, bearer.LinkLane(p.Link()))
			if last(out.Events).Step == CapabilitiesGot {
				out.Reset()
				_ = p.Accept(now, s.acceptance, &out)
				sane(t, &out, bearer.LinkLane(p.Link()))
			}
			if e := last(out.Events); e.Step == Completed {
				// Only the device of the seed, whose randomness is always the
				// same, can have reached this point.
				d := newLockstep(t, s).run()
				if j, _ := find(d.deviceEvents, Completed); !j.Joined.DeviceKey.Equal(e.Node.DeviceKey) {
					t.Fatal("completed with another peer")
				}
			}
		}
	})
}

func slicesOf(pdus ...[]byte) (data []byte) {
	for _, pdu := range pdus {
		data = append(data, record(20, pdu)...)
	}
	return data
}

// FuzzProtocolDevice passes complete provisioning PDUs to the device. Each may
// replace one of a successful session, chosen by the first octet.
func FuzzProtocolDevice(f *testing.F) {
	fuzzProtocol(f, false, func(t *testing.T, l *lockstep) {
		if j, ok := find(l.deviceEvents, Completed); ok {
			n, ok := find(l.provisionerEvents, Completed)
			if !ok {
				t.Fatal("the device joined and the provisioner does not know")
			}
			agreed(t, n.Node, j.Joined, &l.acceptance)
		}
	})
}

// FuzzProtocolProvisioner does the same to the provisioner.
func FuzzProtocolProvisioner(f *testing.F) {
	fuzzProtocol(f, true, func(t *testing.T, l *lockstep) {
		if n, ok := find(l.provisionerEvents, Completed); ok {
			j, ok := find(l.deviceEvents, Completed)
			if !ok {
				t.Fatal("the provisioner has a node that did not join")
			}
			agreed(t, n.Node, j.Joined, &l.acceptance)
		}
	})
}

func fuzzProtocol(f *testing.F, fromDevice bool, check func(*testing.T, *lockstep)) {
	for at := range byte(6) {
		for _, pdu := range samples() {
			f.Add(at, pdu)
		}
	}
	f.Fuzz(func(t *testing.T, at byte, replacement []byte) {
		if len(replacement) == 0 || len(replacement) > maxTransaction {
			return // the link does not deliver these
		}
		l := newLockstep(t, staticSetup(AllAlgorithms))
		turn := byte(0)
		genuine := true
		l.tamper = func(from bool, pdu []byte) []byte {
			if from != fromDevice {
				return pdu
			}
			turn++
			if turn-1 == at%6 {
				genuine = bytes.Equal(pdu, replacement)
				return replacement
			}
			return pdu
		}
		l.run()
		check(t, l)
		_, completed := find(l.provisionerEvents, Completed)
		if !genuine && completed && replacement[0] != typeComplete {
			t.Fatalf("completed although %x was inserted as PDU %d", replacement, at%6)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, pdu := range samples() {
		f.Add(pdu)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			return
		}
		if again := Append(nil, p); !bytes.Equal(again, data) {
			t.Fatalf("%x encodes as %x", data, again)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(linkOpenPDU(testLink))
	f.Add(ackPDU(testLink, 3))
	f.Add(startPDU(0x80, 2, 65, 1, make([]byte, 20)))
	f.Add(continuationPDU(0x80, 2, make([]byte, 22)))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, ok := parse(data)
		if !ok {
			return
		}
		if id, ok := LinkOf(data); !ok || id != g.link {
			t.Fatalf("LinkOf: %08x, %t", id, ok)
		}
		if len(data) > bearer.MaxPDU || len(g.data) > continuationRoom {
			t.Fatalf("%d octets of data in %d", len(g.data), len(data))
		}
	})
}
