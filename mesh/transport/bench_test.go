package transport

import (
	"crypto/aes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// rewind makes messages from a source new again.
func (l *Layer) rewind(src mesh.Address) {
	if s := l.replay.find(src); s != nil {
		*s = replayState{}
	}
}

func BenchmarkReceiveUnsegmented(b *testing.B) {
	p := newPeer(b)
	sender := newPeer(b)
	sender.send(epoch, there, MaxUnsegmentedPayload)
	pdu := copies(sender.out.Network)[0]
	var out Output
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		p.rewind(here)
		p.Receive(epoch, &pdu, &out)
	}
	if len(out.Access) != 1 {
		b.Fatalf("counters %+v", p.Counters())
	}
}

func BenchmarkReceiveReplayed(b *testing.B) {
	p := newPeer(b)
	pdu := single(b, 100, there)
	var out Output
	p.Receive(epoch, &pdu, &out)
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		p.Receive(epoch, &pdu, &out)
	}
}

func BenchmarkSendUnsegmented(b *testing.B) {
	p := newPeer(b)
	m := AccessOut{Src: here, Dst: there, NetKey: testNet, Key: Key{App: testApp}, TTL: 5, Payload: counting(MaxUnsegmentedPayload)}
	var out Output
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if _, err := p.Send(epoch, &m, &out); err != nil {
			b.Fatal(err)
		}
	}
}

// One message of 380 octets in 32 segments, to a group so that nobody has to
// answer.
func BenchmarkSend380(b *testing.B) {
	tx := DefaultTransmitter()
	tx.MulticastRetransmissions = 0
	p := newPeer(b, func(c *Config) { c.Transmitter = &tx })
	m := AccessOut{Src: here, Dst: group, NetKey: testNet, Key: Key{App: testApp}, TTL: 5, Payload: counting(MaxPayload)}
	var out Output
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if _, err := p.Send(epoch, &m, &out); err != nil {
			b.Fatal(err)
		}
		for next := p.NextDeadline(); !next.IsZero(); next = p.NextDeadline() {
			p.Tick(next, &out)
		}
	}
	if len(out.Network) != maxSegments {
		b.Fatalf("%d segments", len(out.Network))
	}
}

func BenchmarkReassemble380(b *testing.B) {
	p := newPeer(b)
	pdus := segments(b, 100, there, MaxPayload)
	var out Output
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		p.rewind(here)
		p.dropReassemblies(here)
		for i := range pdus {
			p.Receive(epoch, &pdus[i], &out)
		}
	}
	if len(out.Access) != 1 {
		b.Fatalf("counters %+v", p.Counters())
	}
}

// BenchmarkOpen measures a network PDU of 29 octets with an access message of
// 11, from the octets on the air to the access payload. "stack" is network and
// transport layer. "blocks" is only the 11 AES blocks that this takes,
// independent of each other, which is the best case; "blocks chained" is the
// worst case. The real dependency is between: four deep.
func BenchmarkOpen(b *testing.B) {
	b.Run("stack", func(b *testing.B) {
		key := crypto.Key{9}
		credentials := network.Flooding(key)
		sender := newPeer(b)
		const batch = 4096
		var sealed [batch][]byte
		sender.seq.iv = 5
		for i := range sealed {
			sender.out.Reset()
			sender.send(epoch, there, MaxUnsegmentedPayload)
			pdu, err := credentials.Seal(nil, &sender.out.Network[0].PDU)
			if err != nil {
				b.Fatal(err)
			}
			sealed[i] = pdu
		}
		p := newPeer(b)
		// The caches forget after twice their size, so that every PDU is new
		// again in the next round.
		receiver := network.NewReceiver(network.Config{IVIndex: 5, Cache: 64})
		receiver.AddSubnet(testNet, credentials)
		var out Output
		var pdu network.PDU
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			out.Reset()
			if i == batch {
				i = 0
				p.rewind(here)
			}
			if v := receiver.Open(sealed[i], &pdu); v != network.Fresh {
				b.Fatalf("%d: %v", i, v)
			}
			p.Receive(epoch, &pdu, &out)
			if len(out.Access) != 1 {
				b.Fatalf("%d: counters %+v", i, p.Counters())
			}
			i++
		}
	})
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	// A network PDU with 16 octets of transport PDU: one block for privacy,
	// then for 18 octets B0, two of MAC, and three of keystream; for 11 octets
	// of access message B0, one of MAC, and two of keystream.
	const blocks = 1 + 6 + 4
	b.Run("blocks", func(b *testing.B) {
		var buf [blocks][16]byte
		b.ReportAllocs()
		for b.Loop() {
			for i := range buf {
				block.Encrypt(buf[i][:], buf[i][:])
			}
		}
	})
	// The same one after the other, as in a MAC.
	b.Run("blocks chained", func(b *testing.B) {
		var buf [16]byte
		b.ReportAllocs()
		for b.Loop() {
			for range blocks {
				block.Encrypt(buf[:], buf[:])
			}
		}
	})
}
