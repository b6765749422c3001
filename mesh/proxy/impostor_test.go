package proxy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// siege is a client with one true proxy in range, and with outsiders that copy what it
// advertises. Their advertisements are stronger. They accept connections and have no key.
type siege struct {
	*bench
	truth    proxy.Candidate
	off      bool // the true proxy is out of reach
	forge    func(s *siege, step int)
	identity proxy.Identification // that the outsiders repeat
	node     mesh.Address         // the same
	prefers  bool                 // the client prefers them

	connected bearer.LinkID // to the true proxy
	tried     int           // connections to outsiders
	peers     map[bearer.LinkID]bearer.Peer
}

func newSiege(t *testing.T, forge func(*siege, int)) *siege {
	return &siege{
		bench: newBench(t, 1, everything), forge: forge,
		truth: proxy.Candidate{Peer: peer(1), RSSI: -85},
		peers: map[bearer.LinkID]bearer.Peer{},
	}
}

// forged is a sighting of an outsider with any device address.
func (s *siege) forged(number int) {
	c := proxy.Candidate{
		Peer: bearer.Peer{Random: true, Address: [6]byte{0xC0, 0, 0, byte(number >> 16), byte(number >> 8), byte(number)}},
		RSSI: -30, Identity: s.identity, Node: s.node, Preferred: s.prefers,
	}
	s.Sighted(s.now, c, &s.out)
	s.collect()
}

// pass lets time pass in steps of 100 ms.
func (s *siege) pass(d time.Duration) {
	s.Helper()
	for end := s.now.Add(d); s.now.Before(end); {
		s.step()
	}
}

func (s *siege) step() {
	s.Helper()
	step := int(s.now.Sub(start) / (100 * time.Millisecond))
	if s.forge != nil {
		s.forge(s, step)
	}
	if !s.off && step%10 == 0 {
		s.Sighted(s.now, s.truth, &s.out)
		s.collect()
	}
	s.bench.pass(100 * time.Millisecond)
	for made := s.made; len(made) > 0; made = made[1:] {
		c := made[0]
		s.peers[c.ID] = c.Peer
		if c.Peer != s.truth.Peer {
			s.tried++
		}
		s.opened(c.ID)
	}
	s.made = nil
	for _, m := range s.saying() {
		if s.peers[m.ID] != s.truth.Peer || s.off {
			continue
		}
		s.connected = m.ID
		size := uint16(0)
		s.Receive(s.now, m.ID, 0x0100, proxy.FilterStatus{Type: proxy.RejectList, Size: size}, &s.out)
		s.collect()
	}
	ended := s.ended
	s.ended = nil
	for _, id := range ended {
		if id == s.connected {
			s.connected = 0
		}
		s.closed(id)
	}
}

// await waits for the connection to the true proxy.
func (s *siege) await(limit time.Duration) time.Duration {
	s.Helper()
	begin := s.now
	for s.connected == 0 {
		if s.now.Sub(begin) > limit {
			s.Fatalf("the client has tried %d impostors in %s and never the proxy", s.tried, limit)
		}
		s.step()
	}
	return s.now.Sub(begin)
}

// lose ends the connection to the true proxy.
func (s *siege) lose() {
	id := s.connected
	s.connected = 0
	s.closed(id)
}

// rotating is one outsider that changes its device address every three seconds.
func rotating(s *siege, step int) { s.forged(step / 30) }

// crowd is forty addresses at the same time, each of which lasts.
func crowd(s *siege, step int) {
	for i := range 4 {
		s.forged((4*step + i) % 40)
	}
}

// shower is a new address in each of five advertisements every 100 ms.
func shower(s *siege, step int) {
	for i := range 5 {
		s.forged(5*step + i)
	}
}

// TestImpostors: whatever outsiders without a key advertise, the client finds the true
// proxy in bounded time, and finds it sooner when it knows it.
func TestImpostors(t *testing.T) {
	for name, c := range map[string]struct {
		forge          func(*siege, int)
		first, another time.Duration
	}{
		"nobody":                              {nil, 2 * time.Second, 5 * time.Second},
		"one that changes its device address": {rotating, 30 * time.Second, 15 * time.Second},
		"forty that stay":                     {crowd, 10 * time.Minute, 30 * time.Second},
		"a new one in every advertisement":    {shower, time.Minute, 15 * time.Second},
	} {
		for kind, identity := range map[string]proxy.Identification{"Network ID": proxy.NetworkID, "Node Identity": proxy.NodeIdentity} {
			t.Run(name+", "+kind, func(t *testing.T) {
				s := newSiege(t, c.forge)
				s.identity = identity
				if identity.IsNode() {
					s.node = 0x0100
				}
				took := s.await(c.first)
				t.Logf("the first connection after %s, %d impostors were tried", took, s.tried)
				s.pass(2 * time.Minute)
				if s.connected == 0 {
					t.Fatal("the connection did not last")
				}
				// Lost again and again.
				for range 2 {
					s.pass(61 * time.Second)
					s.lose()
					if took := s.await(c.another); took > c.another {
						t.Errorf("back after %s", took)
					}
				}
				// Another start with what is remembered.
				known := s.Known()
				stored, err := proxy.DecodeKnown(proxy.EncodeKnown(known))
				if err != nil || len(stored) != 1 || stored[0] != (proxy.Known{Peer: peer(1), Node: 0x0100}) {
					t.Fatalf("remembered %+v, %v", stored, err)
				}
				again := newSiege(t, c.forge)
				again.identity, again.node = s.identity, s.node
				again.SetKnown(stored)
				again.await(c.another)
				// It moves to another device address.
				again.truth.Peer = peer(2)
				again.lose()
				again.await(c.first)
			})
		}
	}
}

// TestImpostorsOfAKnownProxy: an outsider that uses the device address of the proxy
// keeps the client away no longer than it goes on.
func TestImpostorsOfAKnownProxy(t *testing.T) {
	s := newSiege(t, nil)
	s.await(2 * time.Second)
	s.off = true // what answers now has its address and no key
	s.lose()
	s.forge = func(s *siege, _ int) {
		s.Sighted(s.now, s.truth, &s.out)
		s.collect()
	}
	s.pass(30 * time.Minute)
	s.off, s.forge = false, nil
	if took := s.await(40 * time.Second); took > 40*time.Second {
		t.Errorf("back after %s", took)
	}
}

// TestImpostorsDoNotSilenceSolicitations: outsiders that advertise the Network ID do
// not keep the client from waking an on-demand proxy.
func TestImpostorsDoNotSilenceSolicitations(t *testing.T) {
	s := newSiege(t, rotating)
	s.off = true
	s.pass(time.Minute)
	since, alone := s.WithoutProxySince()
	if !alone || s.now.Sub(since) < 10*time.Second {
		t.Errorf("alone %t since %s", alone, s.now.Sub(since))
	}
}

// TestImpostorsOfANewcomer: who repeats the Node Identity of a preferred node does not
// end the connection to a true proxy again and again.
func TestImpostorsOfANewcomer(t *testing.T) {
	s := newSiege(t, nil)
	s.await(2 * time.Second)
	s.forge = rotating
	s.prefers, s.identity, s.node = true, proxy.NodeIdentity, 0x0200
	without := 0
	for range 600 { // a minute
		s.step()
		if s.connected == 0 {
			without++
		}
	}
	if without > 300 {
		t.Errorf("without a proxy for %d of 60 s", without/10)
	}
	s.forge = nil
	s.await(20 * time.Second)
}

// TestMuteProxy: a proxy behind which everything falls silent is left for any other, and
// is only used again when there is none.
func TestMuteProxy(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -30, 0)
	b.pass(time.Second)
	b.opened(1)
	b.answer(1, proxy.RejectList, 0)
	b.Mute(b.now, 1, &b.out)
	b.ends(1, proxy.ErrMute)
	// Nothing else is in range: it is used again after a while.
	for range 5 {
		b.pass(time.Second)
		b.sight(1, -30, 0)
	}
	if len(b.made) != 2 {
		t.Fatalf("made %+v", b.made)
	}
	b.opened(2)
	b.answer(2, proxy.RejectList, 0)
	// Another one appears.
	b.sight(2, -90, 0)
	b.ends(2, proxy.ErrMute)
	b.closed(2)
	if len(b.made) != 3 || b.made[2].Peer != peer(2) {
		t.Fatalf("made %+v", b.made)
	}
	// It stays with the other.
	b.opened(3)
	b.answer(3, proxy.RejectList, 0)
	b.Delivered(3)
	for range 120 {
		b.pass(time.Second)
		b.sight(1, -30, 0)
		b.sight(2, -90, 0)
		b.answer(3, proxy.RejectList, 0)
	}
	if len(b.ended) != 2 || b.Counters().Mute != 1 {
		t.Errorf("ended %v, counted %+v", b.ended, b.Counters())
	}
}

// ends expects that the client ends a connection, and why.
func (b *bench) ends(id bearer.LinkID, reason error) {
	b.Helper()
	b.collect()
	if len(b.ended) == 0 || b.ended[len(b.ended)-1] != id {
		b.Fatalf("ended %v, expected %d", b.ended, id)
	}
	b.closed(id)
	if at := len(b.reasons) - 1; at < 0 || !errors.Is(b.reasons[at].Reason, reason) {
		b.Fatalf("ended for %+v, expected %v", b.reasons, reason)
	}
}

// TestWhyItEnded: every attempt that failed has a reason and a back-off.
func TestWhyItEnded(t *testing.T) {
	b := newBench(t, 1, everything)
	last := func(reason error, failures int) {
		t.Helper()
		e := b.reasons[len(b.reasons)-1]
		if !errors.Is(e.Reason, reason) || e.Failures != failures || e.Wait <= 0 {
			t.Errorf("%+v, expected %v and %d failures", e, reason, failures)
		}
	}
	b.sight(1, -50, 0)
	b.pass(6 * time.Second) // one to gather, five to connect
	b.closed(1)
	last(proxy.ErrConnect, 1)
	b.pass(2 * time.Second)
	b.sight(1, -50, 0)
	b.closed(2)
	last(errGone, 2)
	b.pass(4 * time.Second)
	b.sight(1, -50, 0)
	b.opened(3)
	b.pass(4500 * time.Millisecond)
	b.closed(3)
	last(proxy.ErrStatus, 3)
	if n := b.Counters().NoStatus; n != 1 {
		t.Errorf("%d proxies without a Filter Status were counted", n)
	}
}
