package packet_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/go-ble/ble/linux/hci/cmd"
)

// octets decodes hexadecimal digits with spaces.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var someAddress = packet.Address{0x13, 0x71, 0xda, 0x7d, 0x1a, 0x00}

func TestCommands(t *testing.T) {
	data := []byte{0x03, 0x2a, 0xaa, 0xbb}
	legacy := packet.LegacyAdvertising{
		IntervalMin: 20 * time.Millisecond, IntervalMax: 100 * time.Millisecond,
		Type: packet.LegacyNonconnectable, OwnAddress: packet.AddressRandom, Channels: packet.AllChannels,
	}
	extended := packet.ExtendedAdvertising{
		Handle: 3, Properties: packet.PropertiesNonconnectable,
		IntervalMin: 20 * time.Millisecond, IntervalMax: 320 * time.Millisecond,
		Channels: packet.AllChannels, OwnAddress: packet.AddressRandom, TxPower: packet.TxPowerAny, SID: 3,
	}
	scan := packet.Scan{Interval: 30 * time.Millisecond, Window: 30 * time.Millisecond, OwnAddress: packet.AddressRandom}
	for _, test := range []struct {
		name string
		cmd  packet.Command
		want string
	}{
		{"Reset", packet.Reset(), "01 030c 00"},
		{"Read Local Version", packet.ReadLocalVersion(), "01 0110 00"},
		{"Read Local Supported Commands", packet.ReadLocalSupportedCommands(), "01 0210 00"},
		{"Read Local Supported Features", packet.ReadLocalSupportedFeatures(), "01 0310 00"},
		{"Read BD_ADDR", packet.ReadBDAddr(), "01 0910 00"},
		{"Set Event Mask", packet.SetEventMask(packet.EventMaskLEMeta | packet.EventMaskHardwareError), "01 010c 08 0080000000000020"},
		{"LE Set Event Mask", packet.LESetEventMask(packet.LEEventMaskAdvertisingReport | packet.LEEventMaskExtendedAdvertisingReport | packet.LEEventMaskAdvertisingSetTerminated), "01 0120 08 0210020000000000"},
		{"LE Read Local Supported Features", packet.LEReadLocalSupportedFeatures(), "01 0320 00"},
		{"LE Set Random Address", packet.LESetRandomAddress(someAddress), "01 0520 06 1371da7d1a00"},
		{"LE Set Advertising Parameters", legacy.Command(), "01 0620 0f 2000 a000 03 01 00 000000000000 07 00"},
		{"LE Set Advertising Data", packet.LESetAdvertisingData(data), "01 0820 20 04 032aaabb" + strings.Repeat("00", 27)},
		{"LE Set Advertising Enable", packet.LESetAdvertisingEnable(true), "01 0a20 01 01"},
		{"LE Set Advertising Disable", packet.LESetAdvertisingEnable(false), "01 0a20 01 00"},
		{"LE Set Scan Parameters", scan.Legacy(), "01 0b20 07 00 3000 3000 01 00"},
		{"LE Set Scan Enable", packet.LESetScanEnable(true, false), "01 0c20 02 01 00"},
		{"LE Set Advertising Set Random Address", packet.LESetAdvertisingSetRandomAddress(3, someAddress), "01 3520 07 03 1371da7d1a00"},
		{"LE Set Extended Advertising Parameters", extended.Command(), "01 3620 19 03 1000 200000 000200 07 01 00 000000000000 00 7f 01 00 01 03 00"},
		{"LE Set Extended Advertising Data", packet.LESetExtendedAdvertisingData(3, data), "01 3720 08 03 03 01 04 032aaabb"},
		{"LE Set Extended Advertising Enable", packet.LESetExtendedAdvertisingEnable(true, 3, 5), "01 3920 06 01 01 03 0000 05"},
		{"LE Set Extended Advertising Disable", packet.LESetExtendedAdvertisingEnable(false, 3, 0), "01 3920 06 00 01 03 0000 00"},
		{"LE Read Number of Supported Advertising Sets", packet.LEReadNumberOfSupportedAdvertisingSets(), "01 3b20 00"},
		{"LE Remove Advertising Set", packet.LERemoveAdvertisingSet(3), "01 3c20 01 03"},
		{"LE Clear Advertising Sets", packet.LEClearAdvertisingSets(), "01 3d20 00"},
		{"LE Set Extended Scan Parameters", scan.Extended(), "01 4120 08 01 00 01 00 3000 3000"},
		{"LE Set Extended Scan Enable", packet.LESetExtendedScanEnable(true, false), "01 4220 06 01 00 0000 0000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := octets(t, test.want)
			got := test.cmd.AppendTo(nil)
			if !bytes.Equal(got, want) {
				t.Fatalf("encoded\n got %x\nwant %x", got, want)
			}
			op, params, err := packet.ParseCommand(got)
			if err != nil || op != test.cmd.Opcode() || !bytes.Equal(params, test.cmd.Params()) {
				t.Fatalf("parsed %s %x, %v", op, params, err)
			}
			if s := op.String(); strings.HasPrefix(s, "opcode ") {
				t.Errorf("%s has no name", s)
			}
		})
	}
}

// oracle is a command of go-ble.
type oracle interface {
	OpCode() int
	Len() int
	Marshal([]byte) error
}

// TestCommandsAgainstGoBLE compares with an independent encoder the commands
// that both support.
func TestCommandsAgainstGoBLE(t *testing.T) {
	address := [6]byte(someAddress)
	for _, interval := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond, 1285 * time.Millisecond} {
		units := uint16(interval / packet.AdvertisingUnit)
		for n := 0; n <= packet.MaxLegacyData; n++ {
			var data [31]byte
			for i := range n {
				data[i] = byte(i + 1)
			}
			compare(t, packet.LESetAdvertisingData(data[:n]),
				&cmd.LESetAdvertisingData{AdvertisingDataLength: uint8(n), AdvertisingData: data})
		}
		compare(t, packet.LegacyAdvertising{IntervalMin: interval, IntervalMax: interval, Type: packet.LegacyNonconnectable, OwnAddress: packet.AddressRandom, Channels: 7}.Command(),
			&cmd.LESetAdvertisingParameters{AdvertisingIntervalMin: units, AdvertisingIntervalMax: units, AdvertisingType: 3, OwnAddressType: 1, AdvertisingChannelMap: 7})
		for _, active := range []bool{false, true} {
			scanType := uint8(0)
			if active {
				scanType = 1
			}
			compare(t, packet.Scan{Active: active, Interval: interval, Window: interval, OwnAddress: packet.AddressRandom}.Legacy(),
				&cmd.LESetScanParameters{LEScanType: scanType, LEScanInterval: units, LEScanWindow: units, OwnAddressType: 1})
		}
	}
	compare(t, packet.Reset(), &cmd.Reset{})
	compare(t, packet.ReadLocalVersion(), &cmd.ReadLocalVersionInformation{})
	compare(t, packet.ReadLocalSupportedCommands(), &cmd.ReadLocalSupportedCommands{})
	compare(t, packet.ReadLocalSupportedFeatures(), &cmd.ReadLocalSupportedFeatures{})
	compare(t, packet.ReadBDAddr(), &cmd.ReadBDADDR{})
	compare(t, packet.LEReadLocalSupportedFeatures(), &cmd.LEReadLocalSupportedFeatures{})
	compare(t, packet.SetEventMask(0x2000000002008010), &cmd.SetEventMask{EventMask: 0x2000000002008010})
	compare(t, packet.LESetEventMask(0x123456789abcdef0), &cmd.LESetEventMask{LEEventMask: 0x123456789abcdef0})
	compare(t, packet.LESetRandomAddress(someAddress), &cmd.LESetRandomAddress{RandomAddress: address})
	compare(t, packet.LESetAdvertisingEnable(true), &cmd.LESetAdvertiseEnable{AdvertisingEnable: 1})
	compare(t, packet.LESetAdvertisingEnable(false), &cmd.LESetAdvertiseEnable{})
	compare(t, packet.LESetScanEnable(true, false), &cmd.LESetScanEnable{LEScanEnable: 1})
	compare(t, packet.LESetScanEnable(true, true), &cmd.LESetScanEnable{LEScanEnable: 1, FilterDuplicates: 1})
}

func compare(t *testing.T, got packet.Command, want oracle) {
	t.Helper()
	params := make([]byte, want.Len())
	if err := want.Marshal(params); err != nil {
		t.Fatal(err)
	}
	if int(got.Opcode()) != want.OpCode() || !bytes.Equal(got.Params(), params) {
		t.Errorf("%s\n got %04x %x\nwant %04x %x", got.Opcode(), uint16(got.Opcode()), got.Params(), want.OpCode(), params)
	}
}

func TestUnits(t *testing.T) {
	for d, want := range map[time.Duration]uint16{
		-time.Second: 0, 0: 0, time.Nanosecond: 1, 625 * time.Microsecond: 1, 626 * time.Microsecond: 2,
		20 * time.Millisecond: 32, 10240 * time.Millisecond: 16384, time.Hour: 0xffff,
	} {
		if got := packet.Units(d); got != want {
			t.Errorf("Units(%s) = %d, want %d", d, got, want)
		}
	}
}

func TestParseCommandRefuses(t *testing.T) {
	for _, s := range []string{"", "01", "01030c", "04030c00", "01030c01", "01030c0000", "ff030c00"} {
		if _, _, err := packet.ParseCommand(octets(t, s)); err == nil {
			t.Errorf("%q was accepted as a command", s)
		}
	}
}

func TestAddress(t *testing.T) {
	a, err := packet.ParseAddress("00:1a:7D:DA:71:13")
	if err != nil || a != someAddress || a.String() != "00:1A:7D:DA:71:13" {
		t.Errorf("got %s, %v", a, err)
	}
	for _, s := range []string{"", "hci0", "00:1A:7D:DA:71", "00:1A:7D:DA:71:1", "00-1A-7D-DA-71-13", "0::1A:7D:DA:71:1", "00:1A:7D:DA:71:GG", "00:1A:7D:DA:71:13:"} {
		if a, err := packet.ParseAddress(s); err == nil {
			t.Errorf("%q was accepted as %s", s, a)
		}
	}
	if a := packet.NonResolvable([6]byte{1, 2, 3, 4, 5, 0xff}); a[5] != 0x3f || a[0] != 1 {
		t.Errorf("non-resolvable: %s", a)
	}
}

func TestTooLongPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"parameters":    func() { packet.NewCommand(packet.OpReset, make([]byte, 256)...) },
		"legacy data":   func() { packet.LESetAdvertisingData(make([]byte, 32)) },
		"extended data": func() { packet.LESetExtendedAdvertisingData(0, make([]byte, 252)) },
		"AD structure":  func() { packet.AppendStructure(nil, 0x2a, make([]byte, 255)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
