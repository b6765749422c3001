package virtual_test

import (
	"math/bits"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

const (
	isDisallowed  = packet.StatusCommandDisallowed
	isInvalid     = packet.StatusInvalidParameters
	isUnsupported = packet.StatusUnsupportedFeature
	isUnknownSet  = packet.StatusUnknownAdvertisingID
)

// onStation runs f with one controller in a bubble.
func onStation(t *testing.T, options virtual.Options, f func(t *testing.T, s *station)) {
	synctest.Test(t, func(t *testing.T) {
		options.Address = address(1)
		f(t, attach(t, room(t, virtual.AirOptions{}), options))
	})
}

func TestInformation(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		onStation(t, virtual.Options{Legacy: legacy, Sets: 5}, func(t *testing.T, s *station) {
			wantCore, wantExtended := byte(packet.Core54), packet.LEFeatureExtendedAdvertising
			if legacy {
				wantCore, wantExtended = packet.Core42, 0
			}
			_, ret := s.do(packet.ReadLocalVersion())
			if v, err := packet.ParseVersion(ret); err != nil || v.HCI != wantCore || v.LMP != wantCore {
				t.Errorf("version %+v, %v", v, err)
			}
			_, ret = s.do(packet.ReadBDAddr())
			if a, err := packet.ParseBDAddr(ret); err != nil || a != address(1) {
				t.Errorf("address %s, %v", a, err)
			}
			_, ret = s.do(packet.ReadLocalSupportedFeatures())
			if f, err := packet.ParseLMPFeatures(ret); err != nil || f&packet.LMPFeatureLE == 0 {
				t.Errorf("LMP features %x, %v", f, err)
			}
			_, ret = s.do(packet.LEReadLocalSupportedFeatures())
			if f, err := packet.ParseLEFeatures(ret); err != nil || f&packet.LEFeatureExtendedAdvertising != wantExtended {
				t.Errorf("LE features %x, %v", f, err)
			}
			if legacy {
				s.refuse(packet.StatusUnknownCommand, packet.LEReadNumberOfSupportedAdvertisingSets())
				return
			}
			_, ret = s.do(packet.LEReadNumberOfSupportedAdvertisingSets())
			if n, err := packet.ParseAdvertisingSets(ret); err != nil || n != 5 {
				t.Errorf("%d advertising sets, %v", n, err)
			}
		})
	}
}

// The bit map has as many bits as there are known opcodes, and the bits that
// hosts look for are in their places.
func TestSupportedCommandsAreTrue(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		onStation(t, virtual.Options{Legacy: legacy}, func(t *testing.T, s *station) {
			_, ret := s.do(packet.ReadLocalSupportedCommands())
			commands, err := packet.ParseSupportedCommands(ret)
			if err != nil {
				t.Fatal(err)
			}
			announced := 0
			for _, octet := range commands {
				announced += bits.OnesCount8(octet)
			}
			known := 0
			for opcode := range 0x2400 { // groups 0 to 8; LE is 8
				s.send(packet.NewCommand(packet.Opcode(opcode)))
				if status, _, _ := s.answer(packet.Opcode(opcode)); status != packet.StatusUnknownCommand {
					known++
				}
			}
			if announced != known || known < 15 {
				t.Errorf("the bit map has %d commands, %d are there", announced, known)
			}
			for bit, want := range map[int]bool{
				5*8 + 6: true, 5*8 + 7: true, // Set Event Mask, Reset
				25*8 + 0:                                 true, // LE Set Event Mask
				packet.CommandLESetAdvertisingParameters: true,
				26*8 + 3:                                 true, // LE Set Scan Enable
				packet.CommandLESetExtendedAdvertisingEnable: !legacy,
				packet.CommandLEReadNumberOfAdvertisingSets:  !legacy,
				packet.CommandLESetExtendedScanEnable:        !legacy,
			} {
				if commands.Has(bit) != want {
					t.Errorf("bit %d of octet %d is %v", bit%8, bit/8, !want)
				}
			}
		})
	}
}

func TestFamiliesDoNotMix(t *testing.T) {
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		s.must(packet.LESetScanEnable(false, false))
		for _, c := range []packet.Command{packet.LEClearAdvertisingSets(), nonconnectable(0, time.Second), packet.LESetExtendedScanEnable(true, false), packet.LEReadNumberOfSupportedAdvertisingSets()} {
			s.refuse(isDisallowed, c)
		}
		s.must(packet.LESetRandomAddress(address(9)), packet.Reset(), packet.LEClearAdvertisingSets())
		for _, c := range []packet.Command{packet.LESetScanEnable(true, false), packet.LESetAdvertisingEnable(true), packet.LESetAdvertisingData(nil), legacyParameters(packet.LegacyNonconnectable, time.Second)} {
			s.refuse(isDisallowed, c)
		}
	})
}

func TestExtendedStateErrors(t *testing.T) {
	on := func(handles ...byte) packet.Command {
		params := []byte{1, byte(len(handles))}
		for _, h := range handles {
			params = append(params, h, 0, 0, 0)
		}
		return packet.NewCommand(packet.OpLESetExtendedAdvertisingEnable, params...)
	}
	off := packet.NewCommand(packet.OpLESetExtendedAdvertisingEnable, 0, 0)
	data := func(handle, operation byte, n int) packet.Command {
		return packet.NewCommand(packet.OpLESetExtendedAdvertisingData, append([]byte{handle, operation, 1, byte(n)}, make([]byte, n)...)...)
	}
	onStation(t, virtual.Options{Sets: 3}, func(t *testing.T, s *station) {
		s.start()
		for _, c := range []packet.Command{packet.LESetExtendedAdvertisingData(0, nil), on(0), packet.LERemoveAdvertisingSet(0), packet.LESetAdvertisingSetRandomAddress(0, address(9))} {
			s.refuse(isUnknownSet, c)
		}
		s.refuse(isInvalid, packet.LERemoveAdvertisingSet(0xF0))
		s.refuse(isInvalid, nonconnectable(0xF0, time.Second))
		s.must(nonconnectable(0, time.Second), nonconnectable(1, time.Second), nonconnectable(0xEF, time.Second))
		s.refuse(packet.StatusMemoryExceeded, nonconnectable(3, time.Second))
		s.must(nonconnectable(1, 2*time.Second)) // known already

		s.refuse(isInvalid, on())
		s.refuse(isInvalid, on(0, 1, 0))
		s.refuse(isUnknownSet, on(0, 2))
		s.refuse(isDisallowed, packet.LESetAdvertisingEnable(true))
		s.must(packet.LEClearAdvertisingSets(), nonconnectable(0, time.Second), nonconnectable(1, time.Second)) // none of the above enabled anything

		s.must(on(0))
		s.refuse(isDisallowed, nonconnectable(0, time.Second))
		s.refuse(isDisallowed, packet.LERemoveAdvertisingSet(0))
		s.refuse(isDisallowed, packet.LEClearAdvertisingSets())
		s.must(packet.LERemoveAdvertisingSet(1), packet.LESetAdvertisingSetRandomAddress(0, address(9)))
		s.must(off, packet.LERemoveAdvertisingSet(0))
		s.refuse(isUnknownSet, on(0))

		s.must(nonconnectable(0, time.Second), data(0, 3, 31))
		for _, c := range []packet.Command{data(0, 3, 32), data(0, 1, 10), data(0, 4, 0), data(0, 5, 0), packet.NewCommand(packet.OpLESetExtendedAdvertisingData, 0, 3, 1, 5, 1)} {
			s.refuse(isInvalid, c)
		}
	})
}

func TestExtendedParameterErrors(t *testing.T) {
	valid := nonconnectable(0, time.Second)
	for name, tc := range map[string]struct {
		at    int
		value byte
		want  packet.Status
	}{
		"valid":                              {0, 0, packet.StatusSuccess},
		"directed":                           {1, 0x1D, isUnsupported},
		"connectable legacy":                 {1, 0x11, isInvalid}, // but not scannable
		"anonymous legacy":                   {1, 0x30, isInvalid},
		"reserved property":                  {2, 1, isInvalid},
		"connectable and scannable extended": {1, 0x03, isInvalid},
		"interval of 0":                      {3, 0, isInvalid}, // below becomes above
		"no channel":                         {9, 0, isInvalid},
		"own address type":                   {10, 4, isInvalid},
		"coded PHY":                          {20, 3, isUnsupported},
		"SID":                                {23, 0x10, isInvalid},
		"scan notifications":                 {24, 2, isInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
				params := append([]byte(nil), valid.Params()...)
				params[tc.at] = tc.value
				if name == "interval of 0" {
					params[4] = 0
				}
				s.refuse(tc.want, packet.NewCommand(valid.Opcode(), params...))
				want := isUnknownSet
				if tc.want == packet.StatusSuccess {
					want = packet.StatusSuccess
				}
				s.refuse(want, packet.LERemoveAdvertisingSet(0)) // no refused command created a set
			})
		})
	}
}

func TestLegacyStateErrors(t *testing.T) {
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		parameters := legacyParameters(packet.LegacyNonconnectable, time.Second)
		s.must(parameters, packet.LESetAdvertisingEnable(true))
		s.refuse(isDisallowed, parameters)
		s.refuse(isDisallowed, packet.LESetRandomAddress(address(9)))
		s.must(packet.LESetAdvertisingEnable(true), packet.LESetAdvertisingEnable(false), packet.LESetRandomAddress(address(9)))
		s.must(always.Legacy(), packet.LESetScanEnable(true, false))
		s.refuse(isDisallowed, always.Legacy())
		s.refuse(isDisallowed, packet.LESetRandomAddress(address(9)))
		s.must(packet.LESetScanEnable(false, false))
		s.refuse(isInvalid, packet.Scan{Interval: 10 * time.Millisecond, Window: 20 * time.Millisecond}.Legacy())
		s.refuse(isInvalid, packet.NewCommand(packet.OpLESetScanEnable, 2, 0))
		s.refuse(isInvalid, packet.NewCommand(packet.OpLESetScanEnable, 1))
		s.refuse(isInvalid, packet.NewCommand(packet.OpLESetAdvertisingEnable, 2))
		s.refuse(isInvalid, packet.NewCommand(packet.OpLESetAdvertisingData, append([]byte{32}, make([]byte, 31)...)...))
		s.refuse(isInvalid, packet.NewCommand(packet.OpLESetAdvertisingData, 1, 2))
		s.refuse(isUnsupported, legacyParameters(0x01, time.Second))
		s.refuse(isInvalid, legacyParameters(0x05, time.Second))
	})
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		scan := always
		scan.OwnAddress = packet.AddressRandom
		s.must(scan.Legacy())
		s.refuse(isInvalid, packet.LESetScanEnable(true, false)) // no random address yet
		s.must(packet.LESetRandomAddress(address(9)), packet.LESetScanEnable(true, false))
	})
}

func TestExclusiveController(t *testing.T) {
	onStation(t, virtual.Options{Exclusive: true}, func(t *testing.T, s *station) {
		s.start()
		s.must(nonconnectable(0, time.Second), packet.LESetExtendedAdvertisingEnable(true, 0, 1))
		s.refuse(isDisallowed, packet.LESetExtendedScanEnable(true, false))
		time.Sleep(time.Second) // the only event is over
		s.must(packet.LESetExtendedScanEnable(true, false))
		s.refuse(isDisallowed, packet.LESetExtendedAdvertisingEnable(true, 0, 1))
		s.must(packet.LESetExtendedScanEnable(false, false), packet.LESetExtendedAdvertisingEnable(true, 0, 1))
	})
	onStation(t, virtual.Options{Exclusive: true, Legacy: true}, func(t *testing.T, s *station) {
		s.must(packet.LESetScanEnable(true, false))
		s.refuse(isDisallowed, packet.LESetAdvertisingEnable(true))
		s.must(packet.LESetScanEnable(false, false), packet.LESetAdvertisingEnable(true))
		s.refuse(isDisallowed, packet.LESetScanEnable(true, false))
	})
}

func TestCreditsAndLatency(t *testing.T) {
	onStation(t, virtual.Options{Credits: 2, Latency: 10 * time.Millisecond}, func(t *testing.T, s *station) {
		begin := time.Now()
		for range 3 {
			s.send(packet.ReadBDAddr())
		}
		var credits []uint8
		for i := range 2 {
			complete, err := (<-s.answers).CommandComplete()
			if err != nil {
				t.Fatal(err)
			}
			credits = append(credits, complete.Credits)
			if took, want := time.Since(begin), time.Duration(i+1)*10*time.Millisecond; took != want {
				t.Errorf("command %d took %s, want %s", i+1, took, want)
			}
		}
		if credits[0] != 1 || credits[1] != 2 {
			t.Errorf("credits %v, want 1 while a command is pending and 2 after it", credits)
		}
		if _, _, ok := s.answer(packet.OpReadBDAddr); ok {
			t.Error("a command without a credit was answered")
		}
		if st := s.Stats(); st.Commands != 2 || st.Overrun != 1 {
			t.Errorf("counted %+v", st)
		}
	})
}

func TestResetStopsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		tr := sniff(air)
		a := attach(t, air, virtual.Options{Address: address(1)}).listen()
		a.advertise(0, 20*time.Millisecond, 0)
		beacon(t, air, 2)
		time.Sleep(time.Second)
		a.must(packet.Reset())
		sent, heard := len(tr.all()), len(a.heard())
		time.Sleep(time.Second)
		for _, e := range tr.all()[sent:] {
			if e.from == address(1) {
				t.Fatal("a set advertised after Reset")
			}
		}
		if sent == 0 || heard == 0 || len(a.heard()) != heard {
			t.Errorf("%d events, %d reports before Reset and %d after", sent, heard, len(a.heard())-heard)
		}
		a.refuse(isUnknownSet, packet.LERemoveAdvertisingSet(0))
	})
}

func TestPacketsThatAreNoCommands(t *testing.T) {
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		malformed := [][]byte{nil, {0}, {1}, {1, 3, 0x0C}, {1, 3, 0x0C, 1}, {1, 3, 0x0C, 0, 0}, {4, 0x10, 1, 0}, {9, 9, 9}, {2, 0, 0, 5, 0}}
		for _, p := range malformed {
			if err := s.link.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range [][]byte{{2, 0, 0, 1, 0, 7}, {3, 0, 0, 1, 7}, {5, 0, 0, 1, 0, 7}} {
			if err := s.link.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		s.must(packet.Reset())
		if st := s.Stats(); st.Malformed != uint64(len(malformed)) || st.Stray != 3 || st.Commands != 1 {
			t.Errorf("counted %+v", st)
		}
	})
}
