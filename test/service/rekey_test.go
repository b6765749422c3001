package service

import (
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// The whole demo moves to another IV index and to other keys, twice, the second
// time without one of its devices, and across a restart.
func TestNetworkMovesOn(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	demo := n.start()
	demo.ready()
	listens(n.o, n.mark)
	works := func(state string) {
		t.Helper()
		for _, name := range []string{"demo_plug", "demo_lamp", "demo_color_lamp"} {
			mark := n.o.Mark()
			n.o.Send(base+name+"/set", `{"state":"`+state+`","transaction":1}`)
			n.o.Next(mark, base+name+"/set/response", `{"status":"ok","transaction":1}`)
			n.o.AwaitLast(base+name, `{"state":"`+state+`"}`)
		}
	}
	ask := func(request, payload, want string) int {
		t.Helper()
		mark := n.o.Mark()
		n.o.Send(base+"bridge/request/"+request, payload)
		n.o.Next(mark, base+"bridge/response/"+request, want)
		return mark
	}
	done := func(mark int) {
		t.Helper()
		n.o.NextMatch(mark, base+"bridge/event", "that the keys are refreshed", func(payload []byte) bool {
			text := string(payload)
			return strings.Contains(text, `"key_refresh"`) && strings.Contains(text, `"done"`)
		})
		n.o.AwaitLastMatch(base+"bridge/info", "without a key refresh", func(payload []byte) bool {
			return strings.Contains(string(payload), `"key_refresh_phase":0`) && !strings.Contains(string(payload), `"key_refresh":`)
		})
	}
	works("ON")
	mark := ask("network/key_refresh", `{}`, `{"status":"ok","data":{"phase":"distributing"}}`)
	works("OFF")
	done(mark)
	works("ON")

	ask("network/iv_update", `{}`, `{"status":"error","code":"too_early"}`)
	ask("network/iv_update", `{"test_mode":true}`, `{"status":"ok","data":{"iv_index":1,"in_progress":true}}`)
	n.o.AwaitLast(base+"bridge/info", `{"network":{"iv_index":1,"iv_update":true}}`)
	works("OFF")
	mark = n.o.Mark()
	ask("network/iv_update", `{"to":"normal"}`, `{"status":"ok","data":{"iv_index":1,"in_progress":false}}`)
	n.o.Next(mark, base+"bridge/event", `{"type":"iv_update"}`)
	works("ON")

	demo.Kill()
	mark = n.o.Mark()
	demo = n.start()
	demo.ready()
	listens(n.o, mark)
	works("OFF")
	mark = ask("device/remove", `{"id":"demo_button","key_refresh":true}`, `{"status":"ok","data":{"reset":true,"key_refresh":"begun"}}`)
	done(mark)
	works("ON")
	if text, _ := n.o.Last(base + "bridge/info"); !observer.Contains(text, `{"network":{"iv_index":1}}`) {
		t.Errorf("info %s", text)
	}
}
