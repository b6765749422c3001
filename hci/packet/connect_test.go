package packet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-ble/ble/linux/hci/cmd"
	"github.com/go-ble/ble/linux/hci/evt"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

var someConnection = packet.CreateConnection{
	Interval: 60 * time.Millisecond, Window: 30 * time.Millisecond,
	Peer: someAddress, PeerType: packet.AddressRandom, OwnAddress: packet.AddressPublic,
	Connection: packet.ConnectionParameters{
		IntervalMin: 30 * time.Millisecond, IntervalMax: 50 * time.Millisecond, Latency: 2, Supervision: 5 * time.Second,
	},
}

func TestConnectionCommands(t *testing.T) {
	for _, test := range []struct {
		name string
		cmd  packet.Command
		want string
	}{
		{"LE Create Connection", someConnection.Legacy(), "01 0d20 19 6000 3000 00 01 1371da7d1a00 00 1800 2800 0200 f401 0000 0000"},
		{"LE Extended Create Connection", someConnection.Extended(), "01 4320 1a 00 00 01 1371da7d1a00 01 6000 3000 1800 2800 0200 f401 0000 0000"},
		{"LE Create Connection Cancel", packet.LECreateConnectionCancel(), "01 0e20 00"},
		{"Disconnect", packet.Disconnect(0x0123, packet.StatusRemoteUser), "01 0604 03 2301 13"},
		{"LE Connection Update", packet.LEConnectionUpdate(0x0123, someConnection.Connection), "01 1320 0e 2301 1800 2800 0200 f401 0000 0000"},
		{"LE Set Data Length", packet.LESetDataLength(0x0123), "01 2220 06 2301 fb00 4808"},
		{"LE Read Buffer Size", packet.LEReadBufferSize(), "01 0220 00"},
		{"Read Buffer Size", packet.ReadBufferSize(), "01 0510 00"},
	} {
		if got, want := test.cmd.AppendTo(nil), octets(t, test.want); !bytes.Equal(got, want) {
			t.Errorf("%s\n got %x\nwant %x", test.name, got, want)
		}
		if got := test.cmd.Opcode().String(); got != test.name {
			t.Errorf("%s is named %s", test.name, got)
		}
	}
	ind := packet.ExtendedAdvertising{Properties: packet.PropertiesConnectable}.Command()
	if p := ind.Params(); p[1] != 0x13 || p[2] != 0 {
		t.Errorf("ADV_IND has the properties %x", p[1:3])
	}
}

func TestConnectionCommandsAgainstGoBLE(t *testing.T) {
	for _, latency := range []uint16{0, 7, 499} {
		c := someConnection
		c.Connection.Latency = latency
		compare(t, c.Legacy(), &cmd.LECreateConnection{
			LEScanInterval: 96, LEScanWindow: 48, PeerAddressType: 1, PeerAddress: [6]byte(someAddress),
			ConnIntervalMin: 24, ConnIntervalMax: 40, ConnLatency: latency, SupervisionTimeout: 500,
		})
		compare(t, packet.LEConnectionUpdate(0x0eff, c.Connection), &cmd.LEConnectionUpdate{
			ConnectionHandle: 0x0eff, ConnIntervalMin: 24, ConnIntervalMax: 40, ConnLatency: latency, SupervisionTimeout: 500,
		})
	}
	compare(t, packet.LECreateConnectionCancel(), &cmd.LECreateConnectionCancel{})
	compare(t, packet.Disconnect(0x40, packet.StatusRemoteUser), &cmd.Disconnect{ConnectionHandle: 0x40, Reason: 0x13})
	compare(t, packet.LEReadBufferSize(), &cmd.LEReadBufferSize{})
	compare(t, packet.ReadBufferSize(), &cmd.ReadBufferSize{})
	compare(t, packet.LegacyAdvertising{IntervalMin: 100 * time.Millisecond, IntervalMax: 100 * time.Millisecond, Type: packet.LegacyConnectable, Channels: 7}.Command(),
		&cmd.LESetAdvertisingParameters{AdvertisingIntervalMin: 160, AdvertisingIntervalMax: 160, AdvertisingChannelMap: 7})
}

func TestConnectionParameters(t *testing.T) {
	good := someConnection.Connection
	if !good.Valid() {
		t.Error("valid parameters are rejected")
	}
	for name, change := range map[string]func(*packet.ConnectionParameters){
		"too fast":              func(p *packet.ConnectionParameters) { p.IntervalMin = 7 * time.Millisecond },
		"maximum below minimum": func(p *packet.ConnectionParameters) { p.IntervalMax = 20 * time.Millisecond },
		"too slow": func(p *packet.ConnectionParameters) {
			p.IntervalMax = 5 * time.Second
			p.Supervision = 32 * time.Second
		},
		"latency":           func(p *packet.ConnectionParameters) { p.Latency = 500; p.Supervision = 32 * time.Second },
		"short supervision": func(p *packet.ConnectionParameters) { p.Supervision = 300 * time.Millisecond },
		"long supervision":  func(p *packet.ConnectionParameters) { p.Supervision = 33 * time.Second },
	} {
		p := good
		change(&p)
		if p.Valid() {
			t.Errorf("%s: %+v is accepted", name, p)
		}
	}
}

const (
	completeEvent = "04 3e 13 01 00 4000 01 01 1371da7d1a00 2800 0200 f401 00"
	enhancedEvent = "04 3e 1f 0a 00 4000 01 01 1371da7d1a00 000000000000 000000000000 2800 0200 f401 00"
)

func TestConnectionEvents(t *testing.T) {
	want := packet.ConnectionComplete{
		Handle: 0x40, Role: packet.RolePeripheral, PeerType: packet.AddressRandom, Peer: someAddress,
		Interval: 50 * time.Millisecond, Latency: 2, Supervision: 5 * time.Second,
	}
	for _, s := range []string{completeEvent, enhancedEvent} {
		if got, err := parse(t, s).ConnectionComplete(); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got, err := parse(t, "04 3e 0a 03 00 4000 2800 0200 f401").ConnectionUpdate(); err != nil ||
		got != (packet.ConnectionUpdate{Handle: 0x40, Interval: 50 * time.Millisecond, Latency: 2, Supervision: 5 * time.Second}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := parse(t, "04 3e 0b 07 4000 fb00 4808 1b00 4801").DataLengthChange(); err != nil ||
		got != (packet.DataLength{Handle: 0x40, Transmit: 251, Receive: 27}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := parse(t, "04 05 04 00 4000 08").DisconnectionComplete(); err != nil ||
		got != (packet.DisconnectionComplete{Handle: 0x40, Reason: packet.StatusConnectionTimeout}) {
		t.Errorf("got %+v, %v", got, err)
	}
	rows, err := parse(t, "04 13 09 02 4000 0100 4100 0302").CompletedPackets()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]int{{0x40, 1}, {0x41, 0x203}} {
		if h, n, ok := rows.Next(); !ok || int(h) != want[0] || n != want[1] {
			t.Errorf("got %x %d %t, want %x", h, n, ok, want)
		}
	}
	if _, _, ok := rows.Next(); ok {
		t.Error("one row too many")
	}
}

// TestConnectionEventsAgainstGoBLE compares with independent decoders, which
// only accept complete events.
func TestConnectionEventsAgainstGoBLE(t *testing.T) {
	made := parse(t, completeEvent)
	got, err := made.ConnectionComplete()
	want := evt.LEConnectionComplete(made.Params)
	if err != nil || got.Handle != want.ConnectionHandle() || uint8(got.Role) != want.Role() || uint8(got.PeerType) != want.PeerAddressType() ||
		[6]byte(got.Peer) != want.PeerAddress() || got.Interval != time.Duration(want.ConnInterval())*packet.ConnectionUnit ||
		got.Latency != want.ConnLatency() || got.Supervision != time.Duration(want.SupervisionTimeout())*packet.SupervisionUnit {
		t.Errorf("got %+v, %v, want %x", got, err, want)
	}
	ended := parse(t, "04 05 04 00 4000 08")
	end, err := ended.DisconnectionComplete()
	if want := evt.DisconnectionComplete(ended.Params); err != nil || end.Handle != want.ConnectionHandle() || uint8(end.Reason) != want.Reason() {
		t.Errorf("got %+v, %v, want %x", end, err, want)
	}
}

// TestConnectionEventsOfAllLengths truncates each event at every length.
func TestConnectionEventsOfAllLengths(t *testing.T) {
	for _, s := range []string{
		completeEvent, enhancedEvent, "04 3e 0a 03 00 4000 2800 0200 f401", "04 3e 0b 07 4000 fb00 4808 1b00 4801",
		"04 05 04 00 4000 08", "04 13 09 02 4000 0100 4100 0302",
	} {
		whole := octets(t, s)
		for n := 3; n <= len(whole); n++ {
			p := bytes.Clone(whole[:n])
			p[2] = byte(n - 3)
			e, err := packet.ParseEvent(p)
			if err != nil {
				t.Fatal(err)
			}
			err = decodeConnection(e)
			if (err == nil) != (n == len(whole)) {
				t.Errorf("%s cut to %d: %v", s, n, err)
			}
			if err != nil && !errors.Is(err, packet.ErrMalformed) {
				t.Errorf("%v does not wrap ErrMalformed", err)
			}
		}
	}
}

// decodeConnection runs the matching decoder.
func decodeConnection(e packet.Event) error {
	switch e.Code {
	case packet.EventDisconnectionComplete:
		return second(e.DisconnectionComplete())
	case packet.EventCompletedPackets:
		rows, err := e.CompletedPackets()
		for ok := err == nil; ok; {
			_, _, ok = rows.Next()
		}
		return err
	}
	sub, err := e.Subevent()
	if err != nil {
		return err
	}
	switch sub {
	case packet.SubeventConnectionUpdateComplete:
		return second(e.ConnectionUpdate())
	case packet.SubeventDataLengthChange:
		return second(e.DataLengthChange())
	default:
		return second(e.ConnectionComplete())
	}
}

func TestACL(t *testing.T) {
	raw := octets(t, "02 4020 0300 aabbcc")
	a, err := packet.ParseACL(raw)
	if err != nil || a.Handle != 0x40 || a.Boundary != packet.BoundaryFirst || !bytes.Equal(a.Data, []byte{0xaa, 0xbb, 0xcc}) {
		t.Fatalf("got %+v, %v", a, err)
	}
	if back := a.AppendTo(nil); !bytes.Equal(back, raw) {
		t.Errorf("encoded %x", back)
	}
	for _, s := range []string{"", "02", "024020", "024020 0000 00", "024020 0300 aabb", "044020 0300 aabbcc", "024060 0000", "0240a0 0000"} {
		if _, err := packet.ParseACL(octets(t, s)); !errors.Is(err, packet.ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if b, err := packet.ParseLEBufferSize(octets(t, "fb00 08")); err != nil || b != (packet.Buffers{Length: 251, Count: 8}) {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err := packet.ParseBufferSize(octets(t, "fd03 40 0a00 0800")); err != nil || b != (packet.Buffers{Length: 1021, Count: 10}) {
		t.Errorf("%+v, %v", b, err)
	}
	for _, err := range []error{second(packet.ParseLEBufferSize(make([]byte, 2))), second(packet.ParseBufferSize(make([]byte, 6)))} {
		if !errors.Is(err, packet.ErrMalformed) {
			t.Error(err)
		}
	}
	if a := packet.StaticRandom([6]byte{1, 2, 3, 4, 5, 0}); a[5] != 0xc0 || a[0] != 1 {
		t.Errorf("static random: %s", a)
	}
}

func FuzzConnectionEvent(f *testing.F) {
	for _, s := range []string{completeEvent, enhancedEvent, "04 05 04 00 4000 08", "04 13 09 02 4000 0100 4100 0302"} {
		f.Add(octets(f, s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if e, err := packet.ParseEvent(p); err == nil {
			if err := decodeConnection(e); err != nil && !errors.Is(err, packet.ErrMalformed) {
				t.Errorf("%v does not wrap ErrMalformed", err)
			}
		}
	})
}

func FuzzACL(f *testing.F) {
	f.Add(octets(f, "02 4020 0300 aabbcc"))
	f.Add(octets(f, "02 ff0f 0000"))
	f.Fuzz(func(t *testing.T, p []byte) {
		a, err := packet.ParseACL(p)
		if err != nil {
			if !errors.Is(err, packet.ErrMalformed) || !strings.HasPrefix(err.Error(), "packet: ") {
				t.Errorf("%v", err)
			}
			return
		}
		if back := a.AppendTo(nil); !bytes.Equal(back, p) {
			t.Errorf("%x became %x", p, back)
		}
	})
}
