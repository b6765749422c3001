package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

func TestBearersOfUnprovisionedDevices(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		for _, b := range []provision.Bearer{provision.PBGATT, provision.PBADV, provision.PBGATT} {
			w.svc.Report(node.DeviceHeard{UUID: uuid(1), Bearer: b})
		}
		w.svc.Report(node.DeviceHeard{UUID: uuid(2), Bearer: provision.PBGATT})
		pass(0)
		list := w.listed("unprovisioned")
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

// TestProxiesThatFail: a proxy that cannot be used is named with the reason, in the log,
// on bridge/logging and in bridge/health. A flood of false ones is one warning a minute.
func TestProxiesThatFail(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		w.out.take("b/bridge/logging")
		w.out.take("b/bridge/event")
		peer := func(n byte) bearer.Peer { return bearer.Peer{Address: [6]byte{0xC0, 1, 2, 3, 4, n}} }
		for n := range byte(30) {
			w.svc.Report(node.ProxyFailed{Peer: peer(n), Err: proxy.ErrStatus, Failures: 1, Wait: 2 * time.Second})
			pass(5 * time.Second)
		}
		warnings := w.out.take("b/bridge/logging")
		if len(warnings) != 3 || !strings.Contains(warnings[0], "the proxy C0:01:02:03:04:00 could not be used: expected a Filter Status") ||
			!strings.Contains(warnings[0], "not tried again for 2s; 0 other") || !strings.Contains(warnings[1], "; 11 other attempts have failed") {
			t.Errorf("warnings %v", warnings)
		}
		w.net.SetProxies(
			proxy.Status{Peer: peer(1), Node: plug.Address(), RSSI: -60, Connected: true, Proven: true, Since: time.Now()},
			proxy.Status{Peer: peer(2), Node: plug.Address(), RSSI: 127, Proven: true, Mute: true, Failures: 2, Reason: proxy.ErrMute},
			proxy.Status{Peer: peer(3), Node: plug.Address(), RSSI: -30, Failures: 1, Reason: proxy.ErrStatus},
		)
		w.svc.Report(node.ProxyLost{Peer: peer(2), Node: plug.Address(), Err: proxy.ErrMute, Mute: true})
		pass(time.Second)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 || !strings.Contains(got[0], "the proxy C0:01:02:03:04:02 forwards nothing") {
			t.Errorf("warnings %v", got)
		}
		if got := w.out.take("b/bridge/event"); len(got) != 1 || !strings.Contains(got[0], `"friendly_name":"plug","peer":"C0:01:02:03:04:02","reason":"devices that are reached through it have fallen silent together"`) {
			t.Errorf("events %v", got)
		}
		health := w.out.value("b/bridge/health")
		for _, want := range []string{
			`"proxies":[{"peer":"C0:01:02:03:04:01","friendly_name":"plug","connected":true,"since":"`,
			`"proven":true,"silent":false,"rssi":-60,"failures":0}`,
			`{"peer":"C0:01:02:03:04:02","friendly_name":"plug","connected":false,"proven":true,"silent":true,"rssi":null,"failures":2,"reason":"devices`,
			`{"peer":"C0:01:02:03:04:03","connected":false,"proven":false,"silent":false,"rssi":-30,"failures":1,"reason":"expected a Filter Status`,
		} {
			if !strings.Contains(health, want) {
				t.Errorf("%s is not in %s", want, health)
			}
		}
	})
}

// TestUnknownSignal: a signal strength that nobody has measured is null, never a number.
func TestUnknownSignal(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		w.request("scan", `{"time":3600}`)
		w.out.take("b/bridge/event")
		w.svc.Report(node.DeviceHeard{UUID: uuid(9), RSSI: node.UnknownRSSI})
		w.svc.Report(node.DeviceHeard{UUID: uuid(8), RSSI: node.UnknownRSSI, Via: plug.Address(), Bearer: provision.PBRemote})
		w.svc.Report(node.HeartbeatReceived{Src: plug.Address(), Hops: 1, RSSI: node.UnknownRSSI})
		pass(time.Minute)
		for _, topic := range []string{"bridge/unprovisioned", "bridge/health"} {
			if got := w.out.value("b/" + topic); !strings.Contains(got, `"rssi":null`) || strings.Contains(got, "127") {
				t.Errorf("%s: %s", topic, got)
			}
		}
		for _, got := range w.out.take("b/bridge/event") {
			if strings.Contains(got, "device_found") && !strings.Contains(got, `"rssi":null`) {
				t.Errorf("event %s", got)
			}
		}
	})
}
