package bridge

import (
	"io"
	"testing"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/command"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// TestDebugCostsNothingWhenItIsOff counts allocations: decoding would allocate.
func TestDebugCostsNothingWhenItIsOff(t *testing.T) {
	messages, err := requester.Messages()
	if err != nil {
		t.Fatal(err)
	}
	table, err := Requests()
	if err != nil {
		t.Fatal(err)
	}
	in := node.MessageReceived{Src: 2, Dst: 1, Opcode: generic.OpOnOffStatus, Params: []byte{1}}
	from := registry.Element{Device: &registry.Device{Record: &device.Record{Name: "plug"}}}
	for level, free := range map[zerolog.Level]bool{zerolog.InfoLevel: true, zerolog.DebugLevel: false} {
		log := zerolog.New(io.Discard).Level(level)
		allocations := testing.AllocsPerRun(100, func() {
			requester.LogReceived(&log, messages, from, in)
			command.Log(&log, "b/plug/set", "plug", in.Params)
			logRequest(&log, table, "scan", in.Params)
		})
		if (allocations == 0) != free {
			t.Errorf("at %s: %g allocations", level, allocations)
		}
	}
}
