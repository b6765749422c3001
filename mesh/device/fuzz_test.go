package device_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// host is a node for the Configuration Server of a device.
type host struct{ node state.Node }

func (h *host) State() *state.Node                 { return &h.node }
func (h *host) Edit(change func(*state.Node) bool) { change(h.State()) }
func (h *host) Reset() error                       { h.node.Reset(); return nil }

func newHost(elements []access.Element) *host {
	h := &host{node: state.Node{Address: 1, Subnets: []state.Subnet{{}}, AppKeys: []state.AppKey{{}}}}
	for _, e := range elements {
		stored := state.Element{Location: e.Location}
		for _, m := range e.Models {
			stored.Models = append(stored.Models, state.Model{ID: m.ID()})
		}
		h.node.Elements = append(h.node.Elements, stored)
	}
	return h
}

// FuzzMessages sends a device arbitrary messages: a length, a time that passes,
// and as many octets, repeatedly. Nothing panics, everything that is answered
// or published can be sent, a device that is restored from its stored state
// stores the same again, and no list grows without limit.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		"0400820201010400820200020702825e00100bb80000",
		"0b05825e409cb80b0000010a00" + "0300820100",
		"0a0082770102030405060708",
		"0801820bff7f054100" + "020a8205",
		"13ff00000000000102030405060708090a0b0c0d0e0f",
		"06008040010002" + "070080160100020300",
		"0800803d0100000000100a0003010001000000000000001000",
		"020080490401824c010203",
	} {
		octets, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(0), octets)
		f.Add(uint8(1), octets)
	}
	makers := []func() []access.Element{
		func() []access.Element { return device.NewPlug().Elements() },
		func() []access.Element { return device.NewLamp().Elements() },
		func() []access.Element { return device.NewColorLamp().Elements() },
		func() []access.Element { return device.NewSensor().Elements() },
		func() []access.Element { return device.NewButton().Elements() },
	}
	f.Fuzz(func(t *testing.T, which uint8, script []byte) {
		elements := makers[int(which)%len(makers)]
		e := elements()
		b := bench(t, e)
		h := newHost(e)
		for _, m := range b.Models {
			if a, ok := m.(foundation.HostedModel); ok {
				a.Attach(h)
			}
		}
		for len(script) > 2 {
			n, passes := int(script[0]), time.Duration(script[1])*20*time.Millisecond
			script = script[2:]
			n = min(n, len(script))
			op, params, err := access.ParseOpcode(script[:n])
			script = script[n:]
			if err != nil {
				continue
			}
			for _, m := range b.Models {
				b.Raw(m, op, params)
			}
			b.Pass(passes)
		}
		if len(h.node.Subnets) > configuration.MaxNetKeys || len(h.node.AppKeys) > configuration.MaxAppKeys {
			t.Errorf("%d NetKeys and %d AppKeys", len(h.node.Subnets), len(h.node.AppKeys))
		}
		b.Time = b.Time.Add(100 * time.Hour)
		b.Pass(0)
		remembers(t, b, bench(t, elements()))
	})
}

// remembers restores a device from the stored state of another.
func remembers(t *testing.T, from, to *servertest.Bench) {
	t.Helper()
	for i, m := range from.Models {
		p, ok := m.(access.Persistent)
		if !ok {
			continue
		}
		stored := p.State()
		if stored == nil {
			continue
		}
		again, ok := to.Models[i].(access.Persistent)
		if !ok {
			t.Fatalf("model %s differs", m.ID())
		}
		if err := again.Restore(stored); err != nil {
			t.Fatalf("model %s rejects its own stored state: %v", m.ID(), err)
		}
		// The return of power may change the state once.
		once := bytes.Clone(again.State())
		if err := again.Restore(once); err != nil || !bytes.Equal(again.State(), once) {
			t.Fatalf("model %s: %s became %s (%v)", m.ID(), once, again.State(), err)
		}
	}
}
