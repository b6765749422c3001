package requests_test

import (
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/requests"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// An event while many requests wait: a message that answers none, and one that answers a
// request, whose place another one takes.
func BenchmarkEvent(b *testing.B) {
	for _, n := range []int{40, 4000} {
		for _, answered := range []bool{false, true} {
			b.Run(fmt.Sprintf("waiting=%d/answer=%t", n, answered), func(b *testing.B) {
				h := parttest.New()
				l := &radio{host: h}
				r := requests.New(h, l, l, l)
				add := func(to mesh.Address) {
					if _, err := r.Add(part.Request{Dst: to, Payload: []byte(get), Respond: status}); err != nil {
						b.Fatal(err)
					}
				}
				for i := range n {
					add(mesh.Address(0x0100 + i/4))
				}
				h.Flush()
				m := &part.AccessMessage{AccessMessage: transport.AccessMessage{Src: 0x00F0}, Opcode: status}
				in := &part.Input{Kind: part.Message, Message: m}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if answered {
						m.Src = l.sent[len(l.sent)-1].to
					}
					r.Input(in)
					h.Flush()
					r.Tick()
					if r.NextDeadline().IsZero() {
						b.Fatal("nothing waits")
					}
					if answered {
						add(m.Src)
						h.Flush()
						l.sent, h.Reports = l.sent[len(l.sent)-1:], h.Reports[:0]
					}
				}
			})
		}
	}
}
