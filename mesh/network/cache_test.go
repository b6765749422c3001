package network

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// TestImageOf: PDUs of all sizes that differ in one octet or in length have
// different images.
func TestImageOf(t *testing.T) {
	seen := map[image]int{}
	for n := minPDU; n <= MaxPDU; n++ {
		pdu := make([]byte, n)
		for at := -1; at < n; at++ { // -1: all zeros
			if at >= 0 {
				pdu[at] = 0xA5
			}
			v := imageOf(pdu)
			if other, ok := seen[v]; ok {
				t.Fatalf("%d octets, octet %d: the image of one of %d octets", n, at, other)
			}
			seen[v] = n
			if at >= 0 {
				pdu[at] = 0
			}
		}
	}
}

// TestImages: a set keeps its newest images and all of their octets.
func TestImages(t *testing.T) {
	c := newImages(64)
	var all []image
	for i := range imageWays + 1 {
		v := image{1, 2, 3, uint64(i)} // word 1 selects the set
		c.add(&v)
		all = append(all, v)
	}
	for i, v := range all {
		if got, want := c.has(&v), i > 0; got != want {
			t.Errorf("image %d of %d is there: %v, want %v", i, len(all), got, want)
		}
		for word := range v {
			other := v
			other[word] ^= 1 << 63
			if c.has(&other) {
				t.Errorf("image %d is found with another word %d", i, word)
			}
		}
	}
}

// sealUnchecked encrypts what Seal rejects, as a faulty node with the keys may
// do.
func sealUnchecked(c *Credentials, p PDU) []byte {
	nonce := crypto.NetworkNonce(p.CTL, p.TTL, p.Seq, p.Src, p.IVIndex)
	pdu := make([]byte, headerSize, 64)
	pdu = c.ccm.Seal(pdu, &nonce, append([]byte{byte(p.Dst >> 8), byte(p.Dst)}, p.Transport...), nil, micSize(p.CTL))
	pdu[0] = c.nid
	h := uint64(p.TTL)<<ttlShift | uint64(p.Seq)<<seqShift | uint64(p.Src)
	if p.CTL {
		h |= ctlBit << ttlShift
	}
	putHeader(pdu, h^c.pecb(pdu, p.IVIndex))
	return pdu
}

// TestAuthenticButWrong: even with the right keys, invalid addresses and sizes
// are rejected.
func TestAuthenticButWrong(t *testing.T) {
	c := Flooding(crypto.Key{1})
	good := PDU{TTL: 3, Seq: 9, Src: 1, Dst: 2, Transport: []byte{1, 2, 3, 4, 5}}
	for name, f := range map[string]struct {
		change func(*PDU)
		want   Verdict
	}{
		"nothing wrong":        {func(*PDU) {}, Fresh},
		"DST unassigned":       {func(p *PDU) { p.Dst = mesh.Unassigned }, Malformed},
		"SRC a group":          {func(p *PDU) { p.Src = 0xC000 }, BadMIC},
		"SRC unassigned":       {func(p *PDU) { p.Src = 0 }, BadMIC},
		"empty control PDU":    {func(p *PDU) { p.CTL, p.Transport = true, nil }, BadMIC},
		"control PDU of 1":     {func(p *PDU) { p.CTL, p.Transport = true, []byte{1} }, Fresh},
		"access PDU of 17":     {func(p *PDU) { p.Transport = make([]byte, 17) }, Malformed},
		"control PDU of 13":    {func(p *PDU) { p.CTL, p.Transport = true, make([]byte, 13) }, Malformed},
		"longest access PDU":   {func(p *PDU) { p.Transport = make([]byte, 16) }, Fresh},
		"longest control PDU":  {func(p *PDU) { p.CTL, p.Transport = true, make([]byte, 12) }, Fresh},
		"shortest access PDU":  {func(p *PDU) { p.Transport = []byte{1} }, Fresh},
		"largest TTL":          {func(p *PDU) { p.TTL = mesh.MaxTTL }, Fresh},
		"last sequence number": {func(p *PDU) { p.Seq = mesh.MaxSequenceNumber }, Fresh},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			f.change(&p)
			r := NewReceiver(Config{})
			r.AddSubnet(0, c)
			var out PDU
			if got := r.Open(sealUnchecked(c, p), &out); got != f.want {
				t.Errorf("verdict %v, want %v", got, f.want)
			}
		})
	}
}

// TestIdenticalFirst: the octets of an authentic PDU are remembered until keys
// or IV index change; those of a relayed copy, which was not decrypted, are
// not.
func TestIdenticalFirst(t *testing.T) {
	c := Flooding(crypto.Key{1})
	r := NewReceiver(Config{IVIndex: 4})
	r.AddSubnet(0, c)
	p := PDU{IVIndex: 4, TTL: 3, Seq: 9, Src: 1, Dst: 2, Transport: []byte{1, 2, 3, 4, 5}}
	pdu, err := c.Seal(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	relayed, err := c.Relay(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	known := func(pdu []byte) bool {
		v := imageOf(pdu)
		return r.images.has(&v)
	}
	var out PDU
	for step, change := range map[string]func(){
		"nothing":          nil,
		"another IV index": func() { r.SetIVIndex(5) },
		"another subnet":   func() { r.AddSubnet(1, Flooding(crypto.Key{2})) },
		"a subnet less":    func() { r.RemoveSubnet(1) },
		"a source less":    func() { r.Forget(77) },
	} {
		r.SetIVIndex(4)
		r.Forget(p.Src)
		if got := r.Open(pdu, &out); got != Fresh {
			t.Fatalf("%s: verdict %v", step, got)
		}
		if got := r.Open(relayed, &out); got != Duplicate {
			t.Fatalf("%s: relayed: verdict %v", step, got)
		}
		if !known(pdu) || known(relayed) {
			t.Errorf("%s: the PDU is known: %v, its relayed copy: %v", step, known(pdu), known(relayed))
		}
		if change == nil {
			continue
		}
		if change(); known(pdu) {
			t.Errorf("%s: the PDU is still known", step)
		}
	}
}
