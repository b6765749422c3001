package packet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

func parse(t *testing.T, s string) packet.Event {
	t.Helper()
	e, err := packet.ParseEvent(octets(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCommandComplete(t *testing.T) {
	cc, err := parse(t, "04 0e 04 01 030c 00").CommandComplete()
	if err != nil || cc.Credits != 1 || cc.Opcode != packet.OpReset || !bytes.Equal(cc.Return, []byte{0}) {
		t.Errorf("got %+v, %v", cc, err)
	}
	cc, err = parse(t, "04 0e 03 02 0000").CommandComplete()
	if err != nil || cc.Credits != 2 || cc.Opcode != packet.OpNone || len(cc.Return) != 0 {
		t.Errorf("got %+v, %v", cc, err)
	}
}

func TestCommandStatus(t *testing.T) {
	cs, err := parse(t, "04 0f 04 0c 01 0a20").CommandStatus()
	if err != nil || cs != (packet.CommandStatus{Status: packet.StatusCommandDisallowed, Credits: 1, Opcode: packet.OpLESetAdvertisingEnable}) {
		t.Errorf("got %+v, %v", cs, err)
	}
}

func TestHardwareError(t *testing.T) {
	if code, err := parse(t, "04 10 01 2a").HardwareError(); err != nil || code != 0x2a {
		t.Errorf("got %d, %v", code, err)
	}
}

func TestAdvertisingSetTerminated(t *testing.T) {
	got, err := parse(t, "04 3e 06 12 43 03 0000 05").AdvertisingSetTerminated()
	if err != nil || got != (packet.SetTerminated{Status: packet.StatusLimitReached, Handle: 3, Events: 5}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestReports iterates over several reports in one event; they follow each
// other as a whole.
func TestReports(t *testing.T) {
	for _, test := range []struct {
		name, event string
		want        []string
	}{
		{
			"one legacy report", "04 3e 0f 02 01 03 01 112233445566 03 022aaa c4",
			[]string{"0010 1 66:55:44:33:22:11 -60 022aaa"},
		},
		{
			"two legacy reports of different lengths", "04 3e 1a 02 02" +
				"03 01 112233445566 03 022aaa c4" + "00 00 665544332211 01 00 7f",
			[]string{"0010 1 66:55:44:33:22:11 -60 022aaa", "0013 0 11:22:33:44:55:66 127 00"},
		},
		{
			"all legacy types", "04 3e 34 02 05" +
				"00 00 112233445566 00 00" + "01 00 112233445566 00 00" + "02 00 112233445566 00 00" +
				"04 00 112233445566 00 00" + "03 00 112233445566 00 00",
			[]string{
				"0013 0 66:55:44:33:22:11 0 ", "0015 0 66:55:44:33:22:11 0 ", "0012 0 66:55:44:33:22:11 0 ",
				"001a 0 66:55:44:33:22:11 0 ", "0010 0 66:55:44:33:22:11 0 ",
			},
		},
		{
			"two extended reports", "04 3e 37 0d 02" +
				"1000 01 112233445566 01 00 ff 7f b0 0000 00 000000000000 03 022aaa" +
				"2000 ff 000000000000 01 01 02 05 c4 0800 00 000000000000 02 0106",
			[]string{"0010 1 66:55:44:33:22:11 -80 022aaa", "0020 255 00:00:00:00:00:00 -60 0106"},
		},
		{"no report", "04 3e 02 02 00", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := octets(t, test.event)
			raw[2] = byte(len(raw) - 3) // the lengths above are for the reader
			e, err := packet.ParseEvent(raw)
			if err != nil {
				t.Fatal(err)
			}
			w, err := e.AdvertisingReports()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			var r packet.Report
			for w.Next(&r) {
				got = append(got, fmt.Sprintf("%04x %d %s %d %x", r.Type, r.AddressType, r.Address, r.RSSI, r.Data))
				if r.Complete() != (r.Type&packet.ReportStatusMask == 0) {
					t.Error("complete")
				}
			}
			if err := w.Err(); err != nil {
				t.Error(err)
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			// An event that is cut anywhere yields only complete reports and an
			// error.
			for n := 5; n < len(raw); n++ {
				cut := bytes.Clone(raw[:n])
				cut[2] = byte(n - 3)
				e, err := packet.ParseEvent(cut)
				if err != nil {
					t.Fatal(err)
				}
				w, err := e.AdvertisingReports()
				if err != nil {
					t.Fatal(err)
				}
				whole := 0
				for w.Next(&r) {
					whole++
				}
				if whole >= len(test.want) || !errors.Is(w.Err(), packet.ErrMalformed) {
					t.Errorf("cut to %d octets: %d reports, %v", n, whole, w.Err())
				}
			}
		})
	}
}

// TestEventsOfAllLengths checks that no decoder reads past the end.
func TestEventsOfAllLengths(t *testing.T) {
	least := map[packet.EventCode]int{packet.EventCommandComplete: 3, packet.EventCommandStatus: 4, packet.EventHardwareError: 1}
	for _, code := range []packet.EventCode{packet.EventCommandComplete, packet.EventCommandStatus, packet.EventHardwareError} {
		for n := range 256 {
			e, err := packet.ParseEvent(append([]byte{4, byte(code), byte(n)}, make([]byte, n)...))
			if err != nil {
				t.Fatal(err)
			}
			err = decode(e)
			if ok := n >= least[code]; ok != (err == nil) {
				t.Errorf("%s of %d octets: %v", code, n, err)
			} else if !ok && !errors.Is(err, packet.ErrMalformed) {
				t.Errorf("%s of %d octets: %v does not wrap ErrMalformed", code, n, err)
			}
		}
	}
	for _, sub := range []packet.Subevent{packet.SubeventAdvertisingReport, packet.SubeventExtendedAdvertisingReport, packet.SubeventAdvertisingSetTerminated} {
		for n := range 255 {
			for _, fill := range []byte{0, 1, 0x7f, 0xff} {
				params := append([]byte{byte(sub)}, bytes.Repeat([]byte{fill}, n)...)
				e, err := packet.ParseEvent(append([]byte{4, 0x3e, byte(len(params))}, params...))
				if err != nil {
					t.Fatal(err)
				}
				_ = decode(e)
			}
		}
	}
}

// decode runs all matching decoders.
func decode(e packet.Event) error {
	switch e.Code {
	case packet.EventCommandComplete:
		_, err := e.CommandComplete()
		return err
	case packet.EventCommandStatus:
		_, err := e.CommandStatus()
		return err
	case packet.EventHardwareError:
		_, err := e.HardwareError()
		return err
	case packet.EventLEMeta:
		sub, err := e.Subevent()
		if err != nil {
			return err
		}
		if sub == packet.SubeventAdvertisingSetTerminated {
			_, err := e.AdvertisingSetTerminated()
			return err
		}
		w, err := e.AdvertisingReports()
		if err != nil {
			return err
		}
		var r packet.Report
		for w.Next(&r) {
			for s := packet.Walk(r.Data); ; {
				if _, ok := s.Next(); !ok {
					break
				}
			}
		}
		return w.Err()
	}
	return nil
}

func TestParseEventRefuses(t *testing.T) {
	for _, s := range []string{"", "04", "040e", "040e01", "040e0000", "010e00", "050e0000"} {
		if _, err := packet.ParseEvent(octets(t, s)); !errors.Is(err, packet.ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
	wrong := parse(t, "04 3e 01 01")
	if _, err := wrong.CommandComplete(); err == nil {
		t.Error("LE Meta was decoded as Command Complete")
	}
	if _, err := wrong.AdvertisingReports(); err == nil {
		t.Error("another subevent was decoded as a report")
	}
	if _, err := wrong.AdvertisingSetTerminated(); err == nil {
		t.Error("another subevent was decoded as Advertising Set Terminated")
	}
}

func TestWalk(t *testing.T) {
	for data, want := range map[string]string{
		"":                  "",
		"0201 06 032a aabb": "01:06 2a:aabb",
		"012a":              "2a:",
		"032a aabb 00 0201": "2a:aabb", // padding ends the iteration
		"0201 06 042a aabb": "01:06",   // longer than the rest
		"ff2a aabb":         "",
		"00":                "",
		"02":                "",
		"01":                "",
	} {
		var got []string
		for w := packet.Walk(octets(t, data)); ; {
			s, ok := w.Next()
			if !ok {
				if _, again := w.Next(); again {
					t.Error("Next continues after the end")
				}
				break
			}
			got = append(got, fmt.Sprintf("%02x:%x", s.Type, s.Data))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", data, got, want)
		}
	}
	if got := packet.AppendStructure([]byte{9}, 0x2b, []byte{1, 2}); !bytes.Equal(got, []byte{9, 3, 0x2b, 1, 2}) {
		t.Errorf("appended %x", got)
	}
}

func TestAnswers(t *testing.T) {
	v, err := packet.ParseVersion(octets(t, "0c 3412 0b 5d00 7856"))
	if err != nil || v != (packet.Version{HCI: 0x0c, HCIRevision: 0x1234, LMP: 0x0b, Manufacturer: 0x5d, LMPRevision: 0x5678}) || v.Core() != "5.3" {
		t.Errorf("%+v %s %v", v, v.Core(), err)
	}
	if s := (packet.Version{HCI: 200}).Core(); s != "HCI version 200" {
		t.Error(s)
	}
	f, err := packet.ParseLEFeatures(octets(t, "ff10000000000000"))
	if err != nil || f&packet.LEFeatureExtendedAdvertising == 0 {
		t.Errorf("%x %v", f, err)
	}
	l, err := packet.ParseLMPFeatures(octets(t, "0000000040000000"))
	if err != nil || l&packet.LMPFeatureLE == 0 {
		t.Errorf("%x %v", l, err)
	}
	a, err := packet.ParseBDAddr(someAddress[:])
	if err != nil || a != someAddress {
		t.Errorf("%s %v", a, err)
	}
	n, err := packet.ParseAdvertisingSets([]byte{8})
	if err != nil || n != 8 {
		t.Errorf("%d %v", n, err)
	}
	var c packet.SupportedCommands
	c.Set(packet.CommandLESetExtendedAdvertisingEnable)
	if c[36] != 1<<5 || !c.Has(packet.CommandLESetExtendedAdvertisingEnable) || c.Has(packet.CommandLESetExtendedScanEnable) {
		t.Error("bits of supported commands")
	}
	if back, err := packet.ParseSupportedCommands(c[:]); err != nil || back != c {
		t.Errorf("%v", err)
	}
	for name, err := range map[string]error{
		"version":  second(packet.ParseVersion(make([]byte, 7))),
		"LE":       second(packet.ParseLEFeatures(make([]byte, 7))),
		"LMP":      second(packet.ParseLMPFeatures(nil)),
		"address":  second(packet.ParseBDAddr(make([]byte, 5))),
		"sets":     second(packet.ParseAdvertisingSets(nil)),
		"commands": second(packet.ParseSupportedCommands(make([]byte, 63))),
		"status":   second(packet.ReturnStatus(nil)),
	} {
		if !errors.Is(err, packet.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestStatus(t *testing.T) {
	if packet.StatusSuccess.Err() != nil {
		t.Error("success is an error")
	}
	err := fmt.Errorf("enable: %w", packet.StatusCommandDisallowed.Err())
	if !errors.Is(err, packet.StatusCommandDisallowed) || err.Error() != "enable: command disallowed (0x0c)" {
		t.Error(err)
	}
	if s, ok := packet.Refused(err); !ok || s != packet.StatusCommandDisallowed {
		t.Errorf("refused with %v, %t", s, ok)
	}
	if s, ok := packet.Refused(errors.New("lost")); ok {
		t.Errorf("refused with %v", s)
	}
	if s := packet.Status(0xee).String(); s != "unknown status 0xee" {
		t.Error(s)
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	raw := octets(t, "04 3e 0f 02 01 03 01 112233445566 03 022aaa c4")
	if n := testing.AllocsPerRun(100, func() {
		e, err := packet.ParseEvent(raw)
		if err != nil || decode(e) != nil {
			t.Fatal("does not decode")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		"040e0401030c00", "040f040c010a20", "0410012a", "043e061243030000" + "05",
		"043e0f02010301112233445566" + "03022aaac4", "043e1d0d011000011122334455660100ff7fb00000000000000000000003022aaa",
	} {
		f.Add(octets(f, s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := packet.ParseEvent(p)
		if err != nil {
			if !errors.Is(err, packet.ErrMalformed) {
				t.Errorf("%v does not wrap ErrMalformed", err)
			}
			return
		}
		if len(e.Params) != len(p)-3 {
			t.Errorf("%d octets of parameters in %d", len(e.Params), len(p))
		}
		if err := decode(e); err != nil && !errors.Is(err, packet.ErrMalformed) {
			t.Errorf("%v does not wrap ErrMalformed", err)
		}
	})
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte{2, 1, 6, 3, 0x2a, 1, 2})
	f.Add([]byte{0})
	f.Add([]byte{0xff, 0x2a})
	f.Fuzz(func(t *testing.T, data []byte) {
		// The structures, appended again, are a prefix of data.
		var again []byte
		for w := packet.Walk(data); ; {
			s, ok := w.Next()
			if !ok {
				break
			}
			again = packet.AppendStructure(again, s.Type, s.Data)
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("read %x from %x", again, data)
		}
	})
}
