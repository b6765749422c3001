package connection

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// wire records what is sent.
type wire struct {
	sent []string
	full bool
}

func (w *wire) TrySend(pdu []byte) bool {
	if !w.full {
		w.sent = append(w.sent, hex.EncodeToString(pdu))
	}
	return !w.full
}

func (w *wire) Send(_ context.Context, pdu []byte) error {
	if !w.TrySend(pdu) {
		return errors.New("full")
	}
	return nil
}

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func start(data []byte) packet.ACL { return packet.ACL{Boundary: packet.BoundaryFirst, Data: data} }
func more(data []byte) packet.ACL  { return packet.ACL{Boundary: packet.BoundaryContinue, Data: data} }

// TestAnswers checks that requests on the other channels are answered once, and
// answers are not answered.
func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name string
		role packet.Role
		in   string
		want string
	}{
		{"update", packet.RoleCentral, "0c00 0500 12 07 0800 1800 2800 0000 f401", "06000500130702000000"},
		{"update that does not fit", packet.RoleCentral, "0c00 0500 12 07 0800 2800 1800 0000 f401", "06000500130702000100"},
		{"update that is too slow", packet.RoleCentral, "0c00 0500 12 07 0800 2000 8003 0000 2003", "06000500130702000100"},
		{"truncated update", packet.RoleCentral, "0a00 0500 12 07 0800 1800 2800 0000", "06000500010702000000"},
		{"update by the central", packet.RolePeripheral, "0c00 0500 12 07 0800 1800 2800 0000 f401", "06000500010702000000"},
		{"credit based connection", packet.RoleCentral, "0e00 0500 14 09 0a00 80004000170017000a00", "06000500010902000000"},
		{"unknown command", packet.RolePeripheral, "0400 0500 7f 01 0000", "06000500010102000000"},
		{"identifier 0", packet.RoleCentral, "0400 0500 7f 00 0000", ""},
		{"reject", packet.RoleCentral, "0600 0500 01 07 0200 0000", ""},
		{"unsolicited answer", packet.RoleCentral, "0600 0500 13 07 0200 0000", ""},
		{"too short", packet.RoleCentral, "0300 0500 12 07 08", ""},
		{"empty", packet.RoleCentral, "0000 0500", ""},
		{"pairing request", packet.RolePeripheral, "0700 0600 01 03 00 01 10 00 00", "020006000505"},
		{"security request", packet.RoleCentral, "0200 0600 0b 01", "020006000505"},
		{"pairing failed", packet.RoleCentral, "0200 0600 05 05", ""},
		{"empty pairing", packet.RoleCentral, "0000 0600", ""},
		{"other channel", packet.RoleCentral, "0300 4000 aabbcc", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &wire{}
			var updated []packet.ConnectionParameters
			c := New(Config{Role: test.role, Sender: w, MTU: 23, Update: func(p packet.ConnectionParameters) { updated = append(updated, p) }})
			c.Receive(start(octets(t, test.in)))
			if got := strings.Join(w.sent, " "); got != test.want {
				t.Errorf("answered %s, want %s", got, test.want)
			}
			if accepted := strings.HasSuffix(test.want, "1307020000"+"00"); accepted != (len(updated) == 1) {
				t.Errorf("updates %v", updated)
			}
			if c.Err() != nil {
				t.Errorf("closed: %v", c.Err())
			}
			w.full = true
			c.Receive(start(octets(t, test.in))) // without room nothing happens
			if len(updated) > 1 {
				t.Error("an update without an answer was applied")
			}
		})
	}
}

// TestReassembly cuts PDUs at any place, also within their headers.
func TestReassembly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(Config{Sender: &wire{}, MTU: 247})
		for range rapid.IntRange(1, 5).Draw(t, "PDUs") {
			channel := rapid.SampledFrom([]Channel{ChannelATT, 0x40, 0x04ff}).Draw(t, "channel")
			most := 247
			if channel != ChannelATT {
				most = 2000
			}
			payload := rapid.SliceOfN(rapid.Byte(), 0, most).Draw(t, "payload")
			pdu := frame(channel, payload...)
			for first := true; first || len(pdu) > 0; first = false {
				n := rapid.IntRange(0, min(len(pdu), 251)).Draw(t, "fragment")
				if first {
					c.Receive(start(pdu[:n]))
				} else {
					c.Receive(more(pdu[:n]))
				}
				pdu = pdu[n:]
			}
			if channel != ChannelATT {
				continue
			}
			got, err := c.Read()
			if err != nil || !bytes.Equal(got, payload) {
				t.Fatalf("got %x, %v, want %x", got, err, payload)
			}
		}
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
	})
}

// TestRules checks that a violation of the protocol ends the connection.
func TestRules(t *testing.T) {
	long := make([]byte, 300)
	for name, test := range map[string]struct {
		fragments []packet.ACL
		want      error
	}{
		"longer than announced":       {[]packet.ACL{start(octets(t, "0200 0400 aabbcc"))}, ErrRules},
		"grows longer than announced": {[]packet.ACL{start(octets(t, "0200 0400 aa")), more([]byte{1, 2})}, ErrRules},
		"longer than the MTU":         {[]packet.ACL{start(octets(t, "1800 0400"))}, ErrRules},
		"long signalling":             {[]packet.ACL{start(octets(t, "1800 0500"))}, ErrRules},
		"long pairing":                {[]packet.ACL{start(octets(t, "4200 0600"))}, ErrRules},
		"skipped and longer":          {[]packet.ACL{start(octets(t, "0200 4000")), more(long)}, ErrRules},
		"interrupted by the next":     {[]packet.ACL{start(octets(t, "0500 0400 aabb")), start(octets(t, "0100 0400 aa"))}, nil},
		"without a start":             {[]packet.ACL{more(long)}, nil},
	} {
		c := New(Config{Sender: &wire{}, MTU: 23})
		for _, f := range test.fragments {
			c.Receive(f)
		}
		if err := c.Err(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		c.Receive(start(octets(t, "0100 0400 aa"))) // nothing is accepted after the end
		if _, err := c.Read(); (err == nil) != (test.want == nil) {
			t.Errorf("%s: reading: %v", name, err)
		}
	}
	c := New(Config{Sender: &wire{}, MTU: 23})
	for range 1000 {
		c.Receive(more(nil))
	}
	if !errors.Is(c.Err(), ErrRules) {
		t.Errorf("a thousand stray fragments: %v", c.Err())
	}
}

// TestFlood limits what waits, and returns it before the error.
func TestFlood(t *testing.T) {
	c := New(Config{Sender: &wire{}, MTU: 23})
	for range queued + 1 {
		c.Receive(start(octets(t, "0100 0400 aa")))
	}
	if !errors.Is(c.Err(), ErrFlood) {
		t.Errorf("got %v", c.Err())
	}
	for range queued {
		if _, err := c.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Read(); !errors.Is(err, ErrFlood) {
		t.Errorf("got %v", err)
	}
}

func TestWrite(t *testing.T) {
	w := &wire{}
	c := New(Config{Sender: w, MTU: 23})
	if err := c.Write([]byte{0x0a, 1, 2}); err != nil || !c.TryWrite([]byte{0x1e}) {
		t.Fatal(err)
	}
	if got := strings.Join(w.sent, " "); got != "030004000a0102 010004001e" {
		t.Errorf("sent %s", got)
	}
	w.full = true
	if err := c.Write([]byte{1}); err == nil || c.TryWrite([]byte{1}) {
		t.Error("it was sent")
	}
	end := errors.New("the end")
	go func() {
		c.Close(end)
		c.Close(errors.New("too late"))
	}()
	if _, err := c.Read(); !errors.Is(err, end) {
		t.Errorf("read: %v", err)
	}
	if err := c.Write([]byte{1}); !errors.Is(err, end) || c.TryWrite([]byte{1}) {
		t.Errorf("write: %v", err)
	}
}

// FuzzReceive: the first octet of each piece gives its boundary flag and
// length.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x85, 1, 0, 4, 0, 0xaa})
	f.Add([]byte{0x88, 4, 0, 5, 0, 0x7f, 1, 0, 0, 0x82, 2, 0, 0x05, 6, 0, 0x0b, 1, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		w := &wire{}
		c := New(Config{Sender: w, MTU: 23, Update: func(packet.ConnectionParameters) {}})
		pieces := 0
		for len(script) > 0 {
			n := min(int(script[0]&0x7f), len(script)-1)
			a := more(script[1 : 1+n])
			if script[0]&0x80 != 0 {
				a = start(script[1 : 1+n])
			}
			c.Receive(a)
			script = script[1+n:]
			pieces++
		}
		if len(w.sent) > pieces {
			t.Errorf("%d answers to %d pieces", len(w.sent), pieces)
		}
		if cap(c.assembly.payload) > smpMTU {
			t.Errorf("kept %d octets", cap(c.assembly.payload))
		}
	})
}
