package bridge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

func TestBearersOfUnprovisionedDevices(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		for _, b := range []provision.Bearer{provision.PBGATT, provision.PBADV, provision.PBGATT} {
			w.svc.Report(node.DeviceHeard{UUID: uuid(1), Bearer: b})
		}
		w.svc.Report(node.DeviceHeard{UUID: uuid(2), Bearer: provision.PBGATT})
		pass(0)
		list := w.out.value("b/bridge/unprovisioned")
		for _, want := range []string{`01","bearers":["pb-adv","pb-gatt"]`, `02","bearers":["pb-gatt"]`} {
			if !strings.Contains(list, want) {
				t.Errorf("%s is not in %s", want, list)
			}
		}
	})
}

func TestBearerOfAProvisioning(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		for i, c := range []struct {
			field string
			want  node.BearerChoice
		}{
			{``, node.AnyBearer},
			{`,"bearer":"auto"`, node.AnyBearer},
			{`,"bearer":"pb-adv"`, node.OnlyPBADV},
			{`,"bearer":"pb-gatt"`, node.OnlyPBGATT},
		} {
			d := fake.Plug(uuid(byte(i + 1)))
			w.net.Place(d)
			if r := w.request("device/provision", `{"uuid":"`+d.UUID.String()+`"`+c.field+`}`); r["status"] != "ok" {
				t.Errorf("%s: %v", c.field, r)
			}
			if all := w.net.Provisioned(); len(all) != i+1 || all[i].Bearer != c.want {
				t.Errorf("%s: %+v", c.field, all)
			}
		}
		w.net.Refuse(uuid(9), node.ErrNotSighted)
		w.refused("device/provision", `{"uuid":"`+uuid(9).String()+`","bearer":"pb-gatt"}`, "not_sighted")
	})
}

func TestProxyEvents(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		w.out.take("b/bridge/event")
		peer := bearer.Peer{Address: [6]byte{0xC0, 1, 2, 3, 4, 5}}
		w.svc.Report(node.ProxyConnected{Peer: peer, Node: plug.Address()})
		w.svc.Report(node.ProxyLost{Peer: peer, Node: mesh.Unassigned, Err: errors.New("connection timeout")})
		w.svc.Report(node.ProxyLost{Peer: peer})
		pass(0)
		want := []string{
			`{"data":{"friendly_name":"plug","peer":"C0:01:02:03:04:05"},"type":"proxy_connected"}`,
			`{"data":{"peer":"C0:01:02:03:04:05","reason":"connection timeout"},"type":"proxy_lost"}`,
			`{"data":{"peer":"C0:01:02:03:04:05"},"type":"proxy_lost"}`,
		}
		got := w.out.take("b/bridge/event")
		if len(got) != len(want) {
			t.Fatalf("events %v", got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s, want %s", got[i], want[i])
			}
		}
	})
}
