package mqtt

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/mosquitto"
)

// A hundred changes and one event a second, while the broker is away for three
// seconds, or for as long as MESH_TEST_OUTAGE says:
//
//	MESH_TEST_OUTAGE=60s go test -v -run '^TestOutage$' ./test/mqtt
//
// Afterwards every state is the last one, and every event has arrived or is counted
// in a report. TestOutages of bridge/mqtt does the same for other faults and for ten
// minutes, in fake time.
func TestOutage(t *testing.T) {
	t.Parallel()
	const topics, rate = 20, 100
	away := 3 * time.Second
	if text := os.Getenv("MESH_TEST_OUTAGE"); text != "" {
		var err error
		if away, err = time.ParseDuration(text); err != nil {
			t.Fatalf("MESH_TEST_OUTAGE: %v", err)
		}
	}
	server := mosquitto.Start(t, mosquitto.Options{})
	o := options(server, "bridge")
	o.Limits.Expiry = 2 * time.Second
	o.Limits.MinBackoff, o.Limits.MaxBackoff = 0, 0 // the usual ones
	notices := make(chan mqtt.Notice, 1000)
	o.OnNotice = func(n mqtt.Notice) { notices <- n }
	bridge := open(t, o)
	bridge.await(mqtt.Connected)

	states := map[string]string{}
	changes, events := 0, 0
	pace := time.NewTicker(time.Second / rate)
	defer pace.Stop()
	work := func(d time.Duration) {
		for range int(d.Seconds() * rate) {
			<-pace.C
			topic := fmt.Sprintf("b/lamp%d", changes%topics)
			states[topic] = fmt.Sprint(changes)
			bridge.Publish(topic, []byte(states[topic]), true)
			if changes%rate == 0 {
				bridge.Event("b/button", fmt.Append(nil, events), 1)
				events++
			}
			changes++
		}
	}
	work(time.Second)
	server.Kill()
	bridge.await(mqtt.Lost)
	work(away)
	server.Restart()
	back := time.Now()
	bridge.await(mqtt.Connected)
	t.Logf("connected %v after the broker was back", time.Since(back))
	bridge.drain()
	t.Logf("everything was sent %v after the broker was back; stats %+v", time.Since(back), bridge.Stats())

	reader := open(t, options(server, "reader", "b/#"))
	got := map[string]string{}
	for len(got) < len(states) {
		if m := <-reader.messages; m.Retained {
			got[m.Topic] = string(m.Payload)
		}
	}
	for topic, want := range states {
		if got[topic] != want {
			t.Errorf("%s is %s, expected %s", topic, got[topic], want)
		}
	}
	bridge.close()
	lost := 0
	for len(notices) > 0 {
		n := <-notices
		t.Log(n)
		if loss, ok := n.(mqtt.Loss); ok {
			lost += loss.Events
		} else if !strings.Contains(n.String(), "broker") {
			t.Errorf("notice %v", n)
		}
	}
	if dropped := int(bridge.Stats().DroppedOut); lost != dropped || dropped >= events {
		t.Errorf("%d events were reported as lost, %d were, of %d", lost, dropped, events)
	}
}
