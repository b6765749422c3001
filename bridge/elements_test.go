package bridge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// A device that claims more elements than it lists works. It gives the addresses back
// that it does not use, unless it answers there: then they stay with it, and somebody is
// told.
func TestDeviceThatClaimsTooManyElements(t *testing.T) {
	for name, answers := range map[string]bool{"silent there": false, "answers there": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.start()
				big := fake.Composed(uuid(1), []mesh.ModelID{generic.OnOffServerID}, []mesh.ModelID{generic.OnOffServerID})
				big.Claims, big.AnswersAll = 255, answers
				w.net.Place(big)
				w.out.take()
				if r := w.request("device/provision", `{"uuid":"`+big.UUID.String()+`","name":"big"}`); r["status"] != "ok" {
					t.Fatal(r)
				}
				want, says := 2, "other devices can get these addresses"
				if answers {
					want, says = 255, "stay with it"
				}
				peers, err := w.net.Peers(context.Background())
				if err != nil || len(peers) != 1 || peers[0].Elements != want {
					t.Errorf("got %+v, %v, expected %d elements", peers, err, want)
				}
				if warnings := w.out.take("b/bridge/logging"); len(warnings) != 1 || !strings.Contains(warnings[0], says) || !strings.Contains(warnings[0], "lists 2") {
					t.Errorf("the warnings are %v", warnings)
				}
				w.send("b/big/1/set", `{"state":"ON"}`)
				pass(time.Second)
				if got := big.Received(generic.OpOnOffSet); len(got) != 1 || got[0].Element != 1 {
					t.Errorf("the device got %v", got)
				}
				// It stays like that.
				if r := w.request("device/interview", `{"id":"big"}`); r["status"] != "ok" {
					t.Error(r)
				}
				w.restart()
				pass(time.Minute)
				w.expect("b/big/availability", online)
			})
		})
	}
}

// A device that lists more elements than it has addresses for would speak for others: it
// is not configured, and no message of another device is taken for one of it.
func TestDeviceThatListsTooManyElements(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		greedy, plug := fake.Plug(uuid(1)), fake.Plug(uuid(2))
		three, err := fake.Composed(uuid(1), []mesh.ModelID{generic.OnOffServerID}, nil, nil).Composition.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		greedy.Answer = func(m fake.Message) (access.Message, bool) {
			return &configuration.CompositionDataStatus{Data: three}, m.Opcode == configuration.OpCompositionDataGet
		}
		w.net.Place(greedy)
		w.refused("device/provision", `{"uuid":"`+greedy.UUID.String()+`","name":"greedy"}`, "failed")
		w.join(map[string]*fake.Node{"plug": plug})
		w.report(plug, 0, &generic.OnOffStatus{PresentOnOff: true})
		w.expect("b/plug", `{"state":"ON"}`)
	})
}
