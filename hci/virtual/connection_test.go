package virtual_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

var quick = packet.ConnectionParameters{IntervalMin: 30 * time.Millisecond, IntervalMax: 30 * time.Millisecond, Supervision: time.Second}

// connectable makes the station send connectable advertisements.
func (s *station) connectable(legacy bool) {
	s.t.Helper()
	if legacy {
		s.must(legacyParameters(packet.LegacyConnectable, 100*time.Millisecond), packet.LESetAdvertisingData([]byte{2, 1, 6}), packet.LESetAdvertisingEnable(true))
		return
	}
	s.must(packet.ExtendedAdvertising{
		Handle: 9, Properties: packet.PropertiesConnectable, IntervalMin: 100 * time.Millisecond, IntervalMax: 100 * time.Millisecond,
		Channels: packet.AllChannels, TxPower: packet.TxPowerAny,
	}.Command(), packet.LESetExtendedAdvertisingData(9, []byte{2, 1, 6}), packet.LESetExtendedAdvertisingEnable(true, 9, 0))
}

func initiate(to packet.Address, legacy bool) packet.Command {
	c := packet.CreateConnection{Interval: 30 * time.Millisecond, Window: 30 * time.Millisecond, Peer: to, Connection: quick}
	if legacy {
		return c.Legacy()
	}
	return c.Extended()
}

// connections returns the outcomes of attempts, and the connections that peers
// made.
func (s *station) connections() (all []packet.ConnectionComplete) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.others {
		if c, err := e.ConnectionComplete(); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// disconnections returns the ends of connections.
func (s *station) disconnections() (all []packet.DisconnectionComplete) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.others {
		if d, err := e.DisconnectionComplete(); err == nil {
			all = append(all, d)
		}
	}
	return all
}

// completed is the number of completed packets of all connections.
func (s *station) completed() (n int) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.others {
		if rows, err := e.CompletedPackets(); err == nil {
			for _, k, ok := rows.Next(); ok; _, k, ok = rows.Next() {
				n += k
			}
		}
	}
	return n
}

// received is the data of a connection with its fragments joined.
func (s *station) received() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, a := range s.data {
		if a.Boundary == packet.BoundaryFirst {
			all = append(all, string(a.Data))
		} else {
			all[len(all)-1] += string(a.Data)
		}
	}
	return all
}

func (s *station) say(handle uint16, text string) {
	s.t.Helper()
	if err := s.link.Write(packet.ACL{Handle: handle, Data: []byte(text)}.AppendTo(nil)); err != nil {
		s.t.Fatal(err)
	}
}

// join connects two stations and returns both handles.
func join(t *testing.T, central, peripheral *station, legacyCentral, legacyPeripheral bool) (uint16, uint16) {
	t.Helper()
	peripheral.connectable(legacyPeripheral)
	central.must(initiate(peripheral.Address(), legacyCentral))
	time.Sleep(300 * time.Millisecond)
	c, p := central.connections(), peripheral.connections()
	if len(c) == 0 || len(p) == 0 {
		t.Fatalf("no connection: %v, %v", c, p)
	}
	return c[len(c)-1].Handle, p[len(p)-1].Handle
}

func inPairs(t *testing.T, options virtual.AirOptions, f func(t *testing.T, air *virtual.Air, central, peripheral *station)) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, options)
		a, b := attach(t, air, virtual.Options{Address: address(1)}), attach(t, air, virtual.Options{Address: address(2)})
		a.start()
		b.start()
		f(t, air, a, b)
	})
}

func TestConnect(t *testing.T) {
	for _, legacyCentral := range []bool{false, true} {
		for _, legacyPeripheral := range []bool{false, true} {
			t.Run(fmt.Sprintf("legacy %t to %t", legacyCentral, legacyPeripheral), func(t *testing.T) {
				inPairs(t, virtual.AirOptions{}, func(t *testing.T, _ *virtual.Air, a, b *station) {
					ha, hb := join(t, a, b, legacyCentral, legacyPeripheral)
					c, p := a.connections()[0], b.connections()[0]
					if c.Role != packet.RoleCentral || c.Peer != b.Address() || c.Interval != quick.IntervalMax || c.Supervision != quick.Supervision || c.Status != 0 {
						t.Errorf("central: %+v", c)
					}
					if p.Role != packet.RolePeripheral || p.Peer != a.Address() || p.Status != 0 {
						t.Errorf("peripheral: %+v", p)
					}
					if ends := b.ends(); !legacyPeripheral && (len(ends) != 1 || ends[0].Status != 0 || ends[0].Connection != hb) {
						t.Errorf("the set ended as %+v", ends)
					}
					a.say(ha, "hello")
					b.say(hb, string(bytes.Repeat([]byte("0123456789"), 2)))
					time.Sleep(100 * time.Millisecond)
					if got := b.received(); !slices.Equal(got, []string{"hello"}) {
						t.Errorf("the peripheral got %q", got)
					}
					if got := a.received(); !slices.Equal(got, []string{"01234567890123456789"}) {
						t.Errorf("the central got %q", got)
					}
					if a.completed() != 1 || b.completed() != 1 {
						t.Errorf("completed %d and %d", a.completed(), b.completed())
					}
				})
			})
		}
	}
}

// TestLossDelaysData loses a third of everything on the air, but no data.
func TestLossDelaysData(t *testing.T) {
	inPairs(t, virtual.AirOptions{Seed: 3}, func(t *testing.T, air *virtual.Air, a, b *station) {
		ha, _ := join(t, a, b, false, false)
		air.SetLinks(a.Address(), b.Address(), virtual.Link{Loss: 0.3})
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprintf("number %d", i))
			a.say(ha, want[i])
			for a.completed() < i-2 { // four buffers
				time.Sleep(10 * time.Millisecond)
			}
		}
		time.Sleep(3 * time.Second)
		if got := b.received(); !slices.Equal(got, want) {
			t.Errorf("got %d: %q", len(got), got)
		}
		if n := air.Stats(); n.Missed < 20 {
			t.Errorf("only %d events were lost", n.Missed)
		}
		if n := a.Stats(); n.Flooded != 0 || len(a.disconnections()) != 0 {
			t.Errorf("stats %+v, ends %v", n, a.disconnections())
		}
	})
}

func TestDisconnect(t *testing.T) {
	for _, byPeripheral := range []bool{false, true} {
		inPairs(t, virtual.AirOptions{}, func(t *testing.T, _ *virtual.Air, a, b *station) {
			ha, hb := join(t, a, b, false, false)
			one, other, h, o := a, b, ha, hb
			if byPeripheral {
				one, other, h, o = b, a, hb, ha
			}
			one.refuse(packet.StatusUnknownConnection, packet.Disconnect(h+1, packet.StatusRemoteUser))
			one.refuse(isInvalid, packet.Disconnect(h, packet.StatusConnectionTimeout))
			one.must(packet.Disconnect(h, packet.StatusRemoteUser))
			one.refuse(isDisallowed, packet.Disconnect(h, packet.StatusRemoteUser))
			time.Sleep(100 * time.Millisecond)
			if got := one.disconnections(); len(got) != 1 || got[0] != (packet.DisconnectionComplete{Handle: h, Reason: packet.StatusLocalHost}) {
				t.Errorf("the requesting end got %+v", got)
			}
			if got := other.disconnections(); len(got) != 1 || got[0] != (packet.DisconnectionComplete{Handle: o, Reason: packet.StatusRemoteUser}) {
				t.Errorf("the other end got %+v", got)
			}
			one.say(h, "too late")
			if n := one.Stats(); n.Stray != 1 {
				t.Errorf("stats %+v", n)
			}
			join(t, a, b, false, false) // again
		})
	}
}

// TestSupervision cuts the link to the other side, silences it and unplugs it.
func TestSupervision(t *testing.T) {
	for name, trouble := range map[string]func(air *virtual.Air, a, b *station){
		"out of range": func(air *virtual.Air, a, b *station) { air.SetLink(b.Address(), a.Address(), virtual.Link{Cut: true}) },
		"mute":         func(_ *virtual.Air, _, b *station) { b.Mute(true) },
		"hung":         func(_ *virtual.Air, _, b *station) { b.Hang(false) },
		"unplugged":    func(_ *virtual.Air, _, b *station) { b.Unplug() },
		"reset":        func(_ *virtual.Air, _, b *station) { b.must(packet.Reset()) },
	} {
		t.Run(name, func(t *testing.T) {
			inPairs(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air, a, b *station) {
				h, _ := join(t, a, b, false, false)
				trouble(air, a, b)
				a.say(h, "is anybody there?")
				time.Sleep(quick.Supervision - 100*time.Millisecond)
				if got := a.disconnections(); len(got) != 0 {
					t.Errorf("too early: %+v", got)
				}
				time.Sleep(200 * time.Millisecond)
				if got := a.disconnections(); len(got) != 1 || got[0].Reason != packet.StatusConnectionTimeout || got[0].Handle != h {
					t.Errorf("got %+v", got)
				}
				if a.completed() != 0 {
					t.Error("the packet was completed")
				}
			})
		})
	}
}

// TestNotEstablished loses the peer at once.
func TestNotEstablished(t *testing.T) {
	inPairs(t, virtual.AirOptions{}, func(t *testing.T, air *virtual.Air, a, b *station) {
		b.connectable(false)
		a.must(initiate(b.Address(), false))
		for len(a.connections()) == 0 {
			time.Sleep(time.Millisecond)
		}
		air.SetLinks(a.Address(), b.Address(), virtual.Link{Cut: true})
		time.Sleep(300 * time.Millisecond)
		if got := a.disconnections(); len(got) != 1 || got[0].Reason != packet.StatusNotEstablished {
			t.Errorf("got %+v", got)
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1), Connections: 2})
		a.start()
		var peers []*station
		for n := range 3 {
			p := attach(t, air, virtual.Options{Address: address(2 + n)})
			p.start()
			peers = append(peers, p)
		}
		join(t, a, peers[0], false, false)
		a.refuse(packet.StatusConnectionExists, initiate(peers[0].Address(), false))
		join(t, a, peers[1], false, false)
		a.refuse(packet.StatusConnectionLimit, initiate(peers[2].Address(), false))
		a.must(packet.ExtendedAdvertising{Handle: 1, Properties: packet.PropertiesConnectable, IntervalMin: time.Second, IntervalMax: time.Second, Channels: 7}.Command())
		a.refuse(packet.StatusConnectionLimit, packet.LESetExtendedAdvertisingEnable(true, 1, 0))
		handles := a.connections()
		if len(handles) != 2 || handles[0].Handle == handles[1].Handle {
			t.Errorf("connections %+v", handles)
		}
		// A full controller cannot be connected to, although it advertised
		// before.
		peers[2].must(initiate(a.Address(), false))
		peers[2].refuse(isDisallowed, initiate(peers[1].Address(), false))
		time.Sleep(time.Second)
		peers[2].must(packet.LECreateConnectionCancel())
		peers[2].refuse(isDisallowed, packet.LECreateConnectionCancel())
		if got := peers[2].connections(); len(got) != 1 || got[0].Status != packet.StatusUnknownConnection {
			t.Errorf("cancelled: %+v", got)
		}
	})
}

func TestExclusiveControllersDoNotInitiateWhileTheyScan(t *testing.T) {
	onStation(t, virtual.Options{Exclusive: true}, func(_ *testing.T, s *station) {
		s.listen()
		s.refuse(isDisallowed, initiate(address(2), false))
		s.must(packet.LESetExtendedScanEnable(false, false), initiate(address(2), false))
		s.refuse(isDisallowed, packet.LESetExtendedScanEnable(true, false))
	})
}

// TestDataFaults holds data back and drops completions.
func TestDataFaults(t *testing.T) {
	inPairs(t, virtual.AirOptions{}, func(t *testing.T, _ *virtual.Air, a, b *station) {
		h, _ := join(t, a, b, false, false)
		a.HoldData(true)
		for range 5 {
			a.say(h, "held")
		}
		time.Sleep(10 * time.Second)
		if n := a.Stats(); n.Flooded != 1 || a.completed() != 0 || len(b.received()) != 0 || len(a.disconnections()) != 0 {
			t.Errorf("stats %+v, completed %d", n, a.completed())
		}
		a.HoldData(false)
		a.DropCompleted(1)
		time.Sleep(time.Second)
		if len(b.received()) != 4 || a.completed() != 0 {
			t.Errorf("received %d, completed %d", len(b.received()), a.completed())
		}
		a.say(h, string(make([]byte, 28)))
		if n := a.Stats(); n.Malformed != 1 {
			t.Errorf("a packet longer than the buffers: %+v", n)
		}
	})
}

func TestDataLengthAndUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1), DataLength: 251, DataPackets: 2, SharedData: true})
		b := attach(t, air, virtual.Options{Address: address(2)})
		a.start()
		b.start()
		if _, ret := a.do(packet.LEReadBufferSize()); !bytes.Equal(ret, []byte{0, 0, 0}) {
			t.Errorf("LE buffers %x", ret)
		}
		_, ret := a.do(packet.ReadBufferSize())
		if size, err := packet.ParseBufferSize(ret); err != nil || size != (packet.Buffers{Length: 251, Count: 2}) {
			t.Errorf("buffers %+v, %v", size, err)
		}
		h, _ := join(t, a, b, false, false)
		long := string(bytes.Repeat([]byte("abcdefghij"), 20))
		a.say(h, long)
		time.Sleep(100 * time.Millisecond)
		if got := b.received(); len(b.data) != 8 || !slices.Equal(got, []string{long}) {
			t.Errorf("%d fragments, %q", len(b.data), got)
		}
		a.must(packet.LESetDataLength(h))
		time.Sleep(100 * time.Millisecond)
		a.say(h, long)
		time.Sleep(100 * time.Millisecond)
		if got := b.received(); len(b.data) != 9 || len(got) != 2 || got[1] != long {
			t.Errorf("%d fragments, %q", len(b.data), got)
		}
		slower := packet.ConnectionParameters{IntervalMin: time.Second, IntervalMax: time.Second, Supervision: 6 * time.Second}
		a.must(packet.LEConnectionUpdate(h, slower))
		time.Sleep(time.Second)
		for _, s := range []*station{a, b} {
			found := false
			s.mu.Lock()
			for _, e := range s.others {
				u, err := e.ConnectionUpdate()
				found = found || err == nil && u.Interval == time.Second && u.Supervision == 6*time.Second
			}
			s.mu.Unlock()
			if !found {
				t.Error("no update was reported")
			}
		}
	})
}

// What Linux 6.1 asks a controller with data length extension during setup; it
// gives up on one that does not know the commands.
func TestSuggestedDataLength(t *testing.T) {
	onStation(t, virtual.Options{}, func(t *testing.T, s *station) {
		const readSuggested, writeSuggested, readMaximum = 0x2023, 0x2024, 0x202F
		want := func(opcode packet.Opcode, octets ...byte) {
			t.Helper()
			if _, ret := s.do(packet.NewCommand(opcode)); !bytes.Equal(ret, octets) {
				t.Errorf("%s: % x", opcode, ret)
			}
		}
		want(readMaximum, 0xfb, 0, 0x48, 0x08, 0xfb, 0, 0x48, 0x08)
		want(readSuggested, 0x1b, 0, 0x48, 0x01)
		s.must(packet.NewCommand(writeSuggested, 0xfb, 0, 0x48, 0x08))
		want(readSuggested, 0xfb, 0, 0x48, 0x08)
		s.refuse(isInvalid, packet.NewCommand(writeSuggested, 0x1a, 0, 0x48, 0x08))
		s.must(packet.Reset())
		want(readSuggested, 0x1b, 0, 0x48, 0x01)
	})
}
