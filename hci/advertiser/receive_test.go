package advertiser

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// legacyReport is one report of a legacy event.
func legacyReport(kind byte, rssi int8, data []byte) []byte {
	r := append([]byte{kind, 1, 1, 2, 3, 4, 5, 6, byte(len(data))}, data...)
	return append(r, byte(rssi))
}

// extendedReport is one report of an extended event.
func extendedReport(kind uint16, rssi int8, data []byte) []byte {
	r := []byte{byte(kind), byte(kind >> 8), 1, 1, 2, 3, 4, 5, 6, 1, 0, 0xff, 0x7f, byte(rssi), 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(data))}
	return append(r, data...)
}

// reportEvent puts reports into one event packet.
func reportEvent(sub packet.Subevent, reports ...[]byte) []byte {
	body := bytes.Join(reports, nil)
	return append([]byte{4, byte(packet.EventLEMeta), byte(len(body) + 2), byte(sub), byte(len(reports))}, body...)
}

func structure(kind bearer.Kind, pdu []byte) []byte {
	return packet.AppendStructure(nil, uint8(kind), pdu)
}

func deliver(t testing.TB, b *Bearer, p []byte) {
	t.Helper()
	e, err := packet.ParseEvent(p)
	if err != nil {
		t.Fatal(err)
	}
	b.Event(e)
}

func TestReceive(t *testing.T) {
	const legacy, extended = packet.SubeventAdvertisingReport, packet.SubeventExtendedAdvertisingReport
	longest := bytes.Repeat([]byte{0xab}, bearer.MaxPDU)
	for _, test := range []struct {
		name  string
		event []byte
		want  []string
		stats Stats
	}{
		{
			"the three kinds", reportEvent(legacy,
				legacyReport(3, -60, structure(bearer.Provisioning, []byte{1})),
				legacyReport(3, -61, structure(bearer.Message, []byte{2, 3})),
				legacyReport(3, packet.RSSIUnknown, structure(bearer.Beacon, []byte{4}))),
			[]string{"provisioning 01 -60", "message 0203 -61", "beacon 04 127"},
			Stats{Reports: 3, Received: 3},
		},
		{
			"longest, extended", reportEvent(extended, extendedReport(0x10, -90, structure(bearer.Message, longest))),
			[]string{"message " + hex.EncodeToString(longest) + " -90"},
			Stats{Reports: 1, Received: 1},
		},
		{
			"several structures", reportEvent(legacy, legacyReport(3, 0, slices.Concat([]byte{2, 1, 6}, structure(bearer.Beacon, []byte{1}), structure(bearer.Message, []byte{2})))),
			[]string{"beacon 01 0", "message 02 0"},
			Stats{Reports: 1, Received: 2},
		},
		{
			"not mesh", reportEvent(legacy, legacyReport(3, 0, []byte{2, 1, 6}), legacyReport(0, 0, []byte{3, 3, 0x28, 0x18}), legacyReport(3, 0, nil)),
			nil,
			Stats{Reports: 3},
		},
		{"connectable", reportEvent(legacy, legacyReport(0, 0, structure(bearer.Message, []byte{1}))), nil, Stats{Reports: 1, Invalid: 1}},
		{"scannable", reportEvent(legacy, legacyReport(2, 0, structure(bearer.Message, []byte{1}))), nil, Stats{Reports: 1, Invalid: 1}},
		{"scan response", reportEvent(legacy, legacyReport(4, 0, structure(bearer.Message, []byte{1}))), nil, Stats{Reports: 1, Invalid: 1}},
		{"directed", reportEvent(extended, extendedReport(0x14, 0, structure(bearer.Message, []byte{1}))), nil, Stats{Reports: 1, Invalid: 1}},
		{"fragment", reportEvent(extended, extendedReport(0x20, 0, structure(bearer.Message, []byte{1}))), nil, Stats{Reports: 1, Invalid: 1}},
		{"empty PDU", reportEvent(legacy, legacyReport(3, 0, []byte{1, 0x2a})), nil, Stats{Reports: 1, Invalid: 1}},
		{"PDU too long", reportEvent(extended, extendedReport(0x10, 0, structure(bearer.Message, make([]byte, 30)))), nil, Stats{Reports: 1, Invalid: 1}},
		{"structure longer than its advertisement", reportEvent(legacy, legacyReport(3, 0, []byte{9, 0x2a, 1})), nil, Stats{Reports: 1}},
		{
			"second report missing",
			[]byte{4, 0x3e, 15, 2, 2, 3, 1, 1, 2, 3, 4, 5, 6, 3, 2, 0x2a, 9, 0xc4},
			[]string{"message 09 -60"},
			Stats{Reports: 1, Received: 1, Malformed: 1},
		},
		{"no subevent", []byte{4, 0x3e, 0}, nil, Stats{Malformed: 1}},
		{"end of a set cut short", []byte{4, 0x3e, 2, 0x12, 0}, nil, Stats{Malformed: 1}},
		{"end of a set without a station", []byte{4, 0x3e, 6, 0x12, 0x43, 200, 0, 0, 1}, nil, Stats{}},
		{"another event", []byte{4, 0xff, 0}, nil, Stats{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			b := New(Config{Receive: func(in *bearer.Incoming) {
				got = append(got, fmt.Sprintf("%s %x %d", in.Kind, in.PDU(), in.RSSI))
			}})
			test.event[2] = byte(len(test.event) - 3)
			deliver(t, b, test.event)
			if strings.Join(got, ", ") != strings.Join(test.want, ", ") {
				t.Errorf("got %v", got)
			}
			if s := b.Stats(); s != test.stats {
				t.Errorf("stats %+v, want %+v", s, test.stats)
			}
		})
	}
}

func FuzzEvent(f *testing.F) {
	f.Add(reportEvent(packet.SubeventAdvertisingReport, legacyReport(3, -60, structure(bearer.Message, []byte{1, 2}))))
	f.Add(reportEvent(packet.SubeventExtendedAdvertisingReport, extendedReport(0x10, -60, structure(bearer.Beacon, make([]byte, 29)))))
	f.Add([]byte{4, 0x3e, 6, 0x12, 0x43, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		b := New(Config{Queue: 1, Receive: func(in *bearer.Incoming) {
			if in.Len == 0 || in.Len > bearer.MaxPDU || in.Kind < bearer.Provisioning || in.Kind > bearer.Beacon {
				t.Errorf("received %+v", in)
			}
			if !bytes.Contains(p, in.PDU()) {
				t.Errorf("%x is not in %x", in.PDU(), p)
			}
		}})
		if e, err := packet.ParseEvent(p); err == nil {
			b.Event(e)
		}
	})
}

func TestReceiveAllocatesNothing(t *testing.T) {
	for name, p := range benchmarkEvents() {
		received := 0
		b := New(Config{Receive: func(*bearer.Incoming) { received++ }})
		if n := testing.AllocsPerRun(1000, func() { deliver(t, b, p) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if received == 0 && name != "foreign" {
			t.Errorf("%s: nothing received", name)
		}
	}
}

func benchmarkEvents() map[string][]byte {
	pdu := bytes.Repeat([]byte{0xab}, bearer.MaxPDU)
	return map[string][]byte{
		"legacy":   reportEvent(packet.SubeventAdvertisingReport, legacyReport(3, -60, structure(bearer.Message, pdu))),
		"extended": reportEvent(packet.SubeventExtendedAdvertisingReport, extendedReport(0x10, -60, structure(bearer.Message, pdu))),
		"foreign":  reportEvent(packet.SubeventAdvertisingReport, legacyReport(0, -60, append([]byte{2, 1, 6, 27, 0xff, 0x4c, 0}, make([]byte, 24)...))),
	}
}

// BenchmarkReceive measures the path from the HCI event to the bearer.Incoming.
func BenchmarkReceive(b *testing.B) {
	for _, name := range []string{"legacy", "extended", "foreign"} {
		b.Run(name, func(b *testing.B) {
			p := benchmarkEvents()[name]
			received := 0
			d := New(Config{Receive: func(in *bearer.Incoming) { received += int(in.Len) }})
			b.ReportAllocs()
			for b.Loop() {
				deliver(b, d, p)
			}
		})
	}
}
