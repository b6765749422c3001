package gatt

import (
	"encoding/hex"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// pdus splits a script into PDUs, each preceded by its length in one octet.
func pdus(script []byte) (all [][]byte) {
	for len(script) > 0 {
		n := min(int(script[0]), len(script)-1)
		all = append(all, script[1:1+n])
		script = script[1+n:]
	}
	return all
}

func script(all ...string) (b []byte) {
	for _, s := range all {
		p := octets(s)
		b = append(append(b, byte(len(p))), p...)
	}
	return b
}

// FuzzServerPeer connects to a peer that answers each request with the next
// PDUs of the script, up to one that looks like a response, and leaves after
// the last. A panic in go-ble's own goroutines ends the process; one in ours is
// an error.
func FuzzServerPeer(f *testing.F) {
	f.Add(script("034500", "1106010005000018", "01100600 0a", "09070b00040c00dd2a0d00100e00de2a"))
	f.Add(script("034500", "1106010005002818", "0110060000 0a", "0907020004 0300dd2a 0400 10 0500de2a", "010804000a", "050106000229", "13", "1b0500aa"))
	f.Add(script("1b", "", "110000", "0902", "0500"))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { // the same coverage each time, and no waiting for ever
			silence()
			rest := pdus(data)
			p := newPeer(247, func(p *peerOf, _ []byte) {
				for len(rest) > 0 {
					pdu := append([]byte(nil), rest[0]...)
					rest = rest[1:]
					p.say(pdu)
					if len(pdu) > 0 && pdu[0]&1 == 1 && pdu[0] < opNotification {
						break // the next request gets the next PDU
					}
				}
				if len(rest) == 0 {
					p.l2cap.Close(errWanted)
				}
			})
			if len(rest) == 0 {
				p.l2cap.Close(errWanted)
			}
			var dropped atomic.Uint64
			c := newConn(p.l2cap, guard{mtu: 247}, "peer", func([]byte) {}, &dropped)
			client, err := ready(c, bearer.ProxyService)
			if err == nil {
				_ = client.send([]byte{1})
			} else if client != nil {
				t.Errorf("a client and the error %v", err)
			}
			p.l2cap.Close(errWanted)
			<-c.ended
			p.close()
		})
	})
}

// FuzzClientPeer is a client that sends arbitrary PDUs. They never make the
// server loop or wait: unless they ended the connection, it answers the next
// request. The bubble makes a server that waits for ever an error with its
// stacks, and the coverage of an input the same each time. Without it the fuzzer
// spent its time on repeating inputs, until its deadline ended it.
func FuzzClientPeer(f *testing.F) {
	f.Add(script("02f700", "100100ffff0028", "080600ffff0328", "040b000b00", "120b000100", "5208006869", "120b000000"))
	f.Add(script("120b0001", "520b0001", "1608000000aa", "1801", "0c03000500", "0100", "d20000", ""))
	// Requests without a pause, one of them for notifications while the MTU changes.
	f.Add(script("02f700", "100100ffff00202020", "20ffff0328", "0406000b00", "120b0001", "120b000100", "02f700", "120b000200"))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			_, p, _ := host(t)
			for i, pdu := range pdus(data) {
				if i == 32 { // more might not be read in time and count as a flood
					break
				}
				p.say(append([]byte(nil), pdu...))
			}
			p.answers()
			if p.l2cap.Err() != nil {
				return
			}
			p.say(octets("0a 0300"))
			if got, want := p.answers(), "0b"+hex.EncodeToString([]byte(deviceName)); got != want {
				t.Errorf("a request after all that was answered by %q, want %q", got, want)
			}
		})
	})
}
