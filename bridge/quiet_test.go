package bridge

import (
	"io"
	"testing"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// TestDebugCostsNothingWhenItIsOff counts allocations: decoding makes some.
func TestDebugCostsNothingWhenItIsOff(t *testing.T) {
	messages, err := newMessages()
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{messages: messages}
	in := node.MessageReceived{Src: 2, Dst: 1, Opcode: generic.OpOnOffStatus, Params: []byte{1}}
	u := unit{managed: &managed{record: &device.Record{Name: "plug"}}}
	for level, free := range map[zerolog.Level]bool{zerolog.InfoLevel: true, zerolog.DebugLevel: false} {
		s.log = zerolog.New(io.Discard).Level(level)
		allocations := testing.AllocsPerRun(100, func() {
			s.debugReceived(u, in)
			s.debugCommand("b/plug/set", "plug", in.Params)
			s.debugRequest("scan", in.Params)
		})
		if (allocations == 0) != free {
			t.Errorf("at %s: %g allocations", level, allocations)
		}
	}
}
