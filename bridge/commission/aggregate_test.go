package commission_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// modern is a lamp with an Opcodes Aggregator Server.
func modern() *fake.Node {
	return fake.Composed(mesh.UUID{1},
		[]mesh.ModelID{foundation.OpcodesAggregatorServerID, generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID},
		[]mesh.ModelID{generic.LevelServerID, light.CTLTemperatureServerID})
}

// answered is what a server says to the first items of a sequence, with a status.
func answered(m fake.Message, code opcodesaggregator.StatusCode, items ...access.Message) access.Message {
	status := &opcodesaggregator.Status{Status: code, ElementAddress: fake.Decode[opcodesaggregator.Sequence](m).ElementAddress}
	for _, item := range items {
		octets, _ := access.Append(nil, item)
		status.Items = append(status.Items, octets)
	}
	return status
}

func bound(element mesh.Address, model mesh.ModelID, code foundation.Status) access.Message {
	return &configuration.ModelAppStatus{Status: code, ElementAddress: element, AppKeyIndex: 3, ModelIdentifier: model}
}

// The bindings and publications of a node go into one message.
func TestAggregatedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := modern()
		result, steps, err := configure(t, d)
		if err != nil || len(result.Skipped) > 0 {
			t.Fatalf("%+v, %v", result, err)
		}
		sequences := d.Received(opcodesaggregator.OpSequence)
		if len(sequences) != 1 || len(fake.Decode[opcodesaggregator.Sequence](sequences[0]).Items) != 7 {
			t.Fatalf("sequences %v", sequences)
		}
		if b, p := len(d.Received(configuration.OpModelAppBind)), len(d.Received(configuration.OpModelPublicationSet)); b != 6 || p != 1 {
			t.Errorf("%d bindings and %d publications, all within the sequence", b, p)
		}
		// One event for all of them.
		if got := fmt.Sprint(steps); got != "[{composition 1 10} {app_key 2 10} {publish 9 10} {details 10 10}]" {
			t.Errorf("steps %s", got)
		}
	})
}

// What a sequence does not bring is sent in single messages, once each.
func TestSequencesThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		answer    func(m fake.Message) access.Message
		sequences int
		single    []mesh.ModelID // bindings after the sequence
	}{
		"no answer": {silence, 1, []mesh.ModelID{0x1000, 0x1002, 0x1300, 0x1303, 0x1002, 0x1306}},
		"wrong access key": {func(m fake.Message) access.Message {
			return answered(m, opcodesaggregator.WrongAccessKey)
		}, 1, []mesh.ModelID{0x1000, 0x1002, 0x1300, 0x1303, 0x1002, 0x1306}},
		"answers that do not fit": {func(m fake.Message) access.Message {
			return answered(m, opcodesaggregator.ResponseOverflow, bound(0x0100, generic.OnOffServerID, 0), bound(0x0100, generic.LevelServerID, 0))
		}, 1, []mesh.ModelID{0x1300, 0x1303, 0x1002, 0x1306}},
		"answers to other messages": {func(m fake.Message) access.Message {
			return answered(m, opcodesaggregator.Success, bound(0x0100, generic.OnOffServerID, 0), bound(0x0100, generic.OnOffServerID, 0),
				&configuration.BeaconStatus{}, bound(0x0100, light.CTLServerID, 0), bound(0x0101, generic.LevelServerID, 0),
				bound(0x0101, light.CTLTemperatureServerID, 0), &configuration.ModelPublicationStatus{ElementAddress: 0x0100, ModelIdentifier: light.CTLServerID})
		}, 1, []mesh.ModelID{0x1002, 0x1300}},
		"the status of another element": {func(fake.Message) access.Message {
			return &opcodesaggregator.Status{ElementAddress: 0x0101}
		}, 1, []mesh.ModelID{0x1000, 0x1002, 0x1300, 0x1303, 0x1002, 0x1306}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := answering(modern(), opcodesaggregator.OpSequence, test.answer)
				result, steps, err := configure(t, d)
				if err != nil || len(result.Skipped) > 0 {
					t.Fatalf("%+v, %v", result, err)
				}
				var single []mesh.ModelID
				for _, m := range d.Received(configuration.OpModelAppBind) {
					single = append(single, fake.Decode[configuration.ModelAppBind](m).ModelIdentifier&0xFFFF)
				}
				if !slices.Equal(single, test.single) || len(d.Received(opcodesaggregator.OpSequence)) != test.sequences {
					t.Errorf("bound one by one: %v", single)
				}
				if last := steps[len(steps)-1]; last.Done != last.Total {
					t.Errorf("last step %+v", last)
				}
			})
		})
	}
}

// A refusal within a sequence is recorded like any other. What needs the binding is not
// recorded as well.
func TestRefusalsInASequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := answering(modern(), configuration.OpModelAppBind, func(m fake.Message) access.Message {
			in := fake.Decode[configuration.ModelAppBind](m)
			status := foundation.Success
			if in.ModelIdentifier == light.CTLServerID {
				status = foundation.CannotBind
			}
			return bound(in.ElementAddress, in.ModelIdentifier, status)
		})
		result, steps, err := configure(t, d)
		if err != nil || fmt.Sprint(result.Skipped) != "[bind: model 1303 of element 0x0100: foundation: the node answered: cannot bind]" {
			t.Fatalf("%+v, %v", result, err)
		}
		if last := steps[len(steps)-1]; last.Done != last.Total {
			t.Errorf("last step %+v", last)
		}
		if len(d.Received(light.OpCTLTemperatureRangeGet)) != 0 {
			t.Error("a model without the key was asked")
		}
	})
}

// A node with many models gets as many sequences as their answers need.
func TestManyModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		models := [][]mesh.ModelID{{foundation.OpcodesAggregatorServerID}}
		for i := range uint16(30) {
			models = append(models, []mesh.ModelID{generic.OnOffServerID, mesh.VendorModel(0x05F1, i)})
		}
		d := fake.Composed(mesh.UUID{1}, models...)
		result, _, err := configure(t, d)
		if err != nil || len(result.Skipped) > 0 {
			t.Fatalf("%+v, %v", result, err)
		}
		items := 0
		for _, m := range d.Received(opcodesaggregator.OpSequence) {
			in := fake.Decode[opcodesaggregator.Sequence](m)
			items += len(in.Items)
			if sent := len(m.Params) + 2; sent > access.MaxPayload {
				t.Errorf("a sequence of %d octets", sent)
			}
		}
		if single := len(d.Received(configuration.OpModelAppBind, configuration.OpModelPublicationSet)); items != 120 || single != 120 {
			t.Errorf("%d messages, %d of them in sequences", single, items)
		}
		if n := len(d.Received(opcodesaggregator.OpSequence)); n < 5 || n > 6 {
			t.Errorf("%d sequences", n)
		}
	})
}

// A node that is out of reach ends the interview, as without sequences.
func TestNobodyAnswersTheSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := modern()
		d.Answer = func(m fake.Message) (access.Message, bool) {
			return nil, m.Opcode == opcodesaggregator.OpSequence || m.Opcode == configuration.OpModelAppBind
		}
		if result, _, err := configure(t, d); !errors.Is(err, node.ErrNoResponse) {
			t.Errorf("%+v, %v", result, err)
		}
		if n := len(d.Received(configuration.OpModelAppBind)); n != 1 {
			t.Errorf("%d bindings", n)
		}
	})
}
