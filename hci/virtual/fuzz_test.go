package virtual_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

// FuzzCommand sends packets to a controller while another advertises. The input
// is a list of commands as length and octets. Every complete command must get
// one answer with its opcode, and Reset must work in the end.
func FuzzCommand(f *testing.F) {
	script := func(commands ...packet.Command) (input []byte) {
		for _, c := range commands {
			p := c.AppendTo(nil)
			input = append(append(input, byte(len(p))), p...)
		}
		return input
	}
	f.Add(byte(0), script(packet.Reset(), packet.ReadLocalVersion(), packet.ReadLocalSupportedCommands(), packet.LESetRandomAddress(address(3))))
	f.Add(byte(0), script(packet.SetEventMask(^uint64(0)), packet.LESetEventMask(^uint64(0)), always.Extended(), packet.LESetExtendedScanEnable(true, true)))
	f.Add(byte(0), script(nonconnectable(1, 20*time.Millisecond), packet.LESetExtendedAdvertisingData(1, []byte{1, 2}), packet.LESetExtendedAdvertisingEnable(true, 1, 2),
		packet.LERemoveAdvertisingSet(1), packet.LEClearAdvertisingSets()))
	f.Add(byte(1), script(packet.SetEventMask(^uint64(0)), always.Legacy(), packet.LESetScanEnable(true, true),
		legacyParameters(packet.LegacyConnectable, time.Second), packet.LESetAdvertisingData([]byte{1}), packet.LESetAdvertisingEnable(true)))
	f.Add(byte(2), script(nonconnectable(1, 20*time.Millisecond), packet.NewCommand(packet.OpLESetExtendedAdvertisingEnable, 1, 2, 1, 0, 0, 0, 1, 0, 0, 0)))
	f.Add(byte(3), []byte{3, 1, 3, 0x0C, 4, 2, 0, 0, 0, 2, 0xFF, 0})
	f.Fuzz(func(t *testing.T, kind byte, input []byte) {
		synctest.Test(t, func(t *testing.T) {
			air := room(t, virtual.AirOptions{Seed: 1, Collisions: kind&4 != 0, HalfDuplex: kind&8 != 0})
			beacon(t, air, 2)
			options := virtual.Options{Address: address(1), Legacy: kind&1 != 0, Exclusive: kind&2 != 0, Sets: 3}
			s := attach(t, air, options)
			for len(input) > 0 {
				n := min(int(input[0]), len(input)-1)
				p := input[1 : 1+n]
				input = input[1+n:]
				if err := s.link.Write(p); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				opcode, _, err := packet.ParseCommand(p)
				if err != nil {
					continue
				}
				if len(s.answers) != 1 {
					t.Fatalf("%d answers to %x", len(s.answers), p)
				}
				s.answer(opcode)
				time.Sleep(30 * time.Millisecond)
			}
			synctest.Wait()
			if len(s.answers) != 0 || s.garbage != 0 {
				t.Fatalf("%d answers without a command, %d packets of garbage", len(s.answers), s.garbage)
			}
			s.must(packet.Reset())
		})
	})
}
