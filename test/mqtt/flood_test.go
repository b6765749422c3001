package mqtt

import (
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/mosquitto"
)

// A broker stores only a limited number of messages for a slow client:
// Mosquitto 1000 by default; docker-compose.yml raises the limit.
func TestRetainedFlood(t *testing.T) {
	t.Parallel()
	const topics = 5000
	server := mosquitto.Start(t, mosquitto.Options{Config: "max_queued_messages 0"})
	bridge := open(t, options(server, "bridge"))
	for i := range topics {
		bridge.Publish(fmt.Sprintf("b/%d", i), []byte("v"), true)
	}
	bridge.drain()

	reader := open(t, options(server, "reader", "b/#"))
	seen := map[string]bool{}
	until(t, "every retained value is read", func() bool {
		for len(reader.messages) > 0 {
			m := <-reader.messages
			seen[m.Topic] = m.Retained
		}
		return len(seen) == topics
	})
	if s := reader.Stats(); s.DroppedIn != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestFloodOfCommandsKeepsTheLast(t *testing.T) {
	t.Parallel()
	const commands = 10_000
	server := mosquitto.Start(t, mosquitto.Options{Config: "max_queued_messages 0"})
	o := options(server, "bridge", "b/+/set")
	o.Limits.Inbox = 64
	bridge := open(t, o)
	bridge.await(mqtt.Connected)
	o = options(server, "hand")
	o.Limits.Events = commands
	hand := open(t, o)
	for i := range commands {
		hand.Event("b/lamp/set", fmt.Append(nil, i), 1)
	}
	bridge.expect(fmt.Sprintf("b/lamp/set=%d", commands-1))
}

// The subscriptions of the topic grammar overlap for a request whose name ends
// in "set". A broker may send such a message once per subscription.
func TestFiltersDeliverEachCommandOnce(t *testing.T) {
	t.Parallel()
	topics, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	server := mosquitto.Start(t, mosquitto.Options{})
	bridge := open(t, options(server, "bridge", topics.Filters(topic.MaxNameSegments)...))
	bridge.await(mqtt.Connected)
	hand := open(t, options(server, "hand"))
	want := []string{
		topics.Set("lamp"), topics.Get("lamp"), topics.SetAttribute("lamp", "brightness"),
		topics.SetElement("lamp", "left"), topics.Set("a/b/c/d"), topics.SetElement("a/b/c/d", "left"),
		topics.SetAttribute("a/b/c/d", "state"), topics.Request("scan"), topics.Request("device/rename"),
	}
	for _, name := range want {
		hand.Event(name, []byte("."), 1)
	}
	hand.Event(topics.State("lamp"), []byte("not for the bridge"), 1)
	hand.Event(topics.Request("end"), []byte("."), 1)
	for _, name := range append(want, topics.Request("end")) {
		if m := <-bridge.messages; m.Topic != name {
			t.Fatalf("got %s, expected %s", m.Topic, name)
		}
	}
}
